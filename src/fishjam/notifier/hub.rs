//! Who listens to a Fishjam, and which room each follows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{NotifierEvent, Scope, listener};
use crate::{
    event::{Event, RoomId, Snapshot},
    fishjam::rest::Client,
};

/// One Fishjam's listeners. The socket is open while there are any.
#[derive(Debug)]
pub(in crate::fishjam) struct Hub {
    client: Client,
    /// Somebody brings the notifications, and no socket is wanted.
    is_fed: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_up: bool,
    next_key: u64,
    subscribers: HashMap<u64, Subscriber>,
    /// Who follows which room, so that an event costs those whom it concerns.
    rooms: HashMap<RoomId, Vec<u64>>,
    /// Those who follow what happens in any room,
    all_rooms: Vec<u64>,
    /// and those who follow what concerns no room, too.
    everything: Vec<u64>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Subscriber {
    scope: Scope,
    events: mpsc::Sender<NotifierEvent>,
}

impl Hub {
    pub(in crate::fishjam) fn new(client: Client) -> Hub {
        Hub { client, is_fed: false, state: Mutex::default() }
    }

    /// A hub whose notifications come by [`tell`](Self::tell) alone.
    pub(in crate::fishjam) fn fed(client: Client) -> Hub {
        Hub { client, is_fed: true, state: Mutex::new(State { is_up: true, ..State::default() }) }
    }

    /// Adds a listener, and opens the socket for the first.
    pub(super) fn subscribe(self: &Arc<Hub>, scope: Scope) -> (u64, mpsc::Receiver<NotifierEvent>) {
        let is_of_one = matches!(scope, Scope::Room(_));
        let (events, receiver) = mpsc::channel(if is_of_one { EVENTS } else { EVENTS_OF_ALL });
        let mut state = self.state();
        let key = state.next_key;
        state.next_key += 1;
        if state.is_up {
            events.try_send(NotifierEvent::Up).ok();
        }
        match &scope {
            Scope::Room(room) => state.rooms.entry(room.clone()).or_default().push(key),
            Scope::AllRooms => state.all_rooms.push(key),
            Scope::Everything => state.everything.push(key),
        }
        state.subscribers.insert(key, Subscriber { scope, events });
        if !self.is_fed && state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            // The listener holds no more of the hub than it can lose: the last subscriber ends it.
            state.task = Some(tokio::spawn(listener::run(self.client.clone(), Arc::downgrade(self))));
        }
        (key, receiver)
    }

    /// Removes a listener; with the last one the socket is closed.
    pub(super) fn unsubscribe(&self, key: u64) {
        let mut state = self.state();
        state.remove(key);
        if state.subscribers.is_empty() {
            state.is_up = self.is_fed;
            if let Some(task) = state.task.take() {
                task.abort();
            }
        }
    }

    /// Tells everybody how it stands with the socket.
    pub(super) fn tell_all(&self, event: &NotifierEvent) {
        let mut state = self.state();
        state.is_up = *event == NotifierEvent::Up;
        let keys: Vec<u64> = state.subscribers.keys().copied().collect();
        state.tell(keys, event);
        if matches!(event, NotifierEvent::Refused { .. }) {
            (state.subscribers, state.rooms, state.all_rooms, state.everything) = Default::default();
            // It is about to end; whoever listens from now on gets another.
            state.task = None;
        }
    }

    /// Tells those whom it concerns.
    pub(in crate::fishjam) fn tell(&self, event: Event) {
        let mut state = self.state();
        let mut keys = state.everything.clone();
        if let Some(room) = event.room() {
            keys.extend(&state.all_rooms);
            keys.extend(state.rooms.get(room).into_iter().flatten());
        }
        if !keys.is_empty() {
            state.tell(keys, &NotifierEvent::Event(Arc::new(event.identified())));
        }
    }

    /// Tells all who follow one room that a list of all rooms is being asked for.
    pub(in crate::fishjam) fn tell_listing(&self) {
        self.tell_of_one(&NotifierEvent::Listing);
    }

    /// Tells them that it did not come.
    pub(in crate::fishjam) fn tell_list_failed(&self) {
        self.tell_of_one(&NotifierEvent::ListFailed);
    }

