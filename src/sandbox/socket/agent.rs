//! The agent socket: authentication, tracks in and out, and the rules that crash a peer.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use prost::Message as _;
use serde_json::Value;
use uuid::{Uuid, Variant, Version};

use super::{
    End, admit, first_message,
    link::{Link, finish},
    upgrade::Stream,
};
use crate::{
    audio::{Hz, codec::Encoding},
    event::{PeerId, TrackId},
    protocol::fishjam::wire::{
        AgentRequest, AgentResponse,
        agent_request::{AddTrack, Content},
        agent_response::{Authenticated, Content as Answer, TrackImage},
        notifications::{TrackEncoding, TrackType},
        server_message::PeerType,
    },
    sandbox::{
        room::{Peer, Room, RoomState, Source, Track},
        sound::Playout,
        world::World,
    },
};

pub(super) async fn accept(State(world): State<Arc<World>>, mut request: Request) -> Response {
    super::upgrade::upgrade(&mut request, move |stream| serve(world, stream))
}

async fn serve(world: Arc<World>, mut stream: Stream) {
    let Some(first) = first_message(&world, &mut stream).await else { return };
    match authenticate(&world, first) {
        Ok(link) => {
            let agent =
                Agent { strict: world.strict, room: link.room.clone(), peer: link.peer.clone(), number: link.number };
            link.serve(stream, world.stop.clone(), |bytes| agent.on_message(bytes)).await;
        }
        Err(end) => finish(stream, end).await,
    }
}

fn authenticate(world: &World, first: Bytes) -> Result<Link, End> {
    let request = AgentRequest::decode(first).ok().and_then(|request| request.content);
    let Some(Content::AuthRequest(auth)) = request else { return Err(End::Close(1000, "unauthenticated".into())) };
    let answer = AgentResponse { content: Some(Answer::Authenticated(Authenticated {})) }.encode_to_vec();
    admit(world, &auth.token, PeerType::Agent, |_, peer| peer.send(answer.into()))
}

/// One connected agent, as far as its requests go.
struct Agent {
    strict: bool,
    room: Arc<Room>,
    peer: PeerId,
    number: u64,
}

impl Agent {
    fn on_message(&self, bytes: Bytes) {
        let content = AgentRequest::decode(bytes).ok().and_then(|request| request.content);
        let mut state = self.room.state();
        if state.peer(self.peer.as_str()).is_none_or(|peer| !peer.is_connected_by(self.number)) {
            return;
        }
        let result = match content {
            Some(Content::AddTrack(add)) => self.on_add_track(&mut state, add),
            Some(Content::TrackData(sound)) => self.on_track_data(&mut state, &sound.track_id, &sound.data),
            Some(Content::InterruptTrack(interrupt)) => self.on_interrupt(&mut state, &interrupt.track_id),
            Some(Content::RemoveTrack(remove)) => {
                self.on_remove_track(&mut state, &remove.track_id);
                Ok(())
            }
            Some(Content::CaptureImage(capture)) => {
                self.on_capture(&mut state, &capture.track_id);
                Ok(())
            }
            // A second authentication and what cannot be read are passed over, as on the peer socket.
            Some(Content::AuthRequest(_)) | None => Ok(()),
        };
        let peer = state.peer(self.peer.as_str()).expect("looked up above");
        match result {
            Err(reason) if self.strict => self.room.crash_peer(peer, &reason),
            Err(reason) => tracing::warn!("the sandbox lets an agent's mistake pass: {reason}"),
            Ok(()) => {}
        }
    }

