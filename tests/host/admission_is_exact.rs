//! Limits hold, however many come at once.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use roomtone::{
    event::{EventKind, PeerEvent, PeerKind},
    fishjam::{Fishjam, NotifierEvent, Scope},
    host::State,
};
use serde_json::json;

use crate::common::{Town, in_state, until, until_ready};

/// Counts the agents that are connected, and remembers the most.
async fn watch_agents(fishjam: &Fishjam) -> Arc<AtomicI64> {
    let most = Arc::new(AtomicI64::new(0));
    let mut notifier = fishjam.notifier(Scope::AllRooms);
    assert_eq!(notifier.next().await, Some(NotifierEvent::Up));
    let seen = most.clone();
    tokio::spawn(async move {
        let mut connected = 0;
        while let Some(event) = notifier.next().await {
            let NotifierEvent::Event(event) = event else { continue };
            match &event.kind {
                EventKind::Peer(PeerEvent::Joined { peer, .. }) if peer.kind == PeerKind::Agent => connected += 1,
                EventKind::Peer(PeerEvent::Left { peer, .. }) if peer.kind == PeerKind::Agent => connected -= 1,
                _ => {}
            }
            seen.fetch_max(connected, Ordering::Relaxed);
        }
    });
    most
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_rooms_than_places_are_served_up_to_the_limit_and_the_rest_wait() {
    let town = Town::new().await;
    let host = town.host("max_sessions = 10", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let most = watch_agents(&town.fishjam).await;
    town.rooms(60).await;
    let sessions = until(&host, "all are known", |sessions| {
        in_state(sessions, State::Running) == 10 && in_state(sessions, State::Queued) == 50
    })
    .await;
    assert_eq!(sessions.len(), 60);
    // Those who wait come when others go, one for one.
    let served: Vec<_> = sessions.iter().filter(|session| session.state == State::Running).take(5).collect();
    for session in &served {
        town.fishjam.rest().delete_room(&session.room).await.unwrap();
    }
    until(&host, "the next five are there", |sessions| {
        in_state(sessions, State::Running) == 10 && in_state(sessions, State::Queued) == 45
    })
    .await;
    assert_eq!(most.load(Ordering::Relaxed), 10, "never more than the limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_over_the_limit_is_refused_where_that_is_wanted() {
    let town = Town::new().await;
    let host = town.host("over_limit = \"refuse\"", "[[deploy]]\nagent = \"echo\"\nmax_sessions = 5").await;
    until_ready(&host).await;
    town.rooms(20).await;
    let sessions = until(&host, "all are decided", |sessions| {
        in_state(sessions, State::Running) == 5 && in_state(sessions, State::Finished) == 15
    })
    .await;
    let refused = sessions.iter().filter(|session| session.state == State::Finished);
    assert!(
        refused
            .into_iter()
            .all(|session| session.why.as_deref() == Some("refused: the limit of the deploy is reached"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_tenant_has_a_limit_of_its_own() {
    let town = Town::new().await;
    let limits = "tenant = \"server.org\"\nmax_sessions_per_tenant = 2";
    let host = town.host(limits, "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    for org in ["a", "a", "a", "b"] {
        let room = town.room().await;
        let person = roomtone::sandbox::Person { metadata: json!({ "org": org }), ..Default::default() };
        town.sandbox.add_person(&room, person).await.unwrap();
    }
    let unknown = town.room().await;
    let sessions = until(&host, "all are decided", |sessions| {
        in_state(sessions, State::Running) == 3 && in_state(sessions, State::Queued) == 1
    })
    .await;
    assert!(sessions.iter().all(|session| session.room != unknown), "nobody knows whose it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_place_that_is_given_up_without_a_session_goes_to_the_next_in_line() {
    let town = Town::new().await;
    let rules = "join.when = \"first-person\"\nrestart = { first_wait = \"1h\", longest_wait = \"1h\" }";
    let host = town.host("max_sessions = 1", &format!("[[deploy]]\nagent = \"failure\"\n{rules}")).await;
    until_ready(&host).await;
    let (first, second) = (town.room().await, town.room().await);
    let one = town.person(&first).await;
    until(&host, "the first pauses", |sessions| in_state(sessions, State::Backoff) == 1).await;
    town.person(&second).await;
    until(&host, "the second waits", |sessions| in_state(sessions, State::Queued) == 1).await;
    town.sandbox.remove_person(&first, &one.peer).unwrap();
    until(&host, "the second had its turn", |sessions| {
        sessions.iter().any(|session| session.room == second && session.state == State::Backoff)
    })
    .await;
}
