//! One host, four deploys: the same agent, unchanged, in rooms of every platform.

use std::path::PathBuf;

use async_trait::async_trait;
use roomtone::{
    agent::{Action, ActionError, Agent, AgentError, AudioRequirements, Builtin, Input, Maker, Registry, Room},
    event::{EventKind, PeerEvent},
    fishjam::rest::Client,
    host::{Config, Host, State},
    protocol::Protocol,
    sandbox::{Sandbox, SandboxOptions, platforms::FakePlatform},
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::common::{PATIENCE, ROOM, eventually, fake};

/// Tells what it hears of, and does what it is asked to in a chat, or at once.
struct Follower {
    told: mpsc::Sender<(String, String)>,
    does: Option<Action>,
}

#[async_trait]
impl Agent for Follower {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements { speak_rate: None, ..AudioRequirements::default() }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while let Some(input) = room.next().await {
            let Input::Event(event) = input else { continue };
            let who = match &event.kind {
                EventKind::Peer(event) => event.peer().id.to_string(),
                _ => String::new(),
            };
            let is_join = matches!(event.kind, EventKind::Peer(PeerEvent::Joined { .. }));
            self.told.send((room.id().to_string(), format!("{} {who}", event.kind.name()).trim().to_owned())).await?;
            if let Some(action) = self.does.take_if(|_| is_join) {
                let result = match room.actions.act(action).await {
                    Ok(()) => "done".to_owned(),
                    Err(ActionError::Unsupported { .. }) => "not here".to_owned(),
                    Err(error) => error.to_string(),
                };
                self.told.send((room.id().to_string(), format!("acted: {result}"))).await?;
            }
        }
        Ok(())
    }
}

