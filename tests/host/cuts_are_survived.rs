//! The network between host and Fishjam, at its worst.

use std::{collections::BTreeMap, time::Duration};

use roomtone::{
    dialect::fishjam::Notification,
    event::PeerKind,
    fishjam::{NotifierEvent, Scope},
    sandbox::Fault,
};
use tokio::time::{Instant, sleep, timeout};

use crate::common::{Town, until, until_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rooms_that_come_and_go_while_the_news_are_cut_for_30_s_are_right_afterwards() {
    let town = Town::new().await;
    let host = town.host("reconcile = \"10m\"", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let before = town.rooms(20).await;
    town.until_each_has_one().await;
    town.inject(Fault::CutNotifiers { for_ms: 30_000 });
    let cut = Instant::now();
    let mut ready_again = false;
    for (n, room) in before.iter().enumerate().take(10) {
        town.fishjam.rest().delete_room(room).await.unwrap();
        town.room().await;
        // Gone before anybody heard of it.
        let short = town.room().await;
        town.fishjam.rest().delete_room(&short).await.unwrap();
        sleep(Duration::from_millis(200)).await;
        ready_again |= n > 5 && host.control().status().await.unwrap().ready;
    }
    assert!(!ready_again, "without news it is not ready");
    sleep(Duration::from_secs(30).saturating_sub(cut.elapsed())).await;
    town.until_each_has_one().await;
    assert_eq!(town.agents().await.len(), 20);
    until(&host, "twenty sessions", |sessions| sessions.len() == 20).await;
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
        sleep(Duration::from_millis(600)).await;
        town.until_each_has_one().await;
    }
    assert_eq!(town.agents().await.len(), 15);
    until(&host, "fifteen sessions", |sessions| sessions.len() == 15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn half_of_all_sockets_cut_every_5_s_for_two_minutes_come_back_without_a_stampede() {
    const AGENTS: usize = 100;
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let rooms = town.rooms(AGENTS).await;
    town.until_each_has_one().await;
    let mut rng = fastrand::Rng::with_seed(4);
    for _ in 0..24 {
        let agents = town.agents().await;
        let mut news = town.fishjam.notifier(Scope::AllRooms);
        assert_eq!(news.next().await, Some(NotifierEvent::Up));
        let (round, mut cut) = (Instant::now(), 0);
        for room in &rooms {
            for (peer, _) in agents[room].iter().filter(|_| rng.bool()) {
                town.inject(Fault::Cut { room: room.clone(), peer: peer.clone(), for_ms: 0 });
                cut += 1;
            }
        }
        // When they come back, by steps of 10 ms.
        let mut back: BTreeMap<u128, usize> = BTreeMap::new();
        while back.values().sum::<usize>() < cut {
            let event = timeout(Duration::from_secs(5), news.next()).await.expect("all come back");
            if let Some(NotifierEvent::Said(Notification::PeerConnected { kind: PeerKind::Agent, .. })) = event {
                *back.entry(round.elapsed().as_millis() / 10).or_default() += 1;
            }
        }
        assert!(back.len() >= 5, "they come back spread over their back-off: {back:?}");
        sleep(Duration::from_secs(5).saturating_sub(round.elapsed())).await;
    }
    town.until_each_has_one().await;
    let sessions = host.control().sessions().await.unwrap();
    assert!(sessions.iter().all(|session| session.restarts == 0), "links were mended, nobody began anew");
    let reconnects: u64 = sessions.iter().filter_map(|session| session.counters.as_ref()).map(|c| c.reconnects).sum();
    assert!(reconnects > 24 * 35, "{reconnects}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_stalls_is_waited_for() {
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    let rooms = town.rooms(10).await;
    town.until_each_has_one().await;
    for room in &rooms {
        town.talker(room).await;
    }
    for (room, agents) in town.agents().await {
        town.inject(Fault::Stall { room, peer: agents[0].0.clone(), for_ms: 4_000 });
    }
    sleep(Duration::from_secs(5)).await;
    let heard = |sessions: &[roomtone::host::SessionStatus]| -> Vec<u64> {
        sessions.iter().filter_map(|session| session.counters.as_ref()).map(|counters| counters.chunks).collect()
    };
    let before = heard(&host.control().sessions().await.unwrap());
    until(&host, "all hear again", |sessions| heard(sessions).iter().zip(&before).all(|(now, then)| *now > then + 50))
        .await;
    town.until_each_has_one().await;
}
