//! Bad input to the program: one clear line that says what to do, an exit code, and no backtrace.

use std::process::{Command, Output};

use crate::common::data;

fn roomtone(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomtone"));
    command.args(args).env_remove("FISHJAM_ID").env_remove("FISHJAM_MANAGEMENT_TOKEN").env("RUST_BACKTRACE", "1");
    command.output().unwrap()
}

#[track_caller]
fn fails(args: &[&str], code: i32, parts: &[&str]) {
    let output = roomtone(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{args:?}: {text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "{args:?}: {part:?} is not in {text:?}"));
    assert!(!text.contains("panicked") && !text.contains("stack backtrace"), "{text}");
}

#[test]
fn files_agents_and_options() {
    let text = data("README.md");
    let text = text.to_str().unwrap();
    fails(&["demo", "--input", "/no/such/file.wav"], 3, &["/no/such/file.wav", "give the path of a sound file"]);
    fails(&["demo", "--input", text], 3, &["README.md", "is a text, which is not read"]);
    fails(
        &["demo", "--agent", "ekho"],
        3,
        &["no agent called \"ekho\"", "echo, concierge, eventlog, greeter, recorder"],
    );
    fails(&["demo", "--set", "mixd=true"], 3, &["agent echo", "mixd"]);
    fails(&["demo", "--set", "mixed"], 3, &["write --set key=value"]);
    fails(&["demo", "--agent", "concierge", "--set", "dialogue.turns.least_word=2"], 3, &["least_word", "least_words"]);
    fails(&["demo", "--set", "mixed=true", "--set", "mixed.so=1"], 3, &["mixed has no keys, it is a value"]);
    fails(&["demo", "--options", "/no/such.toml"], 3, &["/no/such.toml"]);
    fails(&["demo", "--out", "/proc/nowhere"], 3, &["/proc/nowhere", "--out"]);
}

#[test]
fn text_of_others_makes_no_lines() {
    fails(&["demo", "--input", "no\nsuch\u{1b}[31m.wav"], 3, &["no such[31m.wav"]);
    fails(&["demo", "--agent", "ec\nho"], 3, &["no agent called"]);
    fails(&["check", "no\nsuch.toml"], 3, &["no such.toml"]);
    fails(&["start", "/bin/ls"], 3, &["/bin/ls: is not text"]);
    fails(&["demo", "--options", "/bin/ls"], 3, &["/bin/ls: is not text"]);
}

