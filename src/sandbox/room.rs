//! A room of the sandbox: its peers, their tracks, what they are subscribed to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    echoes::{Echoes, Listening},
    faults::PeerFaults,
    notices::Notices,
    socket::{End, Ender, Outgoing},
    sound::{Playout, Rates, Speech, Tap},
    webhooks::Webhooks,
};
use crate::{
    audio::Hz,
    event::{PeerId, RoomId, TrackId},
    fishjam::rest::model::{RoomConfig, SubscribeMode, Subscriptions},
    protocol::fishjam::wire::{
        notifications::{Track as WireTrack, TrackType},
        server_message::{
            Content, PeerConnected, PeerCrashed, PeerDeleted, PeerDisconnected, PeerMetadataUpdated, PeerType,
            RoomCrashed, RoomDeleted, TrackAdded, TrackRemoved, track_added, track_removed,
        },
    },
};

/// A room. Its state is behind one short lock; its sound is moved by a task of its own.
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) config: RoomConfig,
    state: Mutex<RoomState>,
    /// Something changed that the stage must know.
    pub(super) stage_work: Notify,
    /// The room is gone.
    pub(super) ended: CancellationToken,
    notices: Arc<Notices>,
    pub(super) echoes: Arc<Echoes>,
    webhooks: Option<Webhooks>,
}

/// What a room's lock guards.
#[derive(Default)]
pub(super) struct RoomState {
    pub(super) peers: Vec<Peer>,
    /// Nobody comes in any more.
    pub(super) is_over: bool,
    /// Recordings of peers that are gone.
    pub(super) old_taps: VecDeque<(PeerId, Tap)>,
    /// Compositions that are fed from here.
    pub(super) composition: Option<String>,
    pub(super) listening: Listening,
}

/// A peer of any kind.
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) kind: PeerType,
    pub(super) metadata: Value,
    pub(super) subscribe_mode: SubscribeMode,
    pub(super) subscriptions: Subscriptions,
    /// The rate of the sound it gets, if it is an agent.
    pub(super) output_rate: Hz,
    pub(super) connection: Option<Connection>,
    pub(super) tracks: Vec<Track>,
    pub(super) tap: Option<Tap>,
    pub(super) faults: PeerFaults,
    /// Sound that its socket did not take in time.
    pub(super) undelivered_chunks: u64,
    /// When it was last sent a picture of which track.
    pub(super) pictures: Vec<(TrackId, Instant)>,
}

/// A peer's way to its socket. A person of the sandbox's own has none and is connected all the same.
pub(super) enum Connection {
    Socket { number: u64, outbox: mpsc::Sender<Outgoing>, ender: Ender },
    Own,
}

/// A track that a peer publishes.
pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) kind: TrackType,
    pub(super) metadata: Value,
    pub(super) source: Source,
    pub(super) rates: Rates,
}

/// Where a track's media comes from.
pub(super) enum Source {
    Agent(Playout),
    Person(Speech),
    Still { content_type: &'static str, data: Bytes },
}

impl Room {
    pub(super) fn new(
        id: RoomId,
        config: RoomConfig,
        notices: Arc<Notices>,
        echoes: Arc<Echoes>,
        webhooks: Option<Webhooks>,
        ended: CancellationToken,
    ) -> Room {
        Room { id, config, state: Mutex::default(), stage_work: Notify::new(), ended, notices, echoes, webhooks }
    }

    /// The state, for a moment: nothing is awaited while it is held.
    pub(super) fn state(&self) -> MutexGuard<'_, RoomState> {
        // A panic in one room must not take the whole sandbox along.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the world, by server socket and webhook.
    pub(super) fn notify(&self, content: Content) {
        self.notices.send(&content);
        if let Some(webhooks) = &self.webhooks {
            webhooks.send(&content);
        }
    }

    /// A peer came in.
    pub(super) fn connect(&self, peer: &mut Peer, connection: Connection) {
        peer.connection = Some(connection);
        let (room_id, peer_id) = (self.id.to_string(), peer.id.to_string());
        let peer_type = peer.kind.into();
        let metadata = peer.metadata.to_string();
        self.notify(Content::PeerConnected(PeerConnected {
            room_id: room_id.clone(),
            peer_id: peer_id.clone(),
            peer_type,
        }));
        self.notify(Content::PeerMetadataUpdated(PeerMetadataUpdated { room_id, peer_id, metadata, peer_type }));
    }

