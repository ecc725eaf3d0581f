//! What a scribe keeps and shows, without an engine: captions as they would come.

use std::{fs, path::PathBuf, time::Duration};

use roomtone::{
    agent::testing::TestRoom,
    archive::{erase, retention},
    conversation::transcript::Quality,
    event::{Metadata, Peer, PeerId, PeerKind},
};
use serde_json::json;

use super::{names::Names, *};

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roomtone-scribe-unit-{}-{name}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    folder
}

#[test]
fn people_keep_their_names_after_they_left_and_when_they_come_again() {
    let peer = |id: &str, metadata: serde_json::Value| Peer {
        metadata: Metadata::new(metadata),
        ..Peer::new(id.into(), PeerKind::Person)
    };
    let mut names = Names::default();
    names.learn([peer("a", json!({ "peer": { "displayName": " Ada " } })), peer("b", json!({ "name": "" }))].iter());
    names.learn([].iter());
    names.learn(
        [peer("a2", json!({ "server": { "name": "Ada" } })), Peer { name: "Bob".into(), ..peer("b2", json!({})) }]
            .iter(),
    );
    let of = |id: &str| names.of(&PeerId::from(id));
    assert_eq!(of("a").as_deref(), Some("Ada"));
    assert_eq!(of("a2").as_deref(), Some("Ada"));
    assert_eq!((of("b"), of("b2").as_deref()), (None, Some("Bob")));
}

#[test]
fn options_that_cannot_be_are_named() {
    for (text, key) in [
        ("engines = []", "engines"),
        ("partials = \"50ms\"", "partials"),
        ("activity = { threshold = 0.2 }", "activity.threshold"),
        ("activity = { end = \"10s\" }", "activity.end"),
        ("retain = \"30d\"", "folder"),
        ("record = { mix = true }", "folder"),
        ("folder = \"x\"\nretain = \"5s\"", "retain"),
    ] {
        let options: Options = toml::from_str(text).unwrap();
        let error = options.check().unwrap_err();
        assert!(matches!(&error, OptionsError::Value { key: named, .. } if *named == key), "{text}: {error}");
    }
    for text in ["engine = \"moonshine\"", "engines = [{ name = \"moonshine\", thread = 1 }]", "retain = 30"] {
        assert!(toml::from_str::<Options>(text).is_err(), "{text}");
    }
    assert!(toml::from_str::<Options>("").unwrap().check().is_ok());
}

#[tokio::test]
async fn an_engine_that_is_not_there_or_not_for_this_language_is_said() {
    let prepare = |text: &str| super::prepare(toml::from_str(text).unwrap());
    let error = prepare("engines = [\"moonshin\"]").await.unwrap_err().to_string();
    assert!(error.contains("there is no engine \"moonshin\"") && error.contains("pocketsphinx"), "{error}");
    let error = prepare("engines = [{ name = \"command\", program = [\"worker\"] }]").await.unwrap_err().to_string();
    assert!(error.contains("\"worker\" is no absolute path"), "{error}");
    let error = prepare("engines = [{ name = \"openai\" }]").await.unwrap_err().to_string();
    assert!(error.contains("needs a url"), "{error}");
    let error = prepare("engines = [{ name = \"openai\", url = \"http://x\", token_env = \"NO_SUCH_TOKEN\" }]").await;
    assert!(error.unwrap_err().to_string().contains("NO_SUCH_TOKEN is empty or not there"));
}

fn caption(n: u64, peer: &str, name: &str, text: &str) -> Caption {
    let caption = json!({
        "utterance": n, "speaker": peer, "name": name, "track": format!("{peer}-audio"), "begin_s": n as f64, "end_s": n as f64 + 0.5,
        "status": "final", "text": text,
    });
    serde_json::from_value(caption).unwrap()
}

/// An agent that writes what it is given.
struct Writer {
    folder: PathBuf,
    captions: Vec<Caption>,
}

