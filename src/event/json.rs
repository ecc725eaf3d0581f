//! Events as JSON: one flat object each, whose form has a version.
//!
//! ```json
//! {"version":1,"event_id":"5f0c9d2e61a84b7c93d0a1b2c3d4e5f6","event":"peer.joined","peer":{"id":"p1","kind":"person","metadata":null,"tracks":[]},"room":"r1","origin":"platform","native":{"platform":"fishjam","name":"peerConnected"}}
//! ```
//!
//! The native payload is left out, as it may be large and say things that the event does not; ask for it by
//! [`Event::json_with_native`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::{Event, EventId, EventKind, Origin, Place};

/// The version of the form. It grows when a field is renamed, goes or means something else; new fields and new events come
/// within a version.
pub const VERSION: u32 = 1;

/// An event of any platform.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Event"))]
struct Out<'a> {
    /// The version of the form.
    version: u32,
    /// By which a receiver can tell that it is told the same event again.
    // Some kinds have an `id` of their own.
    #[serde(rename = "event_id", skip_serializing_if = "Option::is_none")]
    id: Option<&'a EventId>,
    #[serde(flatten)]
    kind: &'a EventKind,
    #[serde(flatten)]
    place: Option<&'a Place>,
    /// Who says so.
    origin: Origin,
    /// When it happened by the platform's clock, in seconds since 1970, where the platform says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_time_s: Option<f64>,
    /// What the platform itself said; not there where the event was worked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<OutNative<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Native"))]
struct OutNative<'a> {
    /// Which platform.
    platform: &'static str,
    /// Its own name for the event.
    name: &'a str,
    /// Its payload, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

#[derive(Deserialize)]
struct In {
    #[serde(default, rename = "event_id")]
    id: Option<EventId>,
    #[serde(flatten)]
    kind: EventKind,
    #[serde(flatten)]
    place: Option<Place>,
    origin: Origin,
    #[serde(default)]
    platform_time_s: Option<f64>,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let native = self.native.as_ref();
        let native = native.map(|n| OutNative { platform: n.platform(), name: n.name(), payload: None });
        let (id, kind, place) = (self.id.as_ref(), &self.kind, self.place.as_ref());
        Out { version: VERSION, id, kind, place, origin: self.origin, platform_time_s: self.platform_time_s, native }
            .serialize(serializer)
    }
}

/// The native payload does not come back: who needs it has the JSON.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        let In { id, kind, place, origin, platform_time_s } = In::deserialize(deserializer)?;
        Ok(Event { id, kind, place, origin, platform_time_s, native: None })
    }
}

impl Event {
    /// The event as JSON with all that the platform said, under `native.payload`.
    pub fn json_with_native(&self) -> Value {
        let mut whole = serde_json::to_value(self).expect("an event is plain JSON");
        if let Some(native) = &self.native {
            whole["native"]["payload"] = native.json().unwrap_or(json!(null));
        }
        whole
    }
}

/// Durations as seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e6)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(Error::custom)
    }
}

/// The same, where there may be none.
pub(crate) mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::seconds::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        seconds.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(Error::custom)).transpose()
    }
}

/// The tag of a kind that has one meaning only: serde writes it, and the derived schema does not know.
#[cfg(test)]
#[derive(Clone)]
pub(crate) struct Tagged(pub(crate) &'static str);

#[cfg(test)]
impl schemars::transform::Transform for Tagged {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        let object = schema.ensure_object();
        let required = object.entry("required").or_insert(json!([]));
        required.as_array_mut().expect("it is a list").push(json!("event"));
        object.entry("properties").or_insert(json!({}))["event"] = json!({ "type": "string", "const": self.0 });
    }
}

