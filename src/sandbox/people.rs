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
    sound::{self, Clip, Opened, RATES, Said, Speech, Stream, Tap, Utterance},
    streams::new_id,
    world::{NoSuch, World},
};
use crate::{
    audio::{Hz, Sound, file::FileError},
    event::{PeerId, RoomId, TrackId},
    fishjam::rest::model::SubscribeMode,
    protocol::fishjam::wire::{notifications::TrackType, server_message::PeerType},
};

/// A person to be added to a room.
#[derive(Debug, Clone)]
pub struct Person {
    /// A peer that an app has made, which this person is; another one is made unless given.
    pub peer: Option<PeerId>,
    /// What the app says of the person; it shows as `metadata.server`.
    pub metadata: Value,
    /// What the person says of itself; it shows as `metadata.peer`.
    pub own_metadata: Value,
    /// How long after it came in the person's tracks begin. A browser takes a moment.
    pub tracks_after: Duration,
    /// What the person says; without it the microphone is silent until [`say`](super::Sandbox::say).
    pub sound: Option<Speaks>,
    /// How long after the microphone opened it is said.
    pub delay: Duration,
    /// Whether it is said again and again.
    pub looped: bool,
    /// How long the microphone sends nothing before it is said again.
    pub pause: Duration,
    /// A picture that stands for the person's camera: its media type and its file.
    pub still: Option<(&'static str, Bytes)>,
}

/// What a person says.
#[derive(Debug, Clone)]
pub enum Speaks {
    /// A recording in memory.
    Sound(Sound),
    /// A file, which is read while it is said.
    File(PathBuf),
}

impl Default for Person {
    /// Nothing is said of it, it says nothing, and its tracks begin after 200 ms, as a browser's do.
    fn default() -> Person {
        Person {
            peer: None,
            metadata: Value::Null,
            own_metadata: Value::Null,
            tracks_after: Duration::from_millis(200),
            sound: None,
            delay: Duration::ZERO,
            looped: false,
            pause: Duration::ZERO,
            still: None,
        }
    }
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
    /// The peer is no person's, or is in the room already.
    #[error("Peer {0} is no person's, or is connected already")]
    Taken(PeerId),
    /// A file that may not be read.
    #[error("{0}")]
    Outside(String),
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
        let said = match person.sound {
            Some(sound) => Some(prepare(sound, person.looped).await?),
            None => None,
        };
        let (id, token) = match person.peer {
            Some(peer) => self.take_over(&room, peer)?,
            None => {
                let object = |value: Value| if value.is_null() { json!({}) } else { value };
                let metadata = json!({ "peer": {}, "server": object(person.metadata) });
                let id = PeerId::from(new_id());
                let peer = Peer::new(id.clone(), PeerType::Webrtc, metadata, SubscribeMode::Auto);
                let token = self.add_peer(&room, peer)?.ok_or_else(|| PeopleError::RoomFull(room.id.clone()))?;
                (id, token)
            }
        };
        let mut speech = Speech::default();
        if let Some(said) = said {
            let not_before = from_now(person.delay);
            speech.say(Utterance { said, not_before, looped: person.looped, pause: person.pause.min(LONGEST_WAIT) });
        }
        let video = person.still.map(|still| (TrackId::from(new_id()), still));
        let microphone = Microphone { audio: TrackId::from(new_id()), speech, video };
        let (audio, video) = (microphone.audio.clone(), microphone.video.as_ref().map(|(id, _)| id.clone()));
        self.come_in(&room, &id, person.own_metadata, person.tracks_after, microphone).await?;
        Ok(Speaker { peer: id, audio, video, token })
    }

    /// A peer that an app has made, and that nobody has connected, becomes a person of the sandbox's.
    fn take_over(&self, room: &Room, id: PeerId) -> Result<(PeerId, String), PeopleError> {
        let mut state = room.state();
        let peer = state.peer(id.as_str()).ok_or_else(|| NoSuch::Peer(id.to_string()))?;
        if peer.kind != PeerType::Webrtc || peer.connection.is_some() {
            return Err(PeopleError::Taken(id));
        }
        drop(state);
        Ok((id.clone(), self.issue_token(&room.id, &id)))
    }

    /// Connects a person's peer, and adds its tracks a moment later, as a browser does.
    async fn come_in(
        &self,
        room: &Room,
        id: &PeerId,
        own_metadata: Value,
        tracks_after: Duration,
        microphone: Microphone,
    ) -> Result<(), PeopleError> {
        let gone = || NoSuch::Peer(id.to_string());
        {
            let mut state = room.state();
            let peer = state.peer(id.as_str()).ok_or_else(gone)?;
            if !own_metadata.is_null() {
                peer.metadata["peer"] = own_metadata;
            }
            room.connect(peer, Connection::Own);
        }
        if !tracks_after.is_zero() {
            tokio::time::sleep(tracks_after.min(LONGEST_WAIT)).await;
        }
        let mut state = room.state();
        let peer = state.peer(id.as_str()).filter(|peer| peer.connection.is_some()).ok_or_else(gone)?;
        let Microphone { audio, speech, video } = microphone;
        room.add_track(peer, track(&audio, TrackType::Audio, "microphone", Source::Person(speech)));
        if let Some((video, (content_type, data))) = video {
            room.add_track(peer, track(&video, TrackType::Video, "camera", Source::Still { content_type, data }));
        }
        Ok(())
    }

    /// A person closes the tab: the peer stays, and may come back.
    pub(super) fn disconnect_person(&self, room: &RoomId, id: &PeerId) -> Result<(), PeopleError> {
        self.with(room, id, |room, peer| match peer.connection {
            Some(Connection::Own) => {
                room.disconnect(peer);
                Ok(())
            }
            _ => Err(PeopleError::NotOurs(id.clone())),
        })?
    }

    /// A person who closed the tab comes back, with a microphone that is silent until it says something.
    pub(super) async fn reconnect_person(&self, room: &RoomId, id: &PeerId) -> Result<Speaker, PeopleError> {
        let person = Person { peer: Some(id.clone()), ..Person::default() };
        self.add_person(room, person).await
    }

    pub(super) async fn say(
        &self,
        room: &RoomId,
        peer: &PeerId,
        sound: Speaks,
        delay: Duration,
        looped: bool,
    ) -> Result<(), PeopleError> {
        let said = prepare(sound, looped).await?;
        let not_before = from_now(delay);
        self.with_speech(room, peer, |speech| speech.say(Utterance { said, not_before, looped, pause: Duration::ZERO }))
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

/// What a person brings along.
struct Microphone {
    audio: TrackId,
    speech: Speech,
    video: Option<(TrackId, (&'static str, Bytes))>,
}

/// No later than a day from now.
fn from_now(delay: Duration) -> Instant {
    Instant::now() + delay.min(LONGEST_WAIT)
}

/// Makes what a person says ready at the rates that agents hear, away from the tasks that move sound.
async fn prepare(sound: Speaks, looped: bool) -> Result<Said, PeopleError> {
    let make = move || match sound {
        Speaks::Sound(sound) => Ok(clip(sound)),
        Speaks::File(path) => Ok(match sound::open(&path)? {
            Opened::Short(sound) => clip(sound),
            Opened::Long(begun) => Said::File(Stream::go_on(*begun, &path, RATES, looped)),
        }),
    };
    tokio::task::spawn_blocking(make).await.expect("resampling does not panic")
}

fn clip(sound: Sound) -> Said {
    let clip = Clip::new(sound);
    RATES.iter().for_each(|rate| drop(clip.prepare(*rate)));
    Said::Clip(Arc::new(clip))
}

/// Longer than that nobody waits.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