    /// A peer's connection ended; the peer may come back.
    pub(super) fn disconnect(&self, peer: &mut Peer) {
        if peer.connection.take().is_none() {
            return;
        }
        let (room_id, peer_id) = (self.id.to_string(), peer.id.to_string());
        self.notify(Content::PeerDisconnected(PeerDisconnected { room_id, peer_id, peer_type: peer.kind.into() }));
        self.remove_tracks(peer);
    }

    /// The server's side of a peer crashed.
    pub(super) fn crash_peer(&self, peer: &mut Peer, reason: &str) {
        peer.close(1011, if reason.is_empty() { "Internal server error" } else { reason });
        self.remove_tracks(peer);
        peer.connection = None;
        self.notify(Content::PeerCrashed(PeerCrashed {
            room_id: self.id.to_string(),
            peer_id: peer.id.to_string(),
            reason: reason.to_owned(),
            peer_type: peer.kind.into(),
        }));
    }

    /// A peer is deleted; its socket is told why.
    pub(super) fn delete_peer(&self, state: &mut RoomState, mut peer: Peer, why: &str) {
        peer.close(1000, why);
        if let Some(tap) = peer.tap.take() {
            if state.old_taps.len() == MOST_OLD_TAPS {
                state.old_taps.pop_front();
            }
            state.old_taps.push_back((peer.id.clone(), tap));
        }
        let (room_id, peer_id, peer_type) = (self.id.to_string(), peer.id.to_string(), peer.kind.into());
        if peer.connection.is_some() {
            self.remove_tracks(&mut peer);
            let (room_id, peer_id) = (room_id.clone(), peer_id.clone());
            self.notify(Content::PeerDisconnected(PeerDisconnected { room_id, peer_id, peer_type }));
        }
        self.notify(Content::PeerDeleted(PeerDeleted { room_id, peer_id, peer_type }));
    }

    /// The room is deleted with everyone in it.
    pub(super) fn delete(&self) {
        let mut state = self.state();
        state.is_over = true;
        let peers = std::mem::take(&mut state.peers);
        peers.into_iter().for_each(|peer| self.delete_peer(&mut state, peer, "Room stopped"));
        self.notify(Content::RoomDeleted(RoomDeleted { room_id: self.id.to_string() }));
        self.ended.cancel();
    }

    /// The room crashes: nothing is said of its peers.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        state.is_over = true;
        let mut peers = std::mem::take(&mut state.peers);
        peers.iter_mut().for_each(|peer| peer.close(1011, "Internal server error"));
        self.notify(Content::RoomCrashed(RoomCrashed { room_id: self.id.to_string() }));
        self.ended.cancel();
    }

    pub(super) fn add_track(&self, peer: &mut Peer, track: Track) {
        self.notify(Content::TrackAdded(TrackAdded {
            room_id: self.id.to_string(),
            endpoint_info: Some(track_added::EndpointInfo::PeerId(peer.id.to_string())),
            track: Some(track.to_wire()),
        }));
        peer.tracks.push(track);
        self.stage_work.notify_one();
    }

    /// Ends the tracks of `peer` for which `over` holds.
    pub(super) fn end_tracks(&self, peer: &mut Peer, mut over: impl FnMut(&Track) -> bool) {
        let id = peer.id.to_string();
        for track in peer.tracks.extract_if(.., |track| over(track)) {
            self.notify(Content::TrackRemoved(TrackRemoved {
                room_id: self.id.to_string(),
                endpoint_info: Some(track_removed::EndpointInfo::PeerId(id.clone())),
                track: Some(track.to_wire()),
            }));
        }
    }

    fn remove_tracks(&self, peer: &mut Peer) {
        self.end_tracks(peer, |_| true);
    }

    /// The room as REST shows it.
    pub(super) fn to_json(&self) -> Value {
        let state = self.state();
        let peers: Vec<Value> = state.peers.iter().map(Peer::to_json).collect();
        let mut room = json!({ "id": self.id, "config": config_json(&self.config), "peers": peers });
        if let Some(url) = &state.composition {
            let forwardings: Vec<Value> = state.peers.iter().filter_map(forwarding_json).collect();
            room["compositionInfo"] = json!({ "compositionUrl": url, "forwardings": forwardings });
        }
        room
    }
}

impl RoomState {
    pub(super) fn peer(&mut self, id: &str) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id.as_str() == id)
    }
}

