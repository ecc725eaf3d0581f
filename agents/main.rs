//! The program: roomtone's command line with the built-in agents.
//!
//! Each agent is a module of its own and a line in the table. They use only what the library's documentation shows.

mod echo;
mod greeter;
mod recorder;

use std::process::ExitCode;

use roomtone::agent::{Builtin, Registry};

const AGENTS: Registry = Registry(&[
    Builtin { name: "echo", about: "says back what it hears, one speaker at a time or all mixed", make: echo::make },
    Builtin {
        name: "greeter",
        about: "plays a sound when someone joins, and stops when somebody speaks",
        make: greeter::make,
    },
    Builtin {
        name: "recorder",
        about: "records each speaker to a file of their own, and all of them mixed",
        make: recorder::make,
    },
]);

fn main() -> ExitCode {
    roomtone::cli::main(AGENTS)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use toml::Table;

    use super::AGENTS;

    fn config() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
    }

    #[test]
    fn the_reference_has_a_table_for_each_agent_and_every_table_fits() {
        let text = fs::read_to_string(config().join("reference.toml")).unwrap();
        let reference: Table = text.parse().unwrap();
        assert_eq!(reference.len(), AGENTS.0.len());
        for (name, table) in reference {
            let agent = AGENTS.find(&name).unwrap();
            (agent.make)(table.as_table().unwrap().clone()).map(drop).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn every_example_fits_the_agent_it_is_called_after() {
        let mut loaded = 0;
        for entry in fs::read_dir(config()).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if stem == "reference" || stem.contains("opus") && !cfg!(feature = "opus") {
                continue;
            }
            let table: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
            let name = stem.split('-').next().unwrap();
            (AGENTS.find(name).unwrap().make)(table).map(drop).unwrap_or_else(|error| panic!("{stem}: {error}"));
            loaded += 1;
        }
        assert!(loaded > 0);
    }
}