    fn tell_of_one(&self, event: &NotifierEvent) {
        let mut state = self.state();
        let keys: Vec<u64> = state.rooms.values().flatten().copied().collect();
        state.tell(keys, event);
    }

    /// Tells each of them what the list says of its room.
    pub(in crate::fishjam) fn tell_listed(&self, listed: impl Fn(&RoomId) -> Option<Snapshot>) {
        let mut state = self.state();
        let rooms: Vec<(RoomId, Vec<u64>)> =
            state.rooms.iter().map(|(room, keys)| (room.clone(), keys.clone())).collect();
        for (room, keys) in rooms {
            state.tell(keys, &NotifierEvent::Listed(listed(&room).map(Arc::new)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

impl State {
    /// Who does not read is removed, and finds out when it has read what is there: nobody waits for it.
    fn tell(&mut self, keys: Vec<u64>, event: &NotifierEvent) {
        for key in keys {
            let told = self.subscribers.get(&key).is_some_and(|to| to.events.try_send(event.clone()).is_ok());
            if !told {
                self.remove(key);
            }
        }
    }

    fn remove(&mut self, key: u64) {
        match self.subscribers.remove(&key).map(|subscriber| subscriber.scope) {
            Some(Scope::Room(room)) => {
                if let Some(followers) = self.rooms.get_mut(&room) {
                    followers.retain(|follower| *follower != key);
                    if followers.is_empty() {
                        self.rooms.remove(&room);
                    }
                }
            }
            Some(Scope::AllRooms) => self.all_rooms.retain(|follower| *follower != key),
            Some(Scope::Everything) => self.everything.retain(|follower| *follower != key),
            None => {}
        }
    }
}

/// Events that may wait for a listener to one room: a batch for everybody. Memory grows with use, not with this.
const EVENTS: usize = 4_096;
/// Events that may wait for a listener to all of them: several thousand rooms that begin at once.
const EVENTS_OF_ALL: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RoomEvent;

    /// A hub of a server that takes connections and says nothing.
    fn hub() -> (std::net::TcpListener, Arc<Hub>) {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        (silent, Arc::new(Hub::new(Client::new(address, "token".into()))))
    }

    fn created(room: &str) -> Event {
        Event::from(RoomEvent::Opened { info: Default::default() }).in_room(room.into())
    }

    fn told(room: &str) -> Arc<Event> {
        Arc::new(created(room))
    }

    /// Each event has another id.
    fn without_id(told: NotifierEvent) -> NotifierEvent {
        match told {
            NotifierEvent::Event(event) => {
                assert!(event.id.is_some());
                NotifierEvent::Event(Arc::new(Event { id: None, ..Event::clone(&event) }))
            }
            other => other,
        }
    }

    #[tokio::test]
    async fn each_is_told_of_its_own_room_and_who_does_not_read_holds_nobody_up() {
        let (_silent, hub) = hub();
        let mut one = super::super::Notifier::of(&hub, Scope::Room("one".into()));
        let mut all = super::super::Notifier::of(&hub, Scope::AllRooms);
        hub.tell_all(&NotifierEvent::Up);
        for n in 0..EVENTS + 10 {
            hub.tell(created(if n % 2 == 0 { "two" } else { "one" }));
            if n < 200 {
                let expected = if n == 0 {
                    NotifierEvent::Up
                } else {
                    NotifierEvent::Event(told(if n % 2 == 1 { "two" } else { "one" }))
                };
                assert_eq!(all.next().await.map(without_id), Some(expected));
            }
        }
        assert_eq!(one.next().await, Some(NotifierEvent::Up));
        for _ in 0..(EVENTS + 10) / 2 {
            assert_eq!(one.next().await.map(without_id), Some(NotifierEvent::Event(told("one"))));
        }
        (0..EVENTS).for_each(|_| hub.tell(created("one")));
        hub.tell(created("one"));
        for _ in 0..EVENTS {
            assert_eq!(one.next().await.map(without_id), Some(NotifierEvent::Event(told("one"))));
        }
        assert!(matches!(one.next().await, Some(NotifierEvent::Down { .. })), "it did not read in time");
        assert_eq!(one.next().await, Some(NotifierEvent::Up));
        drop((one, all));
        assert!(hub.state().rooms.is_empty() && hub.state().task.is_none());
    }
}
