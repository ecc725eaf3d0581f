//! MultiPlatform platforms as one: a host's rooms are those of all of them, each told apart by its id.
//!
//! One that is away costs itself: its rooms are as they were known last, and the others' go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::{StreamExt, future::join_all, stream};

use super::config::{join, split};
use crate::{
    agent::AudioRequirements,
    event::{Event, PeerId, Place, RoomId},
    platform::{
        Delivery, JoinError, JoinOptions, ListedRoom, Platform, PlatformError, PlatformErrorKind, RefusedDelivery,
        Seat, SignatureForm, Telemetry, Watch, WatchEvent,
    },
    protocol::Protocol,
};

/// See the module's head.
#[derive(Debug)]
pub(in crate::host) struct MultiPlatform {
    platforms: BTreeMap<Protocol, Arc<dyn Platform>>,
}

impl MultiPlatform {
    pub(super) fn new(platforms: BTreeMap<Protocol, Arc<dyn Platform>>) -> MultiPlatform {
        MultiPlatform { platforms }
    }

    fn of<'a>(&self, room: &'a RoomId) -> Result<(&Arc<dyn Platform>, &'a str), PlatformError> {
        let (protocol, own) = split(room.as_str());
        let platform = self.platforms.get(&protocol).ok_or_else(|| PlatformError::no_such_room(room))?;
        Ok((platform, own))
    }
}

/// What one of them lists, or knows while it is away.
async fn rooms_of(protocol: Protocol, platform: &dyn Platform) -> Result<Vec<ListedRoom>, PlatformError> {
    let named = |room: ListedRoom| ListedRoom { id: join(protocol, room.id.as_str()).into(), ..room };
    let rooms = match platform.rooms().await {
        Ok(rooms) => rooms,
        Err(error) => {
            platform.known_rooms().ok_or(PlatformError { message: format!("{protocol}: {error}"), ..error })?
        }
    };
    Ok(rooms.into_iter().map(named).collect())
}

#[async_trait]
impl Platform for MultiPlatform {
    fn name(&self) -> &'static str {
        "several"
    }

    fn address(&self) -> String {
        let addresses = self.platforms.values().map(|platform| platform.address());
        addresses.collect::<Vec<_>>().join(", ")
    }

    /// One that refuses the credentials is a mistake of the file; one that is away may come back.
    async fn check(&self) -> Result<(), PlatformError> {
        let checks = self.platforms.iter().map(|(protocol, platform)| async move {
            platform.check().await.map_err(|error| PlatformError { message: format!("{protocol}: {error}"), ..error })
        });
        let mut errors: Vec<PlatformError> = join_all(checks).await.into_iter().filter_map(Result::err).collect();
        errors.sort_by_key(|error| error.kind != PlatformErrorKind::Unauthorized);
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// One whose rooms are not known without asking keeps the others waiting for their next list, and nothing else.
    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError> {
        let lists = self.platforms.iter().map(|(protocol, platform)| rooms_of(*protocol, platform.as_ref()));
        let lists: Result<Vec<_>, PlatformError> = join_all(lists).await.into_iter().collect();
        Ok(lists?.into_iter().flatten().collect())
    }

    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError> {
        let (platform, own) = self.of(room)?;
        Ok(ListedRoom { id: room.clone(), ..platform.room(&own.into()).await? })
    }

    /// It is up while any of them is; each that comes back asks for a list.
    fn watch(&self) -> Watch {
        let of = |(protocol, platform): (&Protocol, &Arc<dyn Platform>)| {
            let protocol = *protocol;
            platform.watch().map(move |told| (protocol, told)).boxed()
        };
        let merged = stream::select_all(self.platforms.iter().map(of));
        let (platforms, down) = (self.platforms.len(), self.platforms.keys().copied().collect::<BTreeSet<_>>());
        Box::pin(
            merged
                .scan(down, move |down, told| {
                    futures_util::future::ready(Some(stream::iter(told_of(platforms, down, told))))
                })
                .flatten(),
        )
    }

    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError> {
        let room = options.room.clone();
        let (platform, own) = self.of(&room).map_err(|_| JoinError::NoSuchRoom(room.clone()))?;
        platform.prepare(JoinOptions { room: own.into(), ..options }, wants).await
    }

    async fn remove_peer(&self, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError> {
        let (platform, own) = self.of(room)?;
        platform.remove_peer(&own.into(), peer).await
    }

    fn telemetry(&self) -> Telemetry {
        let (mut all, mut failings) = (Telemetry::default(), Vec::new());
        for (protocol, platform) in &self.platforms {
            let one = platform.telemetry();
            all.calls.extend(one.calls);
            all.up.extend(one.up);
            if let Some(failing) = one.failing {
                let why = format!("{protocol}: {}", failing.why);
                failings.push(crate::platform::Failing { why, ..failing });
            }
            all.unserved_for = all.unserved_for.max(one.unserved_for);
            one.unreadable.into_iter().for_each(|(what, count)| *all.unreadable.entry(what).or_default() += count);
            all.events += one.events;
            all.missed_events += one.missed_events;
        }
        // One that is away costs itself alone.
        let are_all = failings.len() == self.platforms.len();
        all.failing = failings.into_iter().next().filter(|_| are_all);
        all
    }

    /// A Fishjam alone delivers.
    fn take_delivery(&self, delivery: &Delivery<'_>) -> Result<(), RefusedDelivery> {
        match self.platforms.get(&Protocol::Fishjam) {
            Some(fishjam) => fishjam.take_delivery(delivery),
            None => Err(RefusedDelivery { status: 404, why: "no platform delivers here".into(), is_signature: false }),
        }
    }

    fn delivery_signature(&self) -> Option<SignatureForm> {
        self.platforms.get(&Protocol::Fishjam)?.delivery_signature()
    }
}

/// What one platform tells, as all of them together tell it.
fn told_of(
    platforms: usize,
    down: &mut BTreeSet<Protocol>,
    (protocol, told): (Protocol, WatchEvent),
) -> Vec<WatchEvent> {
    match told {
        WatchEvent::Up => {
            down.remove(&protocol);
            vec![WatchEvent::Up]
        }
        WatchEvent::Down { reason } | WatchEvent::Refused { reason } => {
            let reason = format!("{protocol}: {reason}");
            down.insert(protocol);
            if down.len() == platforms { vec![WatchEvent::Down { reason }] } else { Vec::new() }
        }
        WatchEvent::Event(event) => match event.room() {
            Some(room) if join(protocol, room.as_str()) != room.as_str() => {
                let place = Some(Place::Room(join(protocol, room.as_str()).into()));
                vec![WatchEvent::Event(Arc::new(Event { place, ..Event::clone(&event) }))]
            }
            _ => vec![WatchEvent::Event(event)],
        },
        other => vec![other],
    }
}
