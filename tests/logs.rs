//! What reaches the log: a deprecation once, and nothing that is private at any level.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, Room},
    fishjam::{Fishjam, rest::model::RoomConfig},
    platform::JoinOptions,
    sandbox::{Fault, Person, Sandbox, SandboxOptions},
};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    async fn until(&self, words: &str) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while !self.text().contains(words) {
            assert!(tokio::time::Instant::now() < deadline, "in time: {words:?} in {}", self.text());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Logs all that it is told, as a developer would.
struct Talkative;

#[async_trait]
impl Agent for Talkative {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while let Some(input) = room.next().await {
            tracing::info!("{input:?}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn nothing_private_and_each_deprecation_once() {
    let log = Log::default();
    let filter = "trace,hyper=off,hyper_util=off,reqwest=off,tungstenite=off,tokio_tungstenite=off";
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let token = "management-secret";
    let options = SandboxOptions { token: token.into(), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let fishjam = Fishjam::new(sandbox.address(), token.into());
    let room = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
    let metadata = serde_json::json!({ "name": "Ada Lovelace" });
    let person = sandbox.add_person(&room, Person { metadata, ..Person::default() }).await.unwrap();
    let handle = fishjam.join(Box::new(Talkative), JoinOptions::new(room.clone())).await.unwrap();
    // A link that breaks before it was ever in the room does not come back, but in.
    let joined = tokio::time::timeout(Duration::from_secs(60), handle.joined()).await;
    assert_eq!(joined, Ok(true));
    log.until("Peer(Joined").await;
    sandbox.inject(Fault::Cut { room: room.clone(), peer: handle.peer.clone(), for_ms: 0 }).unwrap();
    log.until("back in the room").await;
    let admission = format!("{:?}", fishjam.rest().room(&room).await.unwrap());
    handle.leave();
    handle.ended().await;
    let text = log.text() + &admission;
    assert!(text.contains("Peer(Joined") && text.contains("back in the room"), "{text}");
    for private in [token, "Ada", "sandbox-", &person.token] {
        assert!(!text.contains(private), "{private:?} is in the log: {text}");
    }
    sandbox.set_deprecated(true);
    fishjam.rest().rooms().await.unwrap();
    fishjam.rest().rooms().await.unwrap();
    assert_eq!(log.text().matches("the sandbox was told to say so").count(), 1);
}