impl Peer {
    pub(super) fn new(id: PeerId, kind: PeerType, metadata: Value, subscribe_mode: SubscribeMode) -> Peer {
        Peer {
            id,
            kind,
            metadata,
            subscribe_mode,
            subscriptions: Subscriptions::default(),
            output_rate: Hz::K16,
            connection: None,
            tracks: Vec::new(),
            tap: None,
            faults: PeerFaults::default(),
            undelivered_chunks: 0,
            pictures: Vec::new(),
        }
    }

    /// Whether this peer hears track `track` of `publisher`.
    pub(super) fn hears(&self, publisher: &PeerId, track: &TrackId) -> bool {
        let subscribed = self.subscribe_mode == SubscribeMode::Auto
            || self.subscriptions.peers.contains(publisher)
            || self.subscriptions.tracks.contains(track);
        self.kind == PeerType::Agent && self.id != *publisher && subscribed
    }

    /// Sends a message on the peer's socket, late if a fault says so. What the socket does not take in time is lost.
    pub(super) fn send(&mut self, bytes: Bytes) {
        let due = Instant::now() + self.faults.delay;
        if let Some(Connection::Socket { outbox, .. }) = &self.connection {
            let lost = outbox.try_send(Outgoing { due, bytes }).is_err();
            self.undelivered_chunks += u64::from(lost);
        }
    }

    /// Closes the peer's socket, if it has one.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.end(End::Close(code, reason.to_owned()));
    }

    /// Ends the connection of the peer's socket, if it has one.
    pub(super) fn end(&mut self, how: End) {
        if let Some(Connection::Socket { ender, .. }) = &self.connection {
            ender.end(how);
        }
    }

    /// Whether the peer's connection is that of this number, and not a later one.
    pub(super) fn is_connected_by(&self, connection: u64) -> bool {
        matches!(self.connection, Some(Connection::Socket { number, .. }) if number == connection)
    }

    /// Whether the peer has a socket that faults can hang on.
    pub(super) fn has_socket(&self) -> bool {
        matches!(self.connection, Some(Connection::Socket { .. }))
    }

    pub(super) fn to_json(&self) -> Value {
        let kind = match self.kind {
            PeerType::Agent => "agent",
            PeerType::Vapi => "vapi",
            PeerType::Webrtc | PeerType::Unspecified => "webrtc",
        };
        let tracks: Vec<Value> = self.tracks.iter().map(Track::to_json).collect();
        json!({
            "id": self.id,
            "type": kind,
            "status": if self.connection.is_some() { "connected" } else { "disconnected" },
            "tracks": tracks,
            "metadata": self.metadata,
            "subscribeMode": self.subscribe_mode,
            "subscriptions": self.subscriptions,
        })
    }
}

impl Track {
    /// Samples of an agent's that its queue had no room for.
    pub(super) fn dropped_samples(&self) -> u64 {
        match &self.source {
            Source::Agent(playout) => playout.dropped_samples(),
            _ => 0,
        }
    }

    pub(super) fn to_wire(&self) -> WireTrack {
        WireTrack { id: self.id.to_string(), r#type: self.kind.into(), metadata: self.metadata.to_string() }
    }

    fn to_json(&self) -> Value {
        let kind = if self.kind == TrackType::Video { "video" } else { "audio" };
        json!({ "id": self.id, "type": kind, "metadata": self.metadata })
    }
}

/// Recordings of peers that are gone which a room keeps.
const MOST_OLD_TAPS: usize = 16;

/// A room's configuration with its defaults filled in, as the SDKs compare it.
fn config_json(config: &RoomConfig) -> Value {
    json!({
        "maxPeers": config.max_peers.unwrap_or(0),
        "roomType": config.room_type,
        "videoCodec": config.video_codec,
        "public": config.public,
        "batchWebhookNotifications": config.batch_webhook_notifications,
        "webhookUrl": config.webhook_url,
    })
}

fn forwarding_json(peer: &Peer) -> Option<Value> {
    let track = |kind| peer.tracks.iter().find(|track| track.kind == kind).map(|track| track.id.to_string());
    let (audio, video) = (track(TrackType::Audio), track(TrackType::Video));
    (audio.is_some() || video.is_some())
        .then(|| json!({ "peerId": peer.id, "inputId": peer.id, "audioTrackId": audio, "videoTrackId": video }))
}