#[test]
fn numbers_and_addresses() {
    let says = |args: &[&str], part: &str| {
        let text = String::from_utf8(roomtone(args).stderr).unwrap();
        assert!(text.contains(part), "{args:?}: {text}");
    };
    says(&["sessions", "tap", "abc"], "a session's number is meant");
    says(&["join", "--room", "r", "--lead-ms", "99999999999"], "give a whole number from 40 to 10000");
    says(&["rooms", "create", "--max-peers", "0"], "from 1 to 1000000");
    says(&["sessions", "--admin", "", "--token-file", "Cargo.toml"], "more than one word");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_host_is_called_so() {
    let house = crate::common::House::open().await;
    let token = std::env::temp_dir().join(format!("roomtone-admin-{}", std::process::id()));
    std::fs::write(&token, "secret\n").unwrap();
    let (file, address) = (token.to_str().unwrap(), house.sandbox.address().to_string());
    fails(&["sessions", "--admin", "", "--token-file", file], 3, &["--admin", "is empty", "127.0.0.1:9465"]);
    fails(&["reload", "--admin", &address, "--token-file", file], 4, &["is no roomtone host", "check --admin"]);
    std::fs::remove_file(&token).unwrap();
}

#[test]
fn a_rooms_id_is_no_path() {
    for id in ["", "..", "a/../demo", "demo?x", "a\nb"] {
        for args in [&["join", "--room", id][..], &["rooms", "delete", id], &["people", "add", id, "x.mp3"]] {
            let output = roomtone(args);
            assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn results_that_could_not_be_printed_are_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomtone"));
    let output = command.arg("agents").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the results could not be printed"));
}

#[test]
fn fishjams_rooms_and_tokens() {
    let join = |more: &[&'static str]| [&["join", "--room", "r", "--agent", "echo"], more].concat();
    fails(&join(&[]), 3, &["set FISHJAM_ID"]);
    fails(&join(&["--fishjam", "localhost:5002"]), 3, &["localhost:5002", "http://"]);
    fails(&join(&["--fishjam", "http://127.0.0.1:1"]), 3, &["set FISHJAM_MANAGEMENT_TOKEN"]);
    fails(&join(&["--fishjam", "x", "--token-file", "/no/token"]), 3, &["/no/token"]);
    fails(&join(&["--fishjam", "x", "--voice", "pcm16:48000"]), 3, &["16000 or 24000"]);
    let token = std::env::temp_dir().join(format!("roomtone-token-{}", std::process::id()));
    std::fs::write(&token, "secret\n").unwrap();
    let file = token.to_str().unwrap();
    let args = ["join", "--room", "r", "--agent", "echo", "--fishjam", "http://127.0.0.1:1", "--token-file", file];
    fails(&args, 4, &["nobody answers at this address", "http://127.0.0.1:1"]);
    std::fs::remove_file(&token).unwrap();
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["sandbox", "--listen", &address], 3, &[&address, "is in use", "--listen"]);
}

#[test]
fn help_version_and_the_table_of_agents() {
    let text = |args: &[&str]| String::from_utf8(roomtone(args).stdout).unwrap();
    assert_eq!(text(&["--version"]), format!("roomtone {}\n", env!("CARGO_PKG_VERSION")));
    let help = text(&["--help"]);
    for part in ["Examples:", "Exit codes:", "roomtone demo"] {
        assert!(help.contains(part), "{part:?} is not in {help}");
    }
    let agents = text(&["agents"]);
    assert_eq!(
        agents.lines().map(|line| line.split_whitespace().next().unwrap()).collect::<Vec<_>>(),
        ["echo", "concierge", "eventlog", "greeter", "recorder", "scribe"]
    );
    assert_eq!(roomtone(&["nonsense"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_tokens_that_a_fishjam_does_not_know() {
    let house = crate::common::House::open().await;
    let address = house.sandbox.address().to_string();
    let token = std::env::temp_dir().join(format!("roomtone-wrong-{}", std::process::id()));
    for (text, room, parts) in [
        (house.sandbox.token(), "nowhere", ["there is no room nowhere", "create it first"]),
        ("wrong", house.room.as_str(), ["the management token is refused", "FISHJAM_MANAGEMENT_TOKEN"]),
    ] {
        std::fs::write(&token, text).unwrap();
        let args = ["join", "--room", room, "--agent", "echo", "--fishjam", &address, "--token-file"];
        fails(&[&args[..], &[token.to_str().unwrap()]].concat(), 4, &parts);
    }
    std::fs::remove_file(&token).unwrap();
}

/// Ctrl-C: the agent leaves the room, and the program says so.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_makes_the_agent_leave() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let house = crate::common::House::open().await;
    let address = house.sandbox.address().to_string();
    let args = ["join", "--room", house.room.as_str(), "--agent", "echo", "--fishjam", &address];
    let mut program = Command::new(env!("CARGO_BIN_EXE_roomtone"))
        .args(args)
        .env("FISHJAM_MANAGEMENT_TOKEN", house.sandbox.token())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(program.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("Ctrl-C makes it leave"), "{first}");
    let there = house.fishjam.rest().room(&house.room).await.unwrap();
    assert_eq!(there.peers.len(), 1);
    let pid = program.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("the agent left as it was told\n"), "{said}");
    let left = house.fishjam.rest().room(&house.room).await.unwrap();
    assert!(left.peers.is_empty());
}
