//! A conversation and a transcript that were kept are run again without engines: the same events, the same sound.

use std::{path::Path, process::Command};

use roomtone::audio::{Hz, wav};

use crate::{common::place, stage::person};

fn program(data: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_roomtone"));
    let output = program.env("ROOMTONE_DATA", data).args(args).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A question, and before the answer can be over somebody speaks into it; engines take as long as they take.
#[test]
fn scribe_and_concierge_go_the_same_way_without_engines() {
    let Some(place) = place() else { return };
    let folder = std::env::temp_dir().join(format!("roomtone-again-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut said = vec![0; 16_000];
    for (file, silence_s) in
        [("librivox/sense_and_sensibility_01_austen_64kb-0880.wav", 4), ("cards/003.wav", 3), ("cards/001.wav", 1)]
    {
        said.extend(person(file).samples);
        said.resize(said.len() + silence_s * 16_000, 0);
    }
    let file = folder.join("said.wav");
    wav::write(&file, Hz::K16, 1, &said).unwrap();
    for (agent, options, wanted) in [
        ("scribe", "partials=\"300ms\"", "caption"),
        ("concierge", "dialogue.turn_listener=smart-turn", "agent-speaks"),
    ] {
        let kept = folder.join(agent);
        let (file, kept_in) = (file.to_str().unwrap(), kept.to_str().unwrap());
        let args = ["console", "--agent", agent, "--set", options, "--input-file", file, "--record", kept_in];
        let (code, said) = program(&place.join("data"), &args);
        assert_eq!(code, Some(0), "{said}");
        let events = std::fs::read_to_string(kept.join("events.jsonl")).unwrap();
        assert!(events.contains(wanted), "{events}");
        for speed in ["fast", "fast", "real-time"] {
            let (code, said) = program(&folder.join("no engines"), &["replay", kept_in, "--speed", speed]);
            println!("{agent}, {speed}: {said}");
            assert!(code == Some(0) && said.starts_with("the same"), "{agent}: {said}");
        }
    }
    std::fs::remove_dir_all(folder).ok();
}
