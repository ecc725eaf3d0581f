//! People of the sandbox's own, who speak recordings; and recordings of anyone.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    room::{Connection, Peer, Room, Source, Track},
    sound::{Clip, Speech, Tap, Utterance},
    streams::new_id,
    world::{NoSuch, World},
};
use crate::{
    audio::{Hz, Sound, file::FileError},
    dialect::fishjam::wire::{notifications::TrackType, server_message::PeerType},
    event::{PeerId, RoomId, TrackId},
    fishjam::rest::model::SubscribeMode,
};

/// A person to be added to a room.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// What is said of the person; it shows as `metadata.server`.
    pub metadata: Value,
    /// What the person says; without it the microphone is silent until [`say`](super::Sandbox::say).
    pub sound: Option<Sound>,
    /// How long after the microphone opened it is said.
    pub delay: Duration,
    /// Whether it is said again and again.
    pub looped: bool,
    /// How long the microphone sends nothing before it is said again.
    pub pause: Duration,
    /// A picture that stands for the person's camera: its media type and its file.
    pub still: Option<(&'static str, Bytes)>,
}

/// A person who has been added.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Speaker {
    /// The person's peer.
    pub peer: PeerId,
    /// The microphone's track.
    pub audio: TrackId,
    /// The camera's track, where there is a picture.
    pub video: Option<TrackId>,
    /// The peer's token, for a real socket in its place.
    #[serde(skip)]
    pub token: String,
}