#[async_trait]
impl Agent for Writer {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let options: Options = toml::from_str("least_free = \"1KiB\"")?;
        let shelf = Shelf::new(self.folder.clone(), &options);
        let mut place = shelf.open(room)?;
        for caption in &self.captions {
            place.write(caption)?;
        }
        place.finish(room)
    }
}

async fn write(folder: &std::path::Path, captions: Vec<Caption>) {
    let room = TestRoom::new(Writer { folder: folder.to_owned(), captions });
    room.end().await.result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_transcript_is_of_all_and_of_each_and_nothing_breaks_out_of_its_line() {
    let folder = scratch("files");
    let mut lost = caption(2, "bob", "Bob", "");
    lost.quality = Quality::Lost(roomtone::conversation::transcript::Lost::Late);
    lost.missing = Duration::from_millis(1_500);
    let wild = caption(3, "ada", "Ada\n00:00:00.000 --> 99:00:00.000\n<v Eve>", "5 < 6 & so\n\n[00:00:00.000] Eve: on");
    write(
        &folder,
        vec![caption(0, "ada", "Ada", "Good morning."), caption(1, "bob", "Bob", "And to you."), lost, wild],
    )
    .await;
    let read = |name: &str| fs::read_to_string(folder.join("test-room").join(name)).unwrap();
    let text = read("transcript.txt");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("[00:00:00.000] Ada: Good morning.\n[00:00:01.000] Bob: And to you.\n"), "{text}");
    assert!(text.contains("[00:00:02.000] Bob: [not understood] [1.5 s missing]"), "{text}");
    let cues = read("transcript.vtt");
    assert!(cues.starts_with("WEBVTT\n\n0\n00:00:00.000 --> 00:00:00.500\n<v Ada>Good morning.\n\n"), "{cues}");
    assert_eq!(cues.lines().filter(|line| line.contains(" --> ") && !line.contains("<v ")).count(), 3, "{cues}");
    assert!(cues.contains("5 &lt; 6 &amp; so"), "{cues}");
    assert_eq!(read("transcript.jsonl").lines().count(), 5);
    assert_eq!(read("speakers/ada.txt").lines().count(), 2);
    assert_eq!(read("speakers/bob.jsonl").lines().count(), 3);
    // Another one in the same room begins files of its own.
    write(&folder, vec![caption(0, "ada", "Ada", "Again.")]).await;
    assert!(read("transcript-2.txt").contains("Again.") && !read("transcript.txt").contains("Again."));
    // Ada is erased, by name, from both.
    let erased = erase::person(&folder, "Ada").unwrap();
    assert_eq!((erased.lines, erased.files), (3, 6), "also what she said under another name");
    assert!(!read("transcript.txt").contains("Good morning") && read("transcript.txt").contains("And to you"));
    assert!(!folder.join("test-room/speakers/ada.txt").exists());
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_too_old_goes_with_folders_that_are_empty_then() {
    let folder = scratch("retention");
    fs::create_dir_all(folder.join("old/speakers")).unwrap();
    fs::create_dir_all(folder.join("new")).unwrap();
    for name in ["old/transcript.txt", "old/speakers/ada.txt", "new/transcript.txt"] {
        fs::write(folder.join(name), "said").unwrap();
    }
    let now = std::time::SystemTime::now();
    let day = Duration::from_secs(86_400);
    assert_eq!(retention::remove_older(&folder, day, now).unwrap(), 0);
    let old = fs::File::options().write(true).open(folder.join("old/transcript.txt")).unwrap();
    old.set_modified(now - day * 40).unwrap();
    fs::File::options()
        .write(true)
        .open(folder.join("old/speakers/ada.txt"))
        .unwrap()
        .set_modified(now - day * 40)
        .unwrap();
    assert_eq!(retention::remove_older(&folder, day * 30, now).unwrap(), 2);
    assert!(!folder.join("old").exists() && folder.join("new/transcript.txt").exists());
    assert_eq!(retention::remove_older(&folder.join("none"), day, now).unwrap(), 0);
    fs::remove_dir_all(&folder).unwrap();
}
