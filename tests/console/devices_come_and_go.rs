//! The program on a real sound server: a sentence goes in by the microphone and comes out of the speaker, and devices that go
//! are replaced while the agent stays.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use roomtone::audio::{Hz, Sound, compare};

use crate::server::{SoundServer, eventually};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/speech.wav");

/// An echo at the machine's microphone and speaker.
struct Talk {
    program: Child,
    folder: PathBuf,
}

impl Talk {
    fn begin(server: &SoundServer) -> Talk {
        let folder = std::env::temp_dir().join(format!("roomtone-talk-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str| Stdio::from(File::create(folder.join(name)).unwrap());
        let program = server
            .command(env!("CARGO_BIN_EXE_roomtone"))
            .args(["console", "--agent", "echo", "--raw", "--plain", "--log", "info"])
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        let talk = Talk { program, folder };
        talk.wait_for("echo hears");
        talk
    }

    fn printed(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap()
    }

    fn wait_for(&self, what: &str) {
        eventually(what, || self.printed("err").contains(what));
    }

    /// Ends it as a user does, and gives what it said of itself.
    fn end(mut self) -> String {
        let id = self.program.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let status = self.program.wait().unwrap();
        let out = self.printed("out");
        assert!(status.success(), "{out}\n{}", self.printed("err"));
        std::fs::remove_dir_all(&self.folder).ok();
        out
    }
}

/// How many of the half seconds of `said` are found again in `heard`, in parts of all that are loud enough to be found.
fn found(said: &[i16], heard: &[i16]) -> (usize, usize) {
    let loud = |piece: &&[i16]| piece.iter().filter(|sample| sample.unsigned_abs() > 500).count() > 800;
    let pieces: Vec<&[i16]> = said.chunks_exact(8_000).filter(loud).collect();
    let is_found = |piece: &&&[i16]| {
        compare::find(piece, heard, heard.len() - piece.len()).is_some_and(|found| found.correlation > 0.8)
    };
    (pieces.iter().filter(is_found).count(), pieces.len())
}

#[test]
fn what_is_said_into_the_microphone_comes_out_of_the_speaker() {
    let Some(server) = SoundServer::start() else { return };
    let listed = server.command(env!("CARGO_BIN_EXE_roomtone")).args(["devices", "--json"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let is_default = |id: &str| listed.lines().any(|line| line.contains(id) && line.contains("\"is_default\":true"));
    assert!(is_default("\"pulseaudio:mic\"") && is_default("\"pulseaudio:spk\""), "{listed}");
    let talk = Talk::begin(&server);
    let recorder = server.record("spk");
    server.say(SPEECH);
    std::thread::sleep(Duration::from_secs(1));
    let heard = recorder.samples();
    let summary = talk.end();
    let said = Sound::read(SPEECH.as_ref()).unwrap().at(Hz::K16);
    let (found, of) = found(&said.samples, &heard);
    println!("{found} of {of} half seconds came back; {}", summary.lines().last().unwrap());
    // A busy machine leaves holes in what the players of this test say; each spoils the half second that it is in.
    assert!(of >= 8 && found * 2 > of, "{found} of {of}\n{summary}");
    assert!(summary.contains("nothing lost"), "{summary}");
}

/// What `make test-long` asks for: two clocks for five minutes.
#[test]
#[ignore = "takes five minutes; make test-long runs it"]
fn five_minutes_lose_nothing() {
    let Some(server) = SoundServer::start() else { return };
    let talk = Talk::begin(&server);
    let begun = std::time::Instant::now();
    let mut rounds = 0;
    while begun.elapsed() < Duration::from_secs(300) {
        let recorder = server.record("spk");
        server.say(SPEECH);
        std::thread::sleep(Duration::from_secs(1));
        rounds += usize::from(recorder.hears_from(0));
    }
    let summary = talk.end();
    println!("{rounds} sentences came back in {} s; {}", begun.elapsed().as_secs(), summary.lines().last().unwrap());
    assert!(rounds >= 30, "{rounds}\n{summary}");
    assert!(summary.contains("nothing lost") && summary.contains("opened again 0 times"), "{summary}");
}

#[test]
fn a_speaker_that_is_unplugged_is_replaced_and_the_agent_stays() {
    let Some(server) = SoundServer::start() else { return };
    let talk = Talk::begin(&server);
    server.control(&["set-default-sink", "other"]).unwrap();
    let recorder = server.record("other");
    server.unload("sink_name=spk");
    let before = recorder.samples().len();
    server.say(SPEECH);
    eventually("the new speaker is heard", || recorder.hears_from(before));
    let summary = talk.end();
    assert!(summary.contains("the agent left as it was told"), "{summary}");
}

#[test]
fn devices_that_are_all_gone_are_opened_again_when_they_are_back() {
    let Some(mut server) = SoundServer::start() else { return };
    let talk = Talk::begin(&server);
    server.replace();
    let back = std::time::Instant::now();
    talk.wait_for("the speaker is");
    talk.wait_for("the microphone is");
    println!("both are open again {} ms after the sound server was back", back.elapsed().as_millis());
    let recorder = server.record("spk");
    server.say(SPEECH);
    eventually("it is heard again", || recorder.hears_from(0));
    let summary = talk.end();
    assert!(summary.contains("the agent left as it was told"), "{summary}");
    let reopened = summary.split("opened again ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(reopened.parse::<u32>().unwrap() >= 2, "{summary}");
}
