//! `roomtone new`: a project with an agent of one's own, its program, its test, its host's file and its image.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{ErrorCode, Failure, args::NewArgs, say};

pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let name = args.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    check_name(name)?;
    if args.folder.exists() {
        return Err(Failure::new(
            ErrorCode::Project,
            format!("{} is there already; choose another name", args.folder.display()),
        ));
    }
    let dependency = dependency(&args.roomtone)?;
    let agent = name.replace('_', "-");
    for (path, template) in TEMPLATE {
        let text = template.replace("{{name}}", name).replace("{{agent}}", &agent).replace("{{roomtone}}", &dependency);
        write(&args.folder.join(path), &text)?;
    }
    say(&format_args!("{} is there; next:", args.folder.display()));
    say(&format_args!("  cd {} && cargo test", args.folder.display()));
    say(&"  cargo run -- console            talk to it; without a microphone: cargo run -- demo");
    Ok(())
}

/// What cargo takes for a package with a program.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_fine = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        && !TAKEN.contains(&name);
    match is_fine {
        true => Ok(()),
        false => Err(Failure::new(
            ErrorCode::Project,
            format!("{name:?} is no name for a package; take small letters, as in my-agent"),
        )),
    }
}

/// Where roomtone comes from: a folder, or a version.
fn dependency(text: &str) -> Result<String, Failure> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && !Path::new(text).exists() {
        return Ok(format!("version = \"{text}\""));
    }
    let fail = |why: &dyn std::fmt::Display| {
        Failure::new(
            ErrorCode::Project,
            format!("--roomtone {text}: {why}; give the folder of its sources, or a version"),
        )
    };
    let folder = fs::canonicalize(text).map_err(|error| fail(&error))?;
    if !folder.join("Cargo.toml").is_file() {
        return Err(fail(&"there is no Cargo.toml in it"));
    }
    let shown = folder.to_str().ok_or_else(|| fail(&"its name is not text"))?;
    Ok(format!("path = {}", toml::Value::String(shown.to_owned())))
}

fn write(path: &PathBuf, text: &str) -> Result<(), Failure> {
    let folder = path.parent().expect("it is in the project");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(ErrorCode::Project, format!("{}: {error}", path.display())))
}

/// Names that cargo keeps for itself, or that would be somebody else's.
const TAKEN: [&str; 9] = ["test", "core", "std", "alloc", "build", "deps", "examples", "incremental", "roomtone"];

const TEMPLATE: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("src/main.rs", include_str!("template/main.rs.in")),
    ("src/agent.rs", include_str!("template/agent.rs.in")),
    ("config/host.toml", include_str!("template/host.toml.in")),
    ("Dockerfile", include_str!("template/Dockerfile.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", include_str!("template/gitignore.in")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cargo_refuses_is_refused_at_once_and_nothing_is_overwritten() {
        let place = std::env::temp_dir().join(format!("roomtone-new-{}", uuid::Uuid::new_v4()));
        let args = |name: &str| NewArgs { folder: place.join(name), roomtone: "0.1.0".into() };
        for name in ["My-Agent", "1st", "test", "deps", "a b", "ü"] {
            let error = run(&args(name)).unwrap_err().to_string();
            assert!(error.contains("no name for a package"), "{error}");
        }
        run(&args("my_agent")).unwrap();
        let read = |path: &str| fs::read_to_string(place.join("my_agent").join(path)).unwrap();
        assert!(read("Cargo.toml").contains("roomtone = { version = \"0.1.0\""));
        let all: String = TEMPLATE.iter().map(|(path, _)| read(path)).collect();
        assert!(!all.contains("{{") && read("config/host.toml").contains("agent = \"my-agent\""), "{all}");
        assert!(run(&args("my_agent")).unwrap_err().to_string().contains("is there already"));
        let lost = NewArgs { roomtone: "nowhere".into(), ..args("other") };
        assert!(run(&lost).unwrap_err().to_string().starts_with("--roomtone nowhere: "));
        assert!(!place.join("other").exists(), "nothing is left of it");
        fs::remove_dir_all(&place).unwrap();
    }
}
