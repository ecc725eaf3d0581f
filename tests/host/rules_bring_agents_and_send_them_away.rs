//! When agents come, whom they hear, when they go, and what a new configuration changes.

use std::time::Duration;

use roomtone::{
    host::{Config, State},
    sandbox::{Person, Speaks},
};
use serde_json::json;
use tokio::time::sleep;

use crate::common::{Town, agents, in_state, until, until_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_person_brings_it_and_the_last_sends_it_away_again_and_again() {
    let town = Town::new().await;
    let rules = "[[deploy]]\nagent = \"echo\"\njoin.when = \"first-person\"\nleave.last_person_gone = \"200ms\"";
    let host = town.host("", rules).await;
    until_ready(&host).await;
    let room = town.room().await;
    for _ in 0..3 {
        assert!(town.agents().await[&room].is_empty());
        let (one, two) = (town.person(&room).await, town.person(&room).await);
        town.until_each_has_one().await;
        town.sandbox.remove_person(&room, &one.peer).unwrap();
        sleep(Duration::from_millis(400)).await;
        assert_eq!(town.agents().await[&room].len(), 1, "somebody is still there");
        town.sandbox.remove_person(&room, &two.peer).unwrap();
        town.until("it is gone", |agents| agents[&room].is_empty()).await;
    }
    let sessions = host.control().sessions().await.unwrap();
    assert_eq!(sessions[0].why.as_deref(), Some("the last person has gone"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn silence_and_the_longest_stay_end_a_session() {
    let town = Town::new().await;
    let (quiet, loud) = (town.room().await, town.room().await);
    town.talker(&loud).await;
    let idle = "[[deploy]]\nname = \"idle\"\nagent = \"echo\"\nleave.idle = \"1500ms\"\n";
    let short = "[[deploy]]\nname = \"short\"\nagent = \"echo\"\nleave.max_duration = \"500ms\"\n";
    let host = town.host("", &format!("{idle}{short}")).await;
    let sessions = until(&host, "three are over", |sessions| in_state(sessions, State::Finished) >= 3).await;
    let of = |room, deploy| sessions.iter().find(|session| session.room == room && session.deploy == deploy).unwrap();
    assert_eq!(of(quiet.clone(), "idle").why.as_deref(), Some("nobody was heard to speak for too long"));
    assert_eq!(of(quiet, "short").why.as_deref(), Some("it has stayed for as long as it may"));
    assert_eq!(of(loud, "short").why.as_deref(), Some("it has stayed for as long as it may"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_is_done_stays_away_unless_it_is_always_wanted() {
    let town = Town::new().await;
    let always = "join.when = \"always\"\nrestart.first_wait = \"50ms\"";
    let host = town
        .host(
            "",
            &format!(
                "[[deploy]]\nname = \"once\"\nagent = \"finisher\"\n[[deploy]]\nname = \"again\"\nagent = \
                 \"finisher\"\n{always}"
            ),
        )
        .await;
    town.room().await;
    let sessions = until(&host, "it comes again and again", |sessions| {
        sessions.iter().any(|session| session.deploy == "again" && session.restarts >= 3)
    })
    .await;
    let once = sessions.iter().find(|session| session.deploy == "once").unwrap();
    assert_eq!((once.state, once.restarts), (State::Finished, 0));
    assert_eq!(once.why.as_deref(), Some("the agent was done and left"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_those_whose_metadata_fits_are_heard_and_asked_for() {
    let town = Town::new().await;
    let rules =
        "[[deploy]]\nagent = \"echo\"\nhear = { metadata = { server = { consent = true } }, subscribe = \"manual\" }";
    let host = town.host("", rules).await;
    let room = town.room().await;
    town.until_each_has_one().await;
    let noise = || {
        let mut rng = fastrand::Rng::with_seed(1);
        let samples = (0..16_000).map(|_| rng.i16(1_000..8_000)).collect();
        Some(Speaks::Sound(roomtone::audio::Sound { rate: roomtone::audio::Hz::K16, samples }))
    };
    let silent = Person { sound: noise(), looped: true, ..Person::default() };
    town.sandbox.add_person(&room, silent).await.unwrap();
    sleep(Duration::from_millis(1_500)).await;
    let heard = |sessions: &[roomtone::host::SessionStatus]| sessions[0].counters.as_ref().map_or(0, |c| c.chunks);
    assert_eq!(heard(&host.control().sessions().await.unwrap()), 0);
    let consenting = Person { sound: noise(), looped: true, metadata: json!({ "consent": true }), ..Person::default() };
    let heard_one = town.sandbox.add_person(&room, consenting).await.unwrap();
    until(&host, "one is heard", |sessions| heard(sessions) > 10).await;
    let peers = town.fishjam.rest().room(&room).await.unwrap().peers;
    let agent = peers.iter().find(|peer| peer.kind == roomtone::fishjam::rest::model::PeerType::Agent).unwrap();
    assert_eq!(agent.subscriptions.peers, [heard_one.peer]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_configuration_touches_only_what_it_changes() {
    let town = Town::new().await;
    let two = |second: &str| {
        let text =
            format!("[[deploy]]\nname = \"a\"\nagent = \"echo\"\n[[deploy]]\nname = \"b\"\nagent = \"echo\"\n{second}");
        town.text("", &text)
    };
    let host =
        town.host("", "[[deploy]]\nname = \"a\"\nagent = \"echo\"\n[[deploy]]\nname = \"b\"\nagent = \"echo\"").await;
    let room = town.room().await;
    let running = |sessions: &[roomtone::host::SessionStatus]| in_state(sessions, State::Running);
    let before = until(&host, "both are there", |sessions| running(sessions) == 2).await;
    let reload = |text: &str| {
        let (control, text) = (host.control(), text.to_owned());
        async move { control.reload_with(Config::parse(&text, &agents()).await.unwrap()).await.unwrap() }
    };
    // Rules only: nobody moves. Another lead: one session begins anew.
    reload(&two("leave.idle = \"1h\"")).await.unwrap();
    let same = host.control().sessions().await.unwrap();
    assert_eq!([same[0].session, same[1].session], [before[0].session, before[1].session]);
    reload(&two("lead = \"100ms\"")).await.unwrap();
    let after = until(&host, "the second is new", |sessions| {
        running(sessions) == 2 && sessions[1].session != before[1].session
    })
    .await;
    assert_eq!(after[0].session, before[0].session);
    // One deploy less, then a change that needs a restart.
    reload(&town.text("", "[[deploy]]\nname = \"a\"\nagent = \"echo\"")).await.unwrap();
    until(&host, "the first is left", |sessions| running(sessions) == 1 && sessions[0].session == before[0].session)
        .await;
    town.until("one agent is left", |agents| agents[&room].len() == 1).await;
    // And back: its rooms are served again.
    reload(&two("lead = \"100ms\"")).await.unwrap();
    until(&host, "both are there again", |sessions| running(sessions) == 2).await;
    let refused = reload(&town.text("spare_threads = 9", "[[deploy]]\nname = \"c\"\nagent = \"echo\"")).await;
    assert!(refused.unwrap_err().contains("needs a restart"));
    assert_eq!(host.control().sessions().await.unwrap()[0].session, before[0].session);
}
