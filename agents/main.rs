//! The program: roomtone's command line with the built-in agents.
//!
//! Each agent is a module of its own and a line in the table. They use only what the library's documentation shows.

mod concierge;
mod echo;
mod eventlog;
mod greeter;
mod recorder;
mod scribe;

use std::process::ExitCode;

use roomtone::{
    agent::{Builtin, Registry},
    cli::Program,
};

/// A host runs for weeks while sessions come and go: memory that is no longer used goes back to the machine.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Few pools, whatever the number of cores: sessions move between threads. Pages are given back after a second, by a
/// thread of jemalloc's own, so that a host that has nothing to do gives them back, too.
// SAFETY: jemalloc reads a C string from under this name, before the program begins; a reference to an array is a pointer
// to its first byte.
#[cfg(feature = "jemalloc")]
#[unsafe(export_name = "_rjem_malloc_conf")]
#[used]
static ALLOCATOR_OPTIONS: &[u8; 70] = b"narenas:4,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

fn agents() -> Registry {
    let options = |name: &str| options_of(include_str!("../config/agents/reference.toml"), name);
    Registry::new([
        Builtin::new("echo", "says back what it hears, one speaker at a time or all mixed", echo::prepare)
            .with_options(options("echo")),
        Builtin::new("concierge", "holds a conversation: hears, thinks, answers aloud", concierge::prepare)
            .with_options(options("concierge")),
        Builtin::new("eventlog", "writes down who did what, in the same words on every platform", eventlog::prepare)
            .with_options(options("eventlog")),
        Builtin::new("greeter", "plays a sound when someone joins, and stops when somebody speaks", greeter::prepare)
            .with_options(options("greeter")),
        Builtin::new(
            "recorder",
            "records each speaker to a file of their own, and all of them mixed",
            recorder::prepare,
        )
        .with_options(options("recorder")),
        Builtin::new("scribe", "writes down what everybody says, live and as transcripts", scribe::prepare)
            .with_options(options("scribe")),
    ])
}

/// The table of one agent in the reference, without its head, and with the tables in it.
fn options_of(reference: &str, name: &str) -> String {
    let table = reference.split_once(&format!("[{name}]\n")).map_or("", |(_, rest)| rest);
    let within = format!("{name}.");
    let mut parts = table.split("\n[");
    let mut options = parts.next().unwrap_or(table).to_owned();
    for part in parts.take_while(|part| part.starts_with(&within)) {
        options.push_str("\n[");
        options.push_str(&part[within.len()..]);
    }
    options.trim().to_owned()
}

fn main() -> ExitCode {
    Program::new("roomtone", env!("CARGO_PKG_VERSION")).run(agents())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use roomtone::host::Config;
    use toml::Table;

    use super::agents;

    fn config() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
    }

    fn toml_files(folder: PathBuf) -> Vec<PathBuf> {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
        assert!(!files.is_empty());
        files
    }

    /// An engine is the user's to install, and all that may be missing.
    fn but_for_an_engine<E: std::fmt::Display>(error: E) -> Result<(), E> {
        let text = error.to_string();
        let is_missing = text.contains("is not installed in") || text.contains("this build has no ONNX");
        if is_missing && text.trim().lines().count() == 1 { Ok(()) } else { Err(error) }
    }

    #[tokio::test]
    async fn the_agents_reference_has_a_table_for_each_and_every_table_fits() {
        let text = fs::read_to_string(config().join("agents/reference.toml")).unwrap();
        let reference: Table = text.parse().unwrap();
        let agents = agents();
        assert_eq!(reference.len(), agents.iter().count());
        for (name, table) in reference {
            let agent = agents.find(&name).unwrap();
            let prepared = agent.prepare(table.as_table().unwrap().clone()).await;
            prepared.map(drop).or_else(but_for_an_engine).unwrap_or_else(|error| panic!("{name}: {error}"));
            let shown: Table = agent.options().parse().unwrap();
            assert_eq!(Some(&shown), table.as_table(), "what `agents {name}` shows");
        }
    }

    #[tokio::test]
    async fn every_example_fits_the_agent_it_is_called_after() {
        for path in toml_files(config().join("agents")) {
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if stem == "reference" || stem.contains("opus") && !cfg!(feature = "opus") {
                continue;
            }
            let table: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
            let name = stem.split('-').next().unwrap();
            let prepared = agents().find(name).unwrap().prepare(table).await;
            prepared.map(drop).or_else(but_for_an_engine).unwrap_or_else(|error| panic!("{stem}: {error}"));
        }
    }

    #[tokio::test]
    async fn every_host_file_is_right() {
        for path in toml_files(config()) {
            match Config::read(&path, &agents()).await {
                Ok(config) => assert!(!config.deploys.is_empty(), "{}", path.display()),
                Err(error) => but_for_an_engine(error).unwrap_or_else(|error| panic!("{error}")),
            }
        }
    }

    #[tokio::test]
    async fn the_hosts_reference_shows_the_defaults() {
        let reference = Config::read(&config().join("reference.toml"), &agents()).await.unwrap();
        let least = Config::parse("[[deploy]]\nagent = \"echo\"", &agents()).await.unwrap();
        assert_eq!(reference, least);
    }

    #[tokio::test]
    async fn the_hosts_reference_shows_every_key() {
        let text = fs::read_to_string(config().join("reference.toml")).unwrap();
        // With the examples in place of what is left out, it is still right.
        let is_key = |line: &str| {
            let word = line.strip_prefix("# ").unwrap_or("");
            word.starts_with('[')
                || word.split(" = ").next().is_some_and(|key| word.contains(" = ") && !key.contains(' '))
        };
        let whole: Vec<&str> = text.lines().map(|line| if is_key(line) { &line[2..] } else { line }).collect();
        let whole = whole.join("\n");
        Config::parse(&whole, &agents()).await.unwrap_or_else(|faults| panic!("{faults:?}"));
        // The keys there are, as the error over one that is none lists them.
        let tables = [
            "fishjam",
            "signalwire",
            "nkmedia",
            "dubtrack",
            "host",
            "webhook",
            "metrics",
            "admin",
            "traces",
            "deploy",
            "deploy.rooms",
        ];
        let mut keys = 0;
        for table in
            tables.into_iter().chain(["deploy.join", "deploy.leave", "deploy.hear", "deploy.restart", "deploy.sink"])
        {
            let head = format!("[{table}]");
            let head = if table == "deploy" { "[[deploy]]".to_owned() } else { head };
            let with_a_slip = whole.replacen(&format!("{head}\n"), &format!("{head}\nslip = 1\n"), 1);
            let fault = Config::parse(&with_a_slip, &agents()).await.unwrap_err().remove(0).to_string();
            let section = whole.split(&format!("{head}\n")).nth(1).unwrap().split("\n[").next().unwrap();
            let (_, expected) = fault.split_once("; there ").unwrap_or_else(|| panic!("{table}: {fault}"));
            let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "{fault}");
            for name in names {
                let is_there = section.contains(&format!("\n{name} = ")) || section.starts_with(&format!("{name} = "));
                assert!(
                    is_there || whole.contains(&format!("[{table}.{name}]")),
                    "{table}.{name} is not in the reference"
                );
                keys += 1;
            }
        }
        assert!(keys > 50, "{keys}");
    }
}