struct Stage {
    fakes: Vec<(Protocol, FakePlatform)>,
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Stage {
    async fn new() -> Stage {
        let mut fakes = Vec::new();
        for protocol in [Protocol::SignalWire, Protocol::Nkmedia, Protocol::Dubtrack] {
            fakes.push((protocol, fake(protocol).await));
        }
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let folder = std::env::temp_dir().join(format!("roomtone-platforms-{}", uuid::Uuid::new_v4()));
        roomtone::files::create_folder(&folder).unwrap();
        std::fs::write(folder.join("secret"), "development").unwrap();
        Stage { fakes, sandbox, folder }
    }

    fn fake(&self, protocol: Protocol) -> &FakePlatform {
        &self.fakes.iter().find(|(known, _)| *known == protocol).unwrap().1
    }

    /// A host's file with a deploy for each platform.
    fn text(&self, agent: &str) -> String {
        let (folder, dubtrack) = (self.folder.display(), self.fake(Protocol::Dubtrack));
        let mut text = format!(
            "[fishjam]\nid = \"http://{}\"\ntoken_file = \"{folder}/secret\"\n\
             [host]\nstate = \"{folder}/state\"\ndrain = \"100ms\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
             [signalwire]\nproject = \"p\"\nurl = \"{}\"\ntoken_file = \"{folder}/secret\"\n\
             [nkmedia]\nurl = \"{}\"\nuser = \"agent\"\npassword_file = \"{folder}/secret\"\n\
             [dubtrack]\nuser = \"agent\"\nrooms = [\"{ROOM}\"]\napi = \"{}\"\nsocket = \"{}\"\npassword_file = \"{folder}/secret\"\n",
            self.sandbox.socket_address(),
            self.fake(Protocol::SignalWire).url(),
            self.fake(Protocol::Nkmedia).url(),
            dubtrack.http_url(),
            dubtrack.url(),
        );
        for protocol in Protocol::ALL {
            text += &format!(
                "[[deploy]]\nname = \"{protocol}\"\nagent = \"{agent}\"\nplatform = \"{protocol}\"\njoin.when = \"first-person\"\n"
            );
        }
        text
    }

    /// Somebody is in a room of each platform, or leaves it.
    fn tell(&self, comes: bool) {
        let (signalwire, kind) = if comes { ("joined", "started") } else { ("left", "stopped") };
        let member = json!({ "id": "ada", "type": "member", "name": "Ada" });
        let play = |protocol, line: serde_json::Value| self.fake(protocol).play(&line.to_string()).unwrap();
        play(
            Protocol::SignalWire,
            json!({ "event_type": format!("video.member.{signalwire}"), "event_channel": "EC_1",
            "params": { "room_session_id": "rs", "room_id": "r", "member": member } }),
        );
        play(
            Protocol::Nkmedia,
            json!({ "class": "media", "subclass": "room", "type": format!("{kind}_publisher"),
            "obj_id": "r", "body": { "session_id": "ada", "user": "ada" } }),
        );
        let user = json!({ "_id": "ada", "username": "Ada" });
        let (name, data) = match comes {
            true => ("user-join", json!({ "user": user, "roomUser": { "roomid": ROOM, "userid": "ada" } })),
            false => ("user-leave", json!({ "user": user })),
        };
        play(
            Protocol::Dubtrack,
            json!({ "action": 15, "channel": format!("room:{ROOM}"),
            "message": { "name": name, "type": "json", "data": data.to_string() } }),
        );
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Agents that write what they are told into one channel.
fn followers(does: Option<Action>) -> (Registry, mpsc::Receiver<(String, String)>) {
    let (told, heard) = mpsc::channel(1_024);
    let prepare = move |_: toml::Table| {
        let (told, does) = (told.clone(), does.clone());
        async move { Ok(Maker::new(move || Follower { told: told.clone(), does: does.clone() })) }
    };
    (Registry::new([Builtin::new("follower", "follows", prepare)]), heard)
}

/// Waits until all of these were told, in any order.
async fn told(heard: &mut mpsc::Receiver<(String, String)>, wanted: &[(&str, &str)]) {
    let mut wanted = wanted.to_vec();
    let mut lines = Vec::new();
    while !wanted.is_empty() {
        let line = tokio::time::timeout(PATIENCE, heard.recv()).await;
        let (room, said) = line.unwrap_or_else(|_| panic!("in time: {wanted:?}, after {lines:?}")).unwrap();
        wanted.retain(|(of, what)| *of != room || *what != said);
        lines.push((room, said));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_agent_hears_the_same_story_on_all_four() {
    let stage = Stage::new().await;
    let (registry, mut heard) = followers(None);
    let config = Config::parse(&stage.text("follower"), &registry).await.unwrap();
    let host = Host::start(config).await.unwrap();
    let rest = Client::new(stage.sandbox.address(), stage.sandbox.token().into());
    let fishjam = rest.create_room(&Default::default()).await.unwrap().id;
    let person = stage.sandbox.add_person(&fishjam, Default::default()).await.unwrap();
    stage.tell(true);
    let mut stories: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    let ada = person.peer.to_string();
    let rooms = ["rs", "r", ROOM, fishjam.as_str()];
    // Each is in its room and knows who is there.
    while !rooms
        .iter()
        .all(|room| stories.get(*room).is_some_and(|story| story.iter().any(|line| line.starts_with("peer.joined"))))
    {
        let (room, line) = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("in time").unwrap();
        stories.entry(room).or_default().push(line.replace(&ada, "ada"));
    }
    let page =
        reqwest::get(format!("http://{}/metrics", host.served().metrics.unwrap())).await.unwrap().text().await.unwrap();
    assert!(page.contains("roomtone_platform_events_total"), "{page}");
    stage.tell(false);
    stage.sandbox.remove_person(&fishjam, &person.peer).unwrap();
    while !rooms.iter().all(|room| stories[*room].iter().any(|line| line == "peer.left ada")) {
        let (room, line) = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("in time").unwrap();
        stories.entry(room).or_default().push(line.replace(&ada, "ada"));
    }
    for room in rooms {
        let of_peers: Vec<&String> = stories[room].iter().filter(|line| line.starts_with("peer.")).collect();
        let story: Vec<&&String> = of_peers.iter().filter(|line| line.as_str() != "peer.removed ada").collect();
        assert_eq!(story, [&"peer.joined ada", &"peer.left ada"], "{room}: {:?}", stories[room]);
    }
    host.control().stop().await.unwrap();
    host.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_an_agent_does_is_done_where_the_platform_has_it() {
    let stage = Stage::new().await;
    let (registry, mut heard) = followers(Some(Action::Remove { peer: "ada".into() }));
    let config = Config::parse(&stage.text("follower"), &registry).await.unwrap();
    let host = Host::start(config).await.unwrap();
    stage.tell(true);
    let removed = ["rs", "r", ROOM].map(|room| [(room, "acted: done"), (room, "peer.left ada")]);
    told(&mut heard, removed.as_flattened()).await;
    host.control().stop().await.unwrap();
    host.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn agents_leave_with_the_last_person_on_all_four() {
    let stage = Stage::new().await;
    let (registry, mut heard) = followers(None);
    let when = "join.when = \"first-person\"\n";
    let text = stage.text("follower").replace(when, &format!("{when}leave.last_person_gone = \"1ms\"\n"));
    let host = Host::start(Config::parse(&text, &registry).await.unwrap()).await.unwrap();
    let rest = Client::new(stage.sandbox.address(), stage.sandbox.token().into());
    let fishjam = rest.create_room(&Default::default()).await.unwrap().id;
    let person = stage.sandbox.add_person(&fishjam, Default::default()).await.unwrap();
    stage.tell(true);
    let joined = format!("peer.joined {}", person.peer);
    let all =
        [("rs", "peer.joined ada"), ("r", "peer.joined ada"), (ROOM, "peer.joined ada"), (fishjam.as_str(), &joined)];
    told(&mut heard, &all).await;
    stage.tell(false);
    stage.sandbox.remove_person(&fishjam, &person.peer).unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let sessions = host.control().sessions().await.unwrap();
        if sessions.iter().all(|session| session.state != State::Running) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "in time: {sessions:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    host.control().stop().await.unwrap();
    host.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_platform_that_is_away_costs_itself_alone() {
    let stage = Stage::new().await;
    let (registry, mut heard) = followers(None);
    let config = Config::parse(&stage.text("follower"), &registry).await.unwrap();
    let host = Host::start(config).await.unwrap();
    stage.tell(true);
    told(&mut heard, &[("rs", "peer.joined ada"), ("r", "peer.joined ada")]).await;
    stage.fake(Protocol::Nkmedia).cut();
    told(&mut heard, &[("r", "link.down")]).await;
    // The others go on, and it comes back.
    let line = json!({ "event_type": "video.member.talking", "event_channel": "EC_1",
        "params": { "room_session_id": "rs", "member": { "id": "ada", "talking": true } } });
    stage.fake(Protocol::SignalWire).play(&line.to_string()).unwrap();
    told(&mut heard, &[("rs", "voice.activity")]).await;
    eventually("it is connected again", || stage.fake(Protocol::Nkmedia).clients() == 1).await;
    host.control().stop().await.unwrap();
    host.ended().await;
}

#[tokio::test]
async fn check_names_what_a_platform_does_not_have() {
    let (registry, _heard) = followers(None);
    let faults = |text: &'static str| {
        let registry = &registry;
        async move {
            let faults = Config::parse(text, registry).await.unwrap_err();
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        }
    };
    let lines = faults("[signalwire]\nproject = \"p\"\n[[deploy]]\nagent = \"follower\"\nplatform = \"signalwire\"\nvoice = \"pcm16:24000\"\nhear.whom = \"people\"\nleave.idle = \"5m\"\n").await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, key) in lines.iter().zip(["line 6, ", "line 7, ", "line 8, "]) {
        assert!(line.starts_with(key) && line.contains("signalwire has no sound in reach"), "{line}");
    }
    let lines = faults("[[deploy]]\nagent = \"follower\"\nplatform = \"nkmedia\"\n").await;
    assert!(lines[0].contains("nkmedia") && lines[0].contains("say where that is"), "{lines:?}");
    let lines = faults("[[deploy]]\nagent = \"follower\"\nplatform = \"zoom\"\n").await;
    assert!(lines[0].starts_with("line 3") && lines[0].contains("`dubtrack`"), "{lines:?}");
    let lines = faults(
        "[nkmedia]\nurl = \"media.example\"\nuser = \"a\"\n[[deploy]]\nagent = \"follower\"\nplatform = \"nkmedia\"\n",
    )
    .await;
    assert!(lines[0].starts_with("line 2, nkmedia.url") && lines[0].contains("wss://"), "{lines:?}");
    let lines = faults("[nkmedia]\nurl = \"ws://a/\"\nuser = \"a\"\npassword = \"x\"\n[[deploy]]\nagent = \"follower\"\nplatform = \"nkmedia\"\n").await;
    assert!(lines[0].contains("a secret does not belong in the file"), "{lines:?}");
}

/// The program's own agent, as an operator runs it: four deploys, and the same lines out of each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_built_in_eventlog_writes_the_same_lines_on_all_four() {
    let stage = Stage::new().await;
    let lines = stage.folder.join("lines");
    let text = stage.text("eventlog").replace(
        "join.when = \"first-person\"\n",
        &format!("join.when = \"first-person\"\noptions = {{ folder = \"{}\" }}\n", lines.display()),
    );
    std::fs::write(stage.folder.join("host.toml"), text).unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_roomtone"))
        .arg("start")
        .arg(stage.folder.join("host.toml"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let rest = Client::new(stage.sandbox.address(), stage.sandbox.token().into());
    let fishjam = rest.create_room(&Default::default()).await.unwrap().id;
    let person = stage.sandbox.add_person(&fishjam, Default::default()).await.unwrap();
    let ada = person.peer.to_string();
    eventually("the program follows all three", || stage.fakes.iter().all(|(_, fake)| fake.clients() == 1)).await;
    stage.tell(true);
    let stories = || -> Vec<Vec<String>> {
        let files = std::fs::read_dir(&lines)
            .into_iter()
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
        // What every platform tells; ids are the platform's own.
        let is_told = |line: &&str| line.contains("\"peer.joined\"") || line.contains("\"peer.left\"");
        files.map(|text| text.lines().filter(is_told).map(|line| line.replace(&ada, "ada")).collect()).collect()
    };
    let joined = r#"{"event":"peer.joined","peer":"ada"}"#;
    let left = r#"{"event":"peer.left","peer":"ada"}"#;
    eventually("all four have heard of her", || stories() == vec![vec![joined.to_owned()]; 4]).await;
    stage.tell(false);
    stage.sandbox.remove_person(&fishjam, &person.peer).unwrap();
    eventually("and that she left", || stories() == vec![vec![joined.to_owned(), left.to_owned()]; 4]).await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&program), rustix::process::Signal::TERM).unwrap();
    program.wait().unwrap();
}