/// The form, as a JSON schema.
#[cfg(test)]
pub(crate) fn schema() -> Value {
    let mut schema = schemars::schema_for!(Out<'_>).to_value();
    schema["title"] = json!(format!("An event of roomtone, version {VERSION}"));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::*;

    fn one_of_each() -> Vec<EventKind> {
        let peer = || Peer::new("p".into(), PeerKind::Person);
        let track = || Track::new("t".into(), TrackKind::Audio);
        let owner = || Owner::Peer("p".into());
        let changes = || Changes::Named(Metadata::from_text(r#"{"a":1}"#));
        let asset = || Box::new(Asset { duration_s: Some(1.5), ..Asset::new(AssetKind::Recording, "a") });
        let member = || Member { peer: peer(), state: Some(PeerState { deaf: Some(true), ..PeerState::default() }) };
        let song = || {
            Box::new(Song {
                entry: "e".into(),
                media: None,
                title: Some("x".into()),
                source: Some(("youtube".into(), "id".into())),
                length: std::time::Duration::from_secs(200),
                added_by: None,
                up: 1,
                down: 0,
            })
        };
        let plane = Plane::Media;
        let (info, me) = (Metadata::from_text(r#"{"name":"n"}"#), Some("me".into()));
        let cell = Cell {
            member: Some("p".into()),
            x: 0.0,
            y: 0.0,
            width: 50.0,
            height: 100.0,
            z: 1,
            position: "auto".into(),
            visible: true,
        };
        let leg = || Leg::Session("s".into());
        let sdp = Some(Sdp { text: "v=0".into(), kind: Some("answer".into()) });
        let device = || Device { id: Some("d".into()), label: None };
        let after = Some(std::time::Duration::from_millis(1_500));
        vec![
            LinkEvent::Up { plane, me: me.clone(), after }.into(),
            LinkEvent::Down { plane, reason: Some("cut".into()) }.into(),
            LinkEvent::Retrying { plane }.into(),
            RoomEvent::Opened { info: info.clone() }.into(),
            RoomEvent::Closed { end: End::Failed { reason: None } }.into(),
            RoomEvent::Updated { changes: changes() }.into(),
            RoomEvent::Entered { me, info, roster: Some(vec![member()]), running: vec![*asset()] }.into(),
            RoomEvent::Exited { end: End::Normal }.into(),
            RoomEvent::Roster { peers: vec![member()] }.into(),
            RoomEvent::Audience { total: 7 }.into(),
            PeerEvent::Registered { peer: peer() }.into(),
            PeerEvent::Joined { peer: Peer { role: Role::Viewer, ..peer() }, state: member().state }.into(),
            PeerEvent::Left { peer: peer(), end: End::Coded { code: 5, reason: "r".into() } }.into(),
            PeerEvent::Removed { peer: Peer { name: "Ada".into(), user: Some("u".into()), ..peer() } }.into(),
            PeerEvent::Updated { peer: peer(), changes: changes() }.into(),
            PeerEvent::Role { peer: peer(), grants: Metadata::default() }.into(),
            PeerEvent::Presence { peer: peer(), state: Presence::Enter, connection: Some("c".into()) }.into(),
            TrackEvent::Added { owner: owner(), track: track() }.into(),
            TrackEvent::Updated { owner: Owner::Component("c".into()), track: track() }.into(),
            TrackEvent::Removed { owner: owner(), track: track() }.into(),
            VoiceActivity { peer: "p".into(), track: Some("t".into()), speaking: true }.into(),
            LayoutChanged { id: None, name: "grid".into(), cells: vec![cell] }.into(),
            MediaEvent::Started(asset()).into(),
            MediaEvent::Updated(asset()).into(),
            MediaEvent::Ended(asset()).into(),
            ChatEvent::Said { id: "m".into(), author: Box::new(peer()), text: "hello".into() }.into(),
            ChatEvent::Deleted { id: "m".into(), by: None }.into(),
            ChatEvent::Direct { conversation: "c".into(), from: "p".into() }.into(),
            QueueEvent::Current { song: song(), elapsed: after }.into(),
            QueueEvent::Voted { song: song(), by: "p".into(), vote: Vote::Up }.into(),
            CallEvent::Ringing { leg: leg(), sdp: None }.into(),
            CallEvent::Answered { leg: leg(), sdp }.into(),
            CallEvent::Updated { leg: Leg::Call("c".into()), changes: Changes::Whole(Metadata::default()) }.into(),
            CallEvent::Ended { leg: leg(), end: End::Normal }.into(),
            DeviceEvent::Lost { kind: DeviceKind::Camera, device: device() }.into(),
            DeviceEvent::Switched { kind: DeviceKind::Speaker, from: device(), to: device() }.into(),
        ]
    }

    #[test]
    fn each_of_the_36_meanings_has_a_name_and_comes_back_from_its_json() {
        let kinds = one_of_each();
        let names: std::collections::BTreeSet<&str> = kinds.iter().map(EventKind::name).collect();
        assert_eq!((kinds.len(), names.len()), (36, 36));
        for kind in kinds.into_iter().chain([Other {}.into()]) {
            let name = kind.name();
            let event = Event { platform_time_s: Some(2.5), ..Event::local(kind).in_room("r".into()) }.identified();
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!((&json["version"], &json["event"], &json["room"]), (&json!(1), &json!(name), &json!("r")));
            let back: Event = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert_eq!(back, event, "{json}");
        }
    }

    #[test]
    fn the_schema_fits_every_event_and_no_other_json() {
        let schema = jsonschema::validator_for(&schema()).unwrap();
        for kind in one_of_each().into_iter().chain([Other {}.into()]) {
            let native = Native::json_text("test", "said", bytes::Bytes::from_static(b"{}"));
            let event = Event { native: Some(native), ..Event::local(kind).in_room("r".into()) }.identified();
            for json in [serde_json::to_value(&event).unwrap(), event.json_with_native()] {
                assert!(schema.is_valid(&json), "{json}: {:?}", schema.validate(&json));
            }
        }
        for wrong in [
            json!({}),
            json!({ "version": 1, "origin": "platform" }),
            json!({ "version": 1, "event": "peer.joined", "origin": "platform" }),
        ] {
            assert!(!schema.is_valid(&wrong), "{wrong}");
        }
    }

    #[test]
    fn an_event_of_a_later_version_is_another_one() {
        let json = json!({ "version": 9, "event": "peer.waved", "wave": 3, "origin": "platform", "stream": "s" });
        let event: Event = serde_json::from_value(json).unwrap();
        assert_eq!((event.kind.name(), event.place), ("other", Some(Place::Stream("s".into()))));
    }

    #[test]
    fn an_event_is_small_and_says_nothing_of_people_in_a_log() {
        assert!(size_of::<Event>() <= 256, "{}", size_of::<Event>());
        let peer = Peer {
            name: "Ada".into(),
            metadata: Metadata::from_text(r#""secret""#),
            ..Peer::new("p".into(), PeerKind::Person)
        };
        let native = Native::json_text("test", "said", bytes::Bytes::from_static(b"\"secret\""));
        let told = [Event::said(PeerEvent::joined(peer), native), Event::from(one_of_each().remove(25))];
        let text = format!("{told:?}");
        assert!(!text.contains("Ada") && !text.contains("secret") && !text.contains("hello"), "{text}");
    }
}
