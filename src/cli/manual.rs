//! `roomtone completions` and `roomtone man`: what is known of the command line, for shells and for readers.

use std::{fs, io::Write, path::Path};

use clap::Command;
use clap_complete::{Shell, generate};

use super::{ErrorCode, Failure, say};

pub(super) fn completions(mut command: Command, shell: Shell) -> Result<(), Failure> {
    let (name, mut script) = (command.get_name().to_owned(), Vec::new());
    generate(shell, &mut command, name, &mut script);
    // A reader who has had enough is no failure.
    std::io::stdout().write_all(&script).ok();
    Ok(())
}

/// A page for the program and one for each of its commands.
pub(super) fn pages(command: Command, folder: &Path) -> Result<(), Failure> {
    let write = || {
        fs::create_dir_all(folder)?;
        clap_mangen::generate_to(command, folder)?;
        let pages =
            fs::read_dir(folder)?.flatten().filter(|entry| entry.path().extension().is_some_and(|it| it == "1"));
        Ok(pages.count())
    };
    let written = write().map_err(|error: std::io::Error| {
        Failure::new(ErrorCode::File, format!("--out {}: {error}", folder.display()))
    })?;
    say(&format_args!("{} in {}", crate::text::count(written, "page"), folder.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::args::Args;

    fn command() -> clap::Command {
        Args::command().name("roomtone").version("1")
    }

    /// What no command line that was tried has reached is looked at here, too.
    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_a_page_and_every_shell_a_script() {
        let folder = std::env::temp_dir().join(format!("roomtone-man-{}", uuid::Uuid::new_v4()));
        super::pages(command(), &folder).unwrap();
        for page in ["roomtone.1", "roomtone-start.1", "roomtone-rooms-list.1"] {
            assert!(folder.join(page).is_file(), "{page}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