    fn on_add_track(&self, state: &mut RoomState, add: AddTrack) -> Result<(), String> {
        let track = add.track.unwrap_or_default();
        let taken = state.peers.iter().flat_map(|peer| &peer.tracks).any(|known| known.id.as_str() == track.id);
        if taken || !is_uuid_v4(&track.id) {
            return Err(format!("AddTrack request with invalid track_id {:?}", track.id));
        }
        if track.r#type() == TrackType::Video {
            return Err("AddTrack request with invalid track type video".into());
        }
        let params = add.codec_params.unwrap_or_default();
        let invalid = || {
            let (rate, channels) = (params.sample_rate, params.channels);
            format!(
                "AddTrack request with invalid codec params {:?}, {rate} Hz, {channels} channels",
                params.encoding()
            )
        };
        let encoding = match (params.encoding(), params.sample_rate, params.channels) {
            (TrackEncoding::Opus, _, 1) => Encoding::Opus,
            (TrackEncoding::Pcm16 | TrackEncoding::Unspecified, 16_000 | 24_000, 1) => Encoding::Pcm16,
            _ => return Err(invalid()),
        };
        let playout = Playout::new(encoding, Hz(params.sample_rate)).map_err(|error| error.to_string())?;
        let metadata = serde_json::from_str(&track.metadata).unwrap_or(Value::String(track.metadata));
        let peer = state.peer(self.peer.as_str()).expect("looked up by the caller");
        let (id, kind) = (TrackId::from(track.id), TrackType::Audio);
        self.room
            .add_track(peer, Track { id, kind, metadata, source: Source::Agent(playout), rates: Default::default() });
        Ok(())
    }

    fn on_track_data(&self, state: &mut RoomState, track: &str, data: &[u8]) -> Result<(), String> {
        let RoomState { peers, listening, .. } = state;
        let peer = peers.iter_mut().find(|peer| peer.id == self.peer).expect("looked up by the caller");
        if peer.faults.loses() {
            return Ok(());
        }
        let playout = playout(peer, track).ok_or_else(|| format!("TrackData for unknown track_id {track:?}"))?;
        let (now, was_idle) = (Instant::now(), playout.due().is_none());
        let samples = playout.on_data(now, data).map_err(|error| error.to_string())?;
        self.room.echoes.on_packet(listening, now, playout.newest(samples));
        if was_idle && playout.due().is_some() {
            self.room.stage_work.notify_one();
        }
        Ok(())
    }

    fn on_interrupt(&self, state: &mut RoomState, track: &str) -> Result<(), String> {
        let peer = state.peer(self.peer.as_str()).expect("looked up by the caller");
        let playout = playout(peer, track).ok_or_else(|| format!("InterruptTrack for unknown track_id {track:?}"))?;
        playout.on_interrupt();
        Ok(())
    }

    fn on_remove_track(&self, state: &mut RoomState, track: &str) {
        let peer = state.peer(self.peer.as_str()).expect("looked up by the caller");
        if let Some(playout) = playout(peer, track) {
            playout.on_remove();
            self.room.stage_work.notify_one();
        }
    }

    /// Answers with a picture, or, as a Fishjam, with nothing.
    fn on_capture(&self, state: &mut RoomState, track: &str) {
        let now = Instant::now();
        let still = state.peers.iter().find_map(|peer| {
            let found = peer.tracks.iter().find(|known| known.id.as_str() == track)?;
            match &found.source {
                Source::Still { content_type, data } => Some((peer.id.clone(), *content_type, data.clone())),
                _ => None,
            }
        });
        let peer = state.peer(self.peer.as_str()).expect("looked up by the caller");
        let Some((publisher, content_type, data)) = still else { return };
        let id = TrackId::from(track);
        let too_soon = peer.pictures.iter().any(|(known, at)| *known == id && now - *at < PICTURE_INTERVAL);
        if too_soon || !peer.hears(&publisher, &id) {
            return;
        }
        peer.pictures.retain(|(known, _)| *known != id);
        peer.pictures.push((id, now));
        let image = TrackImage { track_id: track.to_owned(), content_type: content_type.to_owned(), data };
        peer.send(AgentResponse { content: Some(Answer::TrackImage(image)) }.encode_to_vec().into());
    }
}

fn playout<'a>(peer: &'a mut Peer, track: &str) -> Option<&'a mut Playout> {
    let track = peer.tracks.iter_mut().find(|known| known.id.as_str() == track)?;
    match &mut track.source {
        Source::Agent(playout) => Some(playout),
        _ => None,
    }
}

/// With dashes or without, but of version 4.
fn is_uuid_v4(text: &str) -> bool {
    Uuid::try_parse(text)
        .is_ok_and(|uuid| uuid.get_version() == Some(Version::Random) && uuid.get_variant() == Variant::RFC4122)
}

/// A Fishjam gives one picture a second for each track.
const PICTURE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
