//! A host with `config/transcribe-every-room.toml`'s deploy, as an operator runs it: two people who overlap, one who leaves in
//! mid-word; their transcripts, live captions for who has a token, recordings that line up, and erasure.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use roomtone::{
    agent::testing::Microphone,
    archive::Line,
    audio::{Sound, compare},
    conversation::{
        Spoken,
        listening::{Heard, Listener, ListeningSettings},
        transcript::Caption,
    },
    fishjam::{Fishjam, rest::model::RoomConfig},
    sandbox::{Person, Sandbox, SandboxOptions},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::common::*;

/// How long a test waits for what takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct House {
    folder: PathBuf,
    sandbox: Sandbox,
    fishjam: Fishjam,
    host: Child,
    admin: String,
}

impl House {
    async fn new(place: &Path, name: &str, options: &str) -> House {
        let folder = std::env::temp_dir().join(format!("roomtone-scribe-{}-{name}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "[fishjam]\nid = \"{}\"\n[host]\nstate = \"{}\"\n[admin]\nlisten = \"127.0.0.1:{port}\"\nallow_origins = [\"https://app.example\"]\n\
             [[deploy]]\nagent = \"scribe\"\njoin.when = \"first-person\"\nsink = {{ file = \"{}\" }}\n[deploy.options]\n\
             folder = \"{}\"\n{options}",
            sandbox.address(),
            folder.join("state").display(),
            folder.join("events-{room}.jsonl").display(),
            folder.join("transcripts").display(),
        );
        let file = folder.join("host.toml");
        fs::write(&file, text).unwrap();
        let host = Command::new(env!("CARGO_BIN_EXE_roomtone"))
            .arg("start")
            .arg(&file)
            .env("FISHJAM_MANAGEMENT_TOKEN", sandbox.token())
            .env("ROOMTONE_ADMIN_TOKEN", "admin")
            .env("ROOMTONE_DATA", place.join("data"))
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        House { folder, sandbox, fishjam, host, admin: format!("http://127.0.0.1:{port}") }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    fn captions(&self, room: &str) -> Vec<Caption> {
        let path = self.folder.join("transcripts").join(room).join("transcript.jsonl");
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
        lines.filter_map(|line| if let Line::Caption(caption) = line { Some(caption) } else { None }).collect()
    }

    /// All that stands in the rooms' transcripts.
    fn written(&self) -> String {
        let rooms = fs::read_dir(self.folder.join("transcripts")).into_iter().flatten().flatten();
        rooms.filter_map(|room| fs::read_to_string(room.path().join("transcript.jsonl")).ok()).collect()
    }

    async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "{what} did not come; {}; the log: {}", self.written(), self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.host.kill().ok();
        self.host.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn http() -> reqwest::Client {
    roomtone::net::Trust::of_machine();
    reqwest::Client::builder().build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_are_written_down_followed_recorded_and_erased() {
    let Some(place) = place() else { return };
    let options = "names = true\nrecord = { format = \"opus\", mix = true }\nredact = { words = [\"platform\"] }\n";
    let house = House::new(&place, "two", options).await;
    let room = house.fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
    let named = |name: &str| Person { own_metadata: json!({ "displayName": name }), ..Person::default() };
    let ada = house.sandbox.add_person(&room, named("Ada")).await.unwrap().peer;
    let bob = house.sandbox.add_person(&room, named("Bob")).await.unwrap().peer;
    house
        .until("the transcript", || {
            house.folder.join("transcripts").join(room.as_str()).join("transcript.jsonl").exists()
        })
        .await;
    let (http, base) = (http(), format!("{}/v1/rooms/{room}/captions", house.admin));
    let made: Value = serde_json::from_slice(
        &http
            .post(format!("{base}/token"))
            .bearer_auth("admin")
            .body("{\"lasts\":\"10m\"}")
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    let token = made["token"].as_str().unwrap().to_owned();
    for (url, token) in [(base.clone(), "wrong"), (format!("{}/v1/rooms/other/captions", house.admin), token.as_str())]
    {
        let refused = http.get(format!("{url}?token={token}")).send().await.unwrap();
        assert_eq!(refused.status().as_u16(), 401);
    }
    let mut followed =
        http.get(format!("{base}?token={token}")).header("origin", "https://app.example").send().await.unwrap();
    assert_eq!(followed.headers()["content-type"], "text/event-stream");
    assert_eq!(followed.headers()["access-control-allow-origin"], "https://app.example");
    // They overlap by two seconds.
    let (hibari, flite) = (read_aloud(&place, "hibari"), read_aloud(&place, "flite"));
    let sound = |samples: &[i16]| Sound { samples: samples.to_vec(), rate: roomtone::audio::Hz::K16 };
    house.sandbox.say(&room, &ada, sound(&hibari[2].0), Duration::from_millis(300)).await.unwrap();
    house.sandbox.say(&room, &bob, sound(&flite[3].0), Duration::from_millis(1_500)).await.unwrap();
    let mut told = String::new();
    while !(told.contains("\"status\":\"partial\"") && told.matches("\"status\":\"final\"").count() >= 2) {
        let chunk = tokio::time::timeout(PATIENCE, followed.chunk()).await.expect("captions come").unwrap().unwrap();
        told.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(told.contains("event: caption\ndata: {") && told.contains("\"name\":\"Ada\""), "{told}");
    // Ada goes in mid-word; Bob stays, and so does the scribe.
    house.sandbox.say(&room, &ada, sound(&hibari[4].0), Duration::ZERO).await.unwrap();
    let mut so_far = String::new();
    while !so_far.contains("going") {
        let chunk = tokio::time::timeout(PATIENCE, followed.chunk()).await.expect("captions come").unwrap().unwrap();
        so_far.push_str(&String::from_utf8_lossy(&chunk));
    }
    house.sandbox.remove_person(&room, &ada).unwrap();
    house
        .until("what Ada said before she left", || {
            house.captions(room.as_str()).iter().filter(|c| c.who() == "Ada").count() == 2
        })
        .await;
    house.sandbox.say(&room, &bob, sound(&flite[9].0), Duration::ZERO).await.unwrap();
    house
        .until("what Bob said after", || house.captions(room.as_str()).iter().filter(|c| c.who() == "Bob").count() == 2)
        .await;
    let captions = house.captions(room.as_str());
    let by = |name: &str| captions.iter().filter(|c| c.who() == name).map(|c| c.text.clone()).collect::<Vec<_>>();
    assert!(
        by("Ada")[0].contains("train to the city") && by("Ada")[0].contains("[redacted]"),
        "{captions:?} {:?}",
        by("Ada")
    );
    assert!(by("Ada")[1].to_lowercase().contains("we are going"), "{:?}", by("Ada"));
    assert!(by("Bob")[0].contains("change the date"), "{:?}", by("Bob"));
    assert!(captions.iter().map(|c| c.begins).is_sorted(), "in the order in which they began");
    assert!(!told.contains("platform"), "what is redacted goes nowhere");
    // Notes are in the sink, without what is partial; nothing of it is in the log.
    let sink = house.folder.join(format!("events-{room}.jsonl"));
    house
        .until("notes in the sink", || fs::read_to_string(&sink).unwrap_or_default().contains("change the date"))
        .await;
    assert!(!fs::read_to_string(&sink).unwrap().contains("\"partial\""));
    assert!(!house.log().contains("change the date") && !house.log().contains("Ada"), "{}", house.log());
    // Sound and words line up: where a caption begins, the recording of that track does.
    let transcripts = house.folder.join("transcripts");
    let folder = transcripts.join(room.as_str());
    let metrics =
        http.get(format!("{}/v1/host", house.admin)).bearer_auth("admin").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\"name\":\"moonshine\"") && metrics.contains("\"sessions\":1"), "{metrics}");
    house.sandbox.remove_person(&room, &bob).unwrap();
    // And what is to be forgotten is.
    let erase = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roomtone"));
        command.arg("erase").arg("--folder").arg(&transcripts).args(args).output().unwrap()
    };
    line_up(&folder, &captions, ada.as_str(), &hibari[2].0);
    let erased = erase(&["--person", "Ada"]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    assert!(house.captions(room.as_str()).iter().all(|caption| caption.who() == "Bob"));
    for entry in fs::read_dir(&folder).unwrap().chain(fs::read_dir(folder.join("speakers")).unwrap()) {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        assert!(!name.contains(ada.as_str()) && !name.contains("mix"), "{name} is left");
        if path.extension().is_some_and(|is| is != "opus") && path.is_file() {
            assert!(!fs::read_to_string(&path).unwrap().contains("Ada"), "{name} has her name");
        }
    }
    assert!(erase(&["--room", room.as_str()]).status.success() && !folder.exists());
}

/// The times of a caption are those of the recording of its track, to within 20 ms: what was said is found in the recording by
/// its likeness, and speech begins in it where a listener of its own hears it begin.
fn line_up(folder: &Path, captions: &[Caption], peer: &str, said: &[i16]) {
    let index = fs::read_to_string(folder.join("recording.jsonl")).unwrap();
    let lines: Vec<Value> = index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["peer"] == peer).unwrap();
    let sound = Sound::read(&folder.join(line["file"].as_str().unwrap())).unwrap().at(Spoken::RATE);
    let found = compare::find(said, &sound.samples, 16_000 * 30).unwrap();
    assert!(found.correlation > 0.7, "{}", found.correlation);
    let begins = Duration::from_secs_f64(line["begins_s"].as_f64().unwrap());
    let at = begins + Spoken::RATE.duration_of(found.delay_samples as u64);
    // The silence before, too, as an open microphone has it.
    let mut microphone = Microphone::new("ada", Spoken::RATE);
    let (mut listener, mut began) = (Listener::new(ListeningSettings::default()), None);
    for input in microphone.say(&[vec![0; 16_000], said.to_vec(), vec![0; 16_000]].concat()) {
        listener.handle(&input, |heard| {
            if let Heard::Began(_, _, at) = heard {
                began.get_or_insert(at);
            }
        });
    }
    let due = at + began.unwrap() - Duration::from_secs(1);
    let caption = captions.iter().find(|caption| caption.speaker.as_str() == peer).unwrap();
    let off = caption.begins.abs_diff(due);
    println!("the caption begins at {:?}, the speech in the recording at {due:?}", caption.begins);
    assert!(off <= Duration::from_millis(20), "{off:?}");
}
