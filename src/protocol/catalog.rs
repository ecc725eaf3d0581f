//! Every event that roomtone knows, of every platform, out of the tables by which they are read.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{dubtrack, fishjam, nkmedia, signalwire, spec::EventSpec};

/// A platform's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Fishjam: protobuf.
    Fishjam,
    /// SignalWire's video rooms: JSON-RPC.
    SignalWire,
    /// NkMEDIA: JSON.
    Nkmedia,
    /// Dubtrack, now QueUp: Engine.IO 3.
    Dubtrack,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 4] = [Protocol::Fishjam, Protocol::SignalWire, Protocol::Nkmedia, Protocol::Dubtrack];

    /// Its name, as in [`Native::platform`](crate::event::Native::platform).
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Fishjam => fishjam::PLATFORM,
            Protocol::SignalWire => signalwire::PLATFORM,
            Protocol::Nkmedia => nkmedia::PLATFORM,
            Protocol::Dubtrack => dubtrack::PLATFORM,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no platform's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no platform; choose fishjam, signalwire, nkmedia or dubtrack")]
pub struct NoSuchProtocol(pub String);

impl FromStr for Protocol {
    type Err = NoSuchProtocol;

    fn from_str(name: &str) -> Result<Protocol, NoSuchProtocol> {
        Protocol::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| NoSuchProtocol(name.to_owned()))
    }
}

/// One event of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogEntry {
    /// Whose.
    pub platform: Protocol,
    /// What the platform's documents call it.
    pub event: String,
    /// What its wire calls it; `null` where it exists in a browser page alone.
    pub wire: Option<String>,
    /// What it means, as in [`EventKind::name`](crate::event::EventKind::name).
    pub meaning: &'static str,
    /// The fields of its payload, each by its path.
    pub fields: Vec<String>,
    /// Whether it is one of the 67 that the platforms' event references name; the others came to light on the wire.
    pub is_documented: bool,
}

/// All events, by platform, in the order of their tables.
///
/// ```
/// use roomtone::protocol::catalog;
/// let talking = catalog().into_iter().find(|entry| entry.event == "member.talking").unwrap();
/// assert_eq!(talking.meaning, "voice.activity");
/// assert!(talking.fields.contains(&"member.talking".to_owned()));
/// ```
pub fn catalog() -> Vec<CatalogEntry> {
    let of = |platform, table: &'static [EventSpec]| table.iter().map(move |spec| entry(platform, spec));
    let fishjam = fishjam::catalog().into_iter();
    fishjam
        .chain(of(Protocol::SignalWire, signalwire::EVENTS))
        .chain(of(Protocol::Nkmedia, nkmedia::EVENTS))
        .chain(of(Protocol::Dubtrack, dubtrack::EVENTS))
        .collect()
}

fn entry(platform: Protocol, spec: &EventSpec) -> CatalogEntry {
    // What a page forwards has the name that the page's SDK gives it, and none on the wire.
    let is_on_wire =
        platform != Protocol::SignalWire || spec.wire.contains("video.") || spec.wire.starts_with("webrtc.");
    CatalogEntry {
        platform,
        event: spec.event.to_owned(),
        wire: is_on_wire.then(|| spec.wire.to_owned()),
        meaning: spec.meaning,
        fields: (spec.fields)(),
        is_documented: spec.is_documented,
    }
}
