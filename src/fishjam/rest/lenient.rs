//! Reading of answers in which something may be wrong: a part that cannot be read is left out, counted and named, and
//! the rest holds.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Mutex,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::model::{
    Livestream, Peer, PeerType, Recording, Room, RoomConfig, Status, SubscribeMode, Subscriptions, Track,
};
use crate::{
    event::{Metadata, PeerId, RoomId},
    protocol::fishjam::DecodeError,
};

/// What could not be read of an answer: what it was, which, and why.
pub(super) type Faults = Vec<(&'static str, String, String)>;

/// Something that is read part by part.
pub(super) trait Lenient: Sized {
    /// What it is, in a word.
    const WHAT: &'static str;

    fn read(text: &str, faults: &mut Faults) -> Result<Self, String>;
}

impl Lenient for Room {
    const WHAT: &'static str = "room";

    fn read(text: &str, faults: &mut Faults) -> Result<Room, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            id: RoomId,
            #[serde(default)]
            config: Option<Box<RawValue>>,
            #[serde(default)]
            peers: Vec<Box<RawValue>>,
            #[serde(default)]
            composition_info: Option<Box<RawValue>>,
        }
        let raw: Raw = parse(text)?;
        let config = raw.config.map_or(Ok(RoomConfig::default()), |config| parse(config.get()));
        let config = config.unwrap_or_else(|why| {
            faults.push(("configuration of room", raw.id.to_string(), why));
            RoomConfig::default()
        });
        let mut peers = Vec::with_capacity(raw.peers.len());
        raw.peers.iter().for_each(|peer| read_into(peer.get(), &mut peers, faults));
        let composition_info = raw.composition_info.and_then(|info| {
            parse(info.get()).map_err(|why| faults.push(("composition of room", raw.id.to_string(), why))).ok()
        });
        Ok(Room { id: raw.id, config, peers, composition_info })
    }
}

impl Lenient for Peer {
    const WHAT: &'static str = "peer";

    fn read(text: &str, faults: &mut Faults) -> Result<Peer, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            id: PeerId,
            #[serde(rename = "type")]
            kind: PeerType,
            status: Status,
            #[serde(default)]
            tracks: Vec<Box<RawValue>>,
            #[serde(default)]
            metadata: Metadata,
            #[serde(default)]
            subscribe_mode: SubscribeMode,
            #[serde(default)]
            subscriptions: Subscriptions,
        }
        let Raw { id, kind, status, tracks: listed, metadata, subscribe_mode, subscriptions } = parse(text)?;
        let mut tracks = Vec::with_capacity(listed.len());
        listed.iter().for_each(|track| read_into(track.get(), &mut tracks, faults));
        let peer = Peer { id, kind, status, tracks, metadata, subscribe_mode, subscriptions };
        if peer.tracks.iter().map(|track| &track.metadata).chain([&peer.metadata]).any(is_lost) {
            faults.push((
                "metadata of peer",
                peer.id.to_string(),
                "it is nested too deeply, or holds what no value can".into(),
            ));
        }
        Ok(peer)
    }
}

/// What has no parts that could be left out.
macro_rules! whole {
    ($($name:ident $what:literal),+) => {$(
        impl Lenient for $name {
            const WHAT: &'static str = $what;

            fn read(text: &str, _: &mut Faults) -> Result<$name, String> {
                parse(text)
            }
        }
    )+};
}

whole!(Track "track", Livestream "livestream", Recording "recording");

fn is_lost(metadata: &Metadata) -> bool {
    !metadata.text().is_empty() && metadata.json().is_null()
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Reads one element of a list, or notes that it cannot be read.
pub(super) fn read_into<T: Lenient>(text: &str, list: &mut Vec<T>, faults: &mut Faults) {
    match T::read(text, faults) {
        Ok(element) => list.push(element),
        Err(why) => {
            #[derive(Deserialize)]
            struct Named {
                id: String,
            }
            let id = parse::<Named>(text).map_or_else(|_| "without an id".to_owned(), |named| named.id);
            faults.push((T::WHAT, id, why));
        }
    }
}

/// What could not be read so far: all of it is counted, and each thing is told of once.
#[derive(Debug, Default)]
pub struct Unreadable(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<&'static str, u64>,
    told: HashSet<(&'static str, String)>,
}

impl Unreadable {
    /// By what it was.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().expect("no holder panics").counts.clone()
    }

    /// A notification could not be read.
    pub(crate) fn note_notification(&self, source: &str, why: &str) {
        self.note(source, vec![("notification", why.to_owned(), String::from("it is passed over"))]);
    }

    /// Members of a batch of notifications could not.
    pub(crate) fn note_notifications(&self, source: &str, faults: &[DecodeError]) {
        let fault = |error: &DecodeError| ("notification", error.reason.clone(), format!("{} bytes", error.bytes));
        self.note(source, faults.iter().map(fault).collect());
    }

    pub(super) fn note(&self, call: &str, faults: Faults) {
        let mut state = self.0.lock().expect("no holder panics");
        for (what, id, why) in faults {
            *state.counts.entry(what).or_default() += 1;
            if state.told.len() == REMEMBERED {
                state.told.clear();
            }
            if state.told.insert((what, id.clone())) {
                tracing::warn!("{call}: the {what} {id:?} cannot be read and is passed over: {why}");
            }
        }
    }
}

/// How many things are remembered that were told of.
const REMEMBERED: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_costs_itself_alone() {
        let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
        let peer = |id: &str, metadata: &str, tracks: &str| {
            format!(r#"{{"id":"{id}","type":"webrtc","status":"connected","tracks":{tracks},"metadata":{metadata}}}"#)
        };
        let peers = [
            peer("deep", &deep, "[]"),
            peer("huge", "1e400", r#"[{"id":"t1","type":"audio"},{"id":7}]"#),
            peer("half", r#"{"x":"\ud83d"}"#, "[]"),
            r#"{"id":"odd","type":3,"status":"connected","tracks":[]}"#.to_owned(),
            peer("ada", r#"{"server":{"name":"Ada"}}"#, r#"[{"id":"t2","type":"audio","metadata":null}]"#),
        ];
        let text = format!(r#"{{"id":"r","config":{{"maxPeers":"many"}},"peers":[{}]}}"#, peers.join(","));
        let mut faults = Vec::new();
        let room = Room::read(&text, &mut faults).unwrap();
        let seen: Vec<(&str, usize)> = room.peers.iter().map(|peer| (peer.id.as_str(), peer.tracks.len())).collect();
        assert_eq!(seen, [("deep", 0), ("huge", 1), ("half", 0), ("ada", 1)]);
        assert_eq!(room.peers[3].metadata.json()["server"]["name"], "Ada");
        let told: Vec<(&str, &str)> = faults.iter().map(|(what, id, _)| (*what, id.as_str())).collect();
        let metadata = ["deep", "huge", "half"].map(|id| ("metadata of peer", id));
        let expected = [
            ("configuration of room", "r"),
            metadata[0],
            ("track", "without an id"),
            metadata[1],
            metadata[2],
            ("peer", "odd"),
        ];
        assert_eq!(told, expected);
        let unreadable = Unreadable::default();
        unreadable.note("GET /room", faults);
        assert_eq!(unreadable.counts()["metadata of peer"], 3);
    }
}