/// Why something about people could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// The room or the peer is not there.
    #[error(transparent)]
    NoSuch(#[from] NoSuch),
    /// The room takes no more peers.
    #[error("Reached peers limit in room {0}")]
    RoomFull(RoomId),
    /// The peer has no microphone of the sandbox's.
    #[error("Peer {0} is not a person of the sandbox's own")]
    NotOurs(PeerId),
    /// The sound file cannot be read.
    #[error(transparent)]
    Sound(#[from] FileError),
    /// The picture's file cannot be read.
    #[error("{}: cannot be read as a picture ({why}); give a JPEG or PNG file", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A recording at a rate that is not made.
    #[error("peers are recorded at 16000, 24000 or 48000 Hz, not at {0}")]
    Rate(Hz),
    /// Nobody records this peer.
    #[error("Peer {0} is not being recorded")]
    NotRecorded(PeerId),
}

impl World {
    pub(super) async fn add_person(&self, room: &RoomId, person: Person) -> Result<Speaker, PeopleError> {
        let room = self.room(room.as_str())?;
        let clip = match person.sound {
            Some(sound) => Some(prepare(sound).await),
            None => None,
        };
        let metadata = if person.metadata.is_null() { json!({}) } else { person.metadata };
        let metadata = json!({ "peer": {}, "server": metadata });
        let id = PeerId::from(new_id());
        let peer = Peer::new(id.clone(), PeerType::Webrtc, metadata, SubscribeMode::Auto);
        let token = self.add_peer(&room, peer)?.ok_or_else(|| PeopleError::RoomFull(room.id.clone()))?;
        let mut speech = Speech::default();
        if let Some(clip) = clip {
            let not_before = Instant::now() + person.delay;
            speech.say(Utterance { clip, not_before, looped: person.looped, pause: person.pause });
        }
        let audio = TrackId::from(new_id());
        let video = person.still.map(|still| (TrackId::from(new_id()), still));
        let mut state = room.state();
        let peer = state.peer(id.as_str()).ok_or_else(|| NoSuch::Peer(id.to_string()))?;
        room.connect(peer, Connection::Own);
        room.add_track(peer, track(&audio, TrackType::Audio, "microphone", Source::Person(speech)));
        let video = video.map(|(video, (content_type, data))| {
            room.add_track(peer, track(&video, TrackType::Video, "camera", Source::Still { content_type, data }));
            video
        });
        Ok(Speaker { peer: id, audio, video, token })
    }

    pub(super) async fn say(
        &self,
        room: &RoomId,
        peer: &PeerId,
        sound: Sound,
        delay: Duration,
        looped: bool,
    ) -> Result<(), PeopleError> {
        let clip = prepare(sound).await;
        let not_before = Instant::now() + delay;
        self.with_speech(room, peer, |speech| speech.say(Utterance { clip, not_before, looped, pause: Duration::ZERO }))
    }

    /// Does something with a person's microphone.
    pub(super) fn with_speech<T>(
        &self,
        room: &RoomId,
        peer: &PeerId,
        act: impl FnOnce(&mut Speech) -> T,
    ) -> Result<T, PeopleError> {
        let act = |room: &Room, found: &mut Peer| {
            let speech = found.tracks.iter_mut().find_map(|track| match &mut track.source {
                Source::Person(speech) => Some(speech),
                _ => None,
            });
            room.stage_work.notify_one();
            speech.map(act).ok_or_else(|| PeopleError::NotOurs(peer.clone()))
        };
        self.with(room, peer, act)?
    }

    pub(super) fn record(&self, room: &RoomId, peer: &PeerId, rate: Hz, from: Instant) -> Result<(), PeopleError> {
        // The rates at which clips are made ready: another would have to be made while the room is held.
        if !RATES.contains(&rate) {
            return Err(PeopleError::Rate(rate));
        }
        Ok(self.with(room, peer, |_, peer| peer.tap = Some(Tap::new(rate, from)))?)
    }

    pub(super) fn quiet_since(&self, room: &RoomId, peer: &PeerId) -> Result<Option<Instant>, PeopleError> {
        Ok(self.with(room, peer, |_, peer| peer.tap.as_ref().and_then(Tap::quiet_since))?)
    }

    pub(super) fn recording(&self, room: &RoomId, peer: &PeerId) -> Result<Sound, PeopleError> {
        let room = self.room(room.as_str())?;
        let mut state = room.state();
        let recording = match state.peer(peer.as_str()) {
            Some(peer) => peer.tap.as_ref().map(|tap| tap.recording(Instant::now())),
            None => {
                let old = state.old_taps.iter().find(|(gone, _)| gone == peer);
                old.map(|(_, tap)| tap.recording(Instant::now()))
            }
        };
        recording.ok_or_else(|| PeopleError::NotRecorded(peer.clone()))
    }
}

/// The rates at which sound is made ready: those that agents hear, and that of Opus.
const RATES: [Hz; 3] = [Hz::K16, Hz::K24, Hz::K48];
/// The largest picture that is taken.
const LARGEST_PICTURE_BYTES: u64 = 8 << 20;

/// Reads a picture and tells its media type by its first bytes.
pub(super) fn read_picture(path: &Path) -> Result<(&'static str, Bytes), PeopleError> {
    let fail = |why: String| PeopleError::Picture { path: path.to_owned(), why };
    let about = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?;
    if !about.is_file() || about.len() > LARGEST_PICTURE_BYTES {
        return Err(fail(format!("it is no file of at most {LARGEST_PICTURE_BYTES} bytes")));
    }
    let data = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    let content_type = match &data[..] {
        [0xff, 0xd8, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        _ => return Err(fail("it is neither".into())),
    };
    Ok((content_type, data.into()))
}

fn track(id: &TrackId, kind: TrackType, name: &str, source: Source) -> Track {
    Track { id: id.clone(), kind, metadata: json!({ "type": name }), source, rates: Default::default() }
}

/// Makes a recording ready at the rates that agents hear, away from the tasks that move sound.
async fn prepare(sound: Sound) -> Arc<Clip> {
    let make = move || {
        let clip = Clip::new(sound);
        for rate in RATES {
            clip.prepare(rate);
        }
        Arc::new(clip)
    };
    tokio::task::spawn_blocking(make).await.expect("resampling does not panic")
}
