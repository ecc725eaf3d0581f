//! The network between host and Fishjam, at its worst.

use std::time::Duration;

use roomtone::{
    event::{EventKind, PeerEvent, PeerKind},
    fishjam::{NotifierEvent, Scope},
    host::State,
    sandbox::Fault,
};
use tokio::time::{Instant, sleep, timeout};

use crate::common::{PATIENCE, Town, in_state, until, until_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rooms_that_come_and_go_while_the_news_are_cut_are_right_afterwards() {
    let town = Town::new().await;
    let host = town.host("reconcile = \"10m\"", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let before = town.rooms(10).await;
    town.until_each_has_one().await;
    town.inject(Fault::CutNotifiers { for_ms: 600_000 });
    let deadline = Instant::now() + PATIENCE;
    while host.control().status().await.unwrap().ready {
        assert!(Instant::now() < deadline, "in time: without notifications it is not ready");
        sleep(Duration::from_millis(10)).await;
    }
    for room in &before[..5] {
        town.fishjam.rest().delete_room(room).await.unwrap();
        town.room().await;
        // Gone before anybody heard of it.
        let short = town.room().await;
        town.fishjam.rest().delete_room(&short).await.unwrap();
    }
    assert!(!host.control().status().await.unwrap().ready, "still without notifications");
    town.inject(Fault::CutNotifiers { for_ms: 0 });
    town.until_each_has_one().await;
    assert_eq!(town.agents().await.len(), 10);
    until(&host, "ten sessions", |sessions| sessions.len() == 10).await;
    until_ready(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_now_and_then_makes_good_what_notifications_lost() {
    let town = Town::new().await;
    let host = town.host("reconcile = \"500ms\"", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let lose = |how| Fault::Notifications { count: 100, how };
    for how in [
        roomtone::sandbox::NotificationFault::Lose,
        roomtone::sandbox::NotificationFault::Double,
        roomtone::sandbox::NotificationFault::Reverse,
    ] {
        town.inject(lose(how));
        let rooms = town.rooms(10).await;
        for room in &rooms[..5] {
            town.fishjam.rest().delete_room(room).await.unwrap();
        }
        town.until_each_has_one().await;
    }
    assert_eq!(town.agents().await.len(), 15);
    until(&host, "fifteen sessions", |sessions| sessions.len() == 15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn half_of_all_sockets_cut_again_and_again_come_back_and_nobody_begins_anew() {
    const AGENTS: usize = 20;
    const ROUNDS: usize = 4;
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let rooms = town.rooms(AGENTS).await;
    // As the agents have it: the server knows of each a moment earlier.
    until(&host, "all are in", |sessions| in_state(sessions, State::Running) == AGENTS).await;
    for round in 0..ROUNDS {
        let agents = town.agents().await;
        let mut notifier = town.fishjam.notifier(Scope::AllRooms);
        assert_eq!(notifier.next().await, Some(NotifierEvent::Up));
        for room in rooms.iter().skip(round % 2).step_by(2) {
            town.inject(Fault::Cut { room: room.clone(), peer: agents[room][0].0.clone(), for_ms: 0 });
        }
        let mut back = 0;
        while back < AGENTS / 2 {
            let event = timeout(PATIENCE, notifier.next()).await.expect("all come back");
            let Some(NotifierEvent::Event(event)) = event else { continue };
            if let EventKind::Peer(PeerEvent::Joined { peer, .. }) = &event.kind {
                back += usize::from(peer.kind == PeerKind::Agent);
            }
        }
        until(&host, "each return is counted", |sessions| {
            let counters = sessions.iter().filter_map(|session| session.counters.as_ref());
            counters.map(|counters| counters.reconnects).sum::<u64>() >= ((round + 1) * AGENTS / 2) as u64
        })
        .await;
    }
    town.until_each_has_one().await;
    let sessions = host.control().sessions().await.unwrap();
    assert!(sessions.iter().all(|session| session.restarts == 0), "links were mended, nobody began anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_stalls_is_waited_for() {
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    let rooms = town.rooms(5).await;
    town.until_each_has_one().await;
    for room in &rooms {
        town.talker(room).await;
    }
    let heard = |sessions: &[roomtone::host::SessionStatus]| -> Vec<u64> {
        sessions.iter().filter_map(|session| session.counters.as_ref()).map(|counters| counters.chunks).collect()
    };
    until(&host, "all hear", |sessions| heard(sessions).iter().filter(|chunks| **chunks > 10).count() == 5).await;
    for (room, agents) in town.agents().await {
        town.inject(Fault::Stall { room, peer: agents[0].0.clone(), for_ms: 4_000 });
    }
    let before = heard(&host.control().sessions().await.unwrap());
    // More than what was on its way: what follows was sent after the stall.
    until(&host, "all hear again", |sessions| heard(sessions).iter().zip(&before).all(|(now, then)| *now > then + 250))
        .await;
    town.until_each_has_one().await;
    let sessions = host.control().sessions().await.unwrap();
    assert!(sessions.iter().all(|session| session.restarts == 0), "{sessions:?}");
}
