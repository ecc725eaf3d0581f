//! Agents that block, spin, panic and fail, among some that do not.

use roomtone::host::State;

use crate::common::{Town, until};

const NEIGHBOURS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn one_that_sleeps_one_that_spins_one_that_panics_cost_the_others_nothing() {
    let town = Town::new().await;
    let bad: Vec<_> = town.rooms(3).await;
    let good = town.rooms(NEIGHBOURS).await;
    for room in bad.iter().chain(&good) {
        town.talker(room).await;
    }
    let named = |n: usize| format!("rooms.ids = [\"{}\"]", bad[n]);
    let ids: Vec<String> = good.iter().map(|room| format!("\"{room}\"")).collect();
    let deploys = format!(
        "[[deploy]]\nagent = \"echo\"\nrooms.ids = [{}]\n[[deploy]]\nagent = \"sleeper\"\n{}\n[[deploy]]\nagent = \
         \"spinner\"\n{}\n[[deploy]]\nagent = \"panicker\"\n{}\nrestart = {{ limit = 2, first_wait = \"100ms\" }}",
        ids.join(","),
        named(0),
        named(1),
        named(2)
    );
    let host = town.host("watchdog = \"500ms\"", &deploys).await;
    let sessions = until(&host, "the one that panics is given up", |sessions| {
        sessions.iter().any(|session| session.deploy == "panicker" && session.state == State::Finished)
    })
    .await;
    let given_up = sessions.iter().find(|session| session.deploy == "panicker").unwrap();
    let why = given_up.why.as_deref().unwrap();
    assert_eq!(why, "given up after 2 restarts: the agent failed: it panicked: it was too loud");
    let blocking = until(&host, "those that block are named", |sessions| {
        let blocks = |name| sessions.iter().any(|session| session.deploy == name && session.blocking);
        blocks("spinner") && blocks("sleeper")
    })
    .await;
    // They block until this test lets them go; meanwhile each neighbour hears and is heard.
    let heard = |sessions: &[roomtone::host::SessionStatus], room| {
        let session = sessions.iter().find(|session| session.room == room && session.deploy == "echo");
        session
            .and_then(|session| session.counters.as_ref())
            .map_or((0, 0), |counters| (counters.chunks, counters.packets))
    };
    let sessions = until(&host, "the neighbours go on", |sessions| {
        good.iter().all(|room| {
            let (before, now) = (heard(&blocking, room.clone()), heard(sessions, room.clone()));
            now.0 > before.0 + 50 && now.1 > before.1 + 50
        })
    })
    .await;
    for name in ["spinner", "sleeper"] {
        let session = sessions.iter().find(|session| session.deploy == name).unwrap();
        assert!(session.blocking, "{session:?}");
    }
    for session in sessions.iter().filter(|session| session.deploy == "echo") {
        let reconnects = session.counters.as_ref().map(|counters| counters.reconnects);
        assert_eq!((reconnects, session.restarts), (Some(0), 0), "{session:?}");
    }
    town.gate.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_with_a_thread_of_its_own_may_block() {
    let town = Town::new().await;
    let room = town.room().await;
    town.talker(&room).await;
    let host = town.host("watchdog = \"200ms\"", "[[deploy]]\nagent = \"sleeper\"\nown_thread = true").await;
    until(&host, "it hears", |sessions| {
        sessions.iter().any(|session| session.counters.as_ref().is_some_and(|counters| counters.chunks > 60))
    })
    .await;
    let sessions = host.control().sessions().await.unwrap();
    assert!(!sessions[0].blocking);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failing_agent_is_brought_back_so_often_and_then_only_by_hand() {
    let town = Town::new().await;
    let room = town.room().await;
    let host = town
        .host(
            "",
            "[[deploy]]\nagent = \"failure\"\nrestart = { limit = 3, first_wait = \"20ms\", longest_wait = \"50ms\" }",
        )
        .await;
    let sessions =
        until(&host, "it is given up", |sessions| sessions.iter().any(|session| session.state == State::Finished))
            .await;
    assert_eq!(sessions[0].restarts, 3);
    assert_eq!(sessions[0].why.as_deref(), Some("given up after 3 restarts: the agent failed: it cannot do this"));
    assert!(town.agents().await[&room].is_empty());
    host.control().join(&room, "failure").await.unwrap().unwrap();
    until(&host, "it was tried again", |sessions| sessions[0].restarts > 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_panics_before_it_comes_is_given_up_too_and_the_host_still_ends() {
    let town = Town::new().await;
    town.room().await;
    let host = town.host("", "[[deploy]]\nagent = \"picky\"\nrestart = { limit = 1, first_wait = \"20ms\" }").await;
    let sessions =
        until(&host, "it is given up", |sessions| sessions.iter().any(|session| session.state == State::Finished))
            .await;
    assert!(sessions[0].why.as_deref().unwrap().contains("it panicked: it wants nothing of this"), "{sessions:?}");
    host.control().stop().await.unwrap();
    assert!(host.ended().await.sessions.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn giving_up_ends_with_the_next_first_person() {
    let town = Town::new().await;
    let room = town.room().await;
    let rules = "join.when = \"first-person\"\nrestart = { limit = 1, first_wait = \"20ms\" }";
    let host = town.host("", &format!("[[deploy]]\nagent = \"failure\"\n{rules}")).await;
    let ada = town.person(&room).await;
    until(&host, "it is given up", |sessions| sessions.iter().any(|session| session.state == State::Finished)).await;
    let before = host.control().sessions().await.unwrap()[0].restarts;
    town.sandbox.remove_person(&room, &ada.peer).unwrap();
    town.until("nobody is left", |agents| agents[&room].is_empty()).await;
    town.person(&room).await;
    until(&host, "it is tried again, and given up again", |sessions| {
        sessions.iter().any(|session| session.state == State::Finished && session.restarts > before)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_that_fails_at_its_end_is_in_the_last_report() {
    let town = Town::new().await;
    let room = town.room().await;
    let host = town.host("", "[[deploy]]\nagent = \"spoiler\"").await;
    town.until("it is there", |agents| crate::common::is_one(&agents[&room])).await;
    host.control().stop().await.unwrap();
    let report = host.ended().await.to_string();
    assert!(report.contains("the last page could not be written"), "{report}");
}
