//! Whatever happens to notifications, the agent ends with the right picture and lives through it in the right order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use roomtone::{
    event::{EventKind, PeerEvent, TrackEvent},
    platform::Platform,
    sandbox::{Fault, NotificationFault, Speaker},
    session::SessionHandle,
};

use crate::common::{House, ProbeEnd, Seen, noise, probe};

/// Lives through events and panics where they are out of order.
#[derive(Default)]
struct Witness(BTreeMap<String, BTreeSet<String>>);

impl Witness {
    fn see(&mut self, seen: &Seen) {
        let event = match seen {
            Seen::Event(event) => &event.kind,
            Seen::Frame { peer, .. } => return assert!(self.0.contains_key(peer), "heard before it joined"),
            Seen::Gap { .. } => return,
        };
        match event {
            EventKind::Peer(PeerEvent::Joined { peer, .. }) => {
                assert!(self.0.insert(peer.id.to_string(), BTreeSet::new()).is_none(), "joined twice");
            }
            EventKind::Track(TrackEvent::Added { owner, track }) => {
                let tracks = self.0.get_mut(owner.peer().unwrap().as_str()).expect("joined before its track");
                assert!(tracks.insert(track.id.to_string()), "added twice");
            }
            EventKind::Track(TrackEvent::Removed { owner, track }) => {
                assert!(self.0.get_mut(owner.peer().unwrap().as_str()).expect("joined").remove(track.id.as_str()));
            }
            EventKind::Peer(PeerEvent::Left { peer, .. }) => {
                assert!(self.0.remove(peer.id.as_str()).expect("joined").is_empty(), "left before its tracks");
            }
            _ => {}
        }
    }

    async fn until(&mut self, end: &mut ProbeEnd, people: usize) {
        let reached = |witness: &Witness| witness.0.len() == people && witness.0.values().all(|t| t.len() == 1);
        if !reached(self) {
            end.until(|seen| {
                self.see(seen);
                reached(self).then_some(())
            })
            .await;
        }
    }
}

/// An agent that knows of one person who talks, and a witness of all it was told.
async fn one_person_is_known(house: &House) -> (SessionHandle, ProbeEnd, Witness, Speaker) {
    let (agent, mut end) = probe();
    let handle = house.join(agent).await;
    let first = house.talker(noise(16_000)).await;
    let mut witness = Witness::default();
    witness.until(&mut end, 1).await;
    (handle, end, witness, first)
}

async fn people_come_and_go(how: Option<NotificationFault>) {
    let house = House::open().await;
    let (_stay, mut end, mut witness, first) = one_person_is_known(&house).await;
    if let Some(how) = how {
        house.sandbox.inject(Fault::Notifications { count: 8, how }).unwrap();
    }
    let second = house.talker(noise(16_000)).await;
    let third = house.talker(noise(16_000)).await;
    witness.until(&mut end, 3).await;
    house.sandbox.remove_person(&house.room, &first.peer).unwrap();
    witness.until(&mut end, 2).await;
    for seen in end.during(Duration::from_millis(700)).await {
        witness.see(&seen);
    }
    let there: BTreeSet<String> = witness.0.keys().cloned().collect();
    assert_eq!(there, BTreeSet::from([second.peer.to_string(), third.peer.to_string()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_they_should_be() {
    people_come_and_go(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled() {
    people_come_and_go(Some(NotificationFault::Double)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reversed() {
    people_come_and_go(Some(NotificationFault::Reverse)).await;
}

/// Their sound tells of people whom nobody announced.
#[tokio::test(flavor = "multi_thread")]
async fn lost() {
    people_come_and_go(Some(NotificationFault::Lose)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_socket_that_was_cut_brings_the_picture_up_to_date() {
    let house = House::open().await;
    let (_stay, mut end, mut witness, first) = one_person_is_known(&house).await;
    house.sandbox.inject(Fault::CutNotifiers { for_ms: 500 }).unwrap();
    house.sandbox.remove_person(&house.room, &first.peer).unwrap();
    house.person().await;
    // The new person says nothing, so only the server socket's return can tell of it.
    end.until(|seen| {
        witness.see(seen);
        let changed = !witness.0.contains_key(first.peer.as_str()) && witness.0.values().any(|t| t.len() == 1);
        changed.then_some(())
    })
    .await;
}

/// A list that its host asks for tells a session what it has missed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_of_all_rooms_says_reaches_each_session() {
    let house = House::open().await;
    let (_stay, mut end, mut witness, _first) = one_person_is_known(&house).await;
    house.sandbox.inject(Fault::Notifications { count: 8, how: NotificationFault::Lose }).unwrap();
    // Silent, so that nothing but a list can tell of them.
    let silent = house.person().await;
    let rooms = Platform::rooms(&house.fishjam).await.unwrap();
    assert_eq!(rooms.len(), 1);
    end.until(|seen| {
        witness.see(seen);
        witness.0.contains_key(silent.peer.as_str()).then_some(())
    })
    .await;
}
