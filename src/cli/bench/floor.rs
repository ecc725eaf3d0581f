//! The floor: the least that could do the work of the echo agents. One task for each session on the bare WebSocket
//! library: read, decode, resample, encode, write. No rings, no pacing, no counters, no roster, no way back after a cut.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config, tungstenite::Message};

use super::{
    machine,
    part::{self, rooms},
    wrong,
};
use crate::{
    audio::{
        Hz, Resampler,
        codec::{Decoder, Encoder, Encoding},
    },
    cli::{ErrorCode, Failure},
    event::{PeerId, RoomId, TrackId},
    fishjam::{
        Fishjam,
        rest::model::{AgentOptions, NewPeer},
    },
    net::websocket,
    protocol::fishjam::wire::{AgentRequest, AgentResponse, agent_response::Content},
    signal::PublishedTrack,
};

pub(super) async fn run(fishjam: Fishjam, seconds: u64, voice: PublishedTrack) -> Result<(), Failure> {
    let rooms = rooms(&fishjam).await?;
    let (hears, mut heard) = mpsc::channel(rooms.len().max(1));
    let mut loops = JoinSet::new();
    let (mut peers, mut joins, mut first_rss_kib) = (Vec::new(), Vec::new(), 0);
    for (n, room) in rooms.iter().enumerate() {
        let begun = Instant::now();
        let (peer, socket, track) = join(&fishjam, room, &voice).await?;
        joins.push(begun.elapsed());
        peers.push(peer);
        loops.spawn(echo(socket, track, voice.clone(), hears.clone()));
        let first = timeout(FIRST_SOUND, heard.recv()).await;
        first.map_err(|_| Failure::new(ErrorCode::Bench, format!("the floor heard nothing in room {room}")))?;
        if n == 0 {
            first_rss_kib = machine::resident_kib();
        }
    }
    part::be_measured(rooms.len(), &joins, first_rss_kib, seconds).await;
    loops.abort_all();
    for (room, peer) in rooms.iter().zip(&peers) {
        fishjam.rest().delete_peer(room, peer).await.map_err(|error| wrong(&error))?;
    }
    Ok(())
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Goes into a room and publishes a track there.
async fn join(fishjam: &Fishjam, room: &RoomId, voice: &PublishedTrack) -> Result<(PeerId, Socket, TrackId), Failure> {
    let peer = NewPeer::Agent(AgentOptions::default());
    let admission = fishjam.rest().create_peer(room, &peer).await.map_err(|error| wrong(&error))?;
    let url = fishjam.rest().address().agent_socket(admission.peer_websocket_url.as_deref());
    // As the runtime's own sockets: the library's 128 KiB a session would be no floor.
    let (mut socket, _) =
        connect_async_with_config(url, Some(websocket::config()), true).await.map_err(|error| wrong(&error))?;
    let track = TrackId::from(uuid::Uuid::new_v4().to_string());
    for request in [AgentRequest::auth(&admission.token), AgentRequest::add_track(&track, voice)] {
        socket.send(Message::Binary(request.encode_to_vec().into())).await.map_err(|error| wrong(&error))?;
    }
    Ok((admission.peer.id, socket, track))
}

/// Says back what it hears until it is stopped, and tells once that it has heard something.
async fn echo(mut socket: Socket, track: TrackId, voice: PublishedTrack, hears: mpsc::Sender<()>) {
    let block = voice.rate().block_samples();
    let mut decoder = Decoder::new(Encoding::Pcm16, Hz::K16).expect("PCM16 is always there");
    let mut resampler = Resampler::new(Hz::K16, voice.rate());
    let mut encoder =
        Encoder::new(voice.encoding(), voice.rate(), voice.opus_settings()).expect("looked at by the bench");
    let (mut samples, mut staged, mut data) = (Vec::new(), Vec::new(), BytesMut::new());
    let mut hears = Some(hears);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(bytes) = message else { continue };
        let Ok(AgentResponse { content: Some(Content::TrackData(sound)) }) = AgentResponse::decode(bytes) else {
            continue;
        };
        if let Some(hears) = hears.take() {
            hears.send(()).await.ok();
        }
        samples.clear();
        decoder.decode_into(&sound.data, &mut samples).ok();
        resampler.push(&samples, &mut staged);
        // PCM16 goes as it comes; Opus goes in blocks.
        let size = if voice.encoding() == Encoding::Pcm16 { staged.len().max(1) } else { block };
        let whole = staged.len() / size * size;
        for packet in staged[..whole].chunks(size) {
            encoder.encode_into(packet, &mut data).ok();
            let request = AgentRequest::track_data(&track, data.split().freeze());
            let bytes = Bytes::from(request.encode_to_vec());
            if socket.send(Message::Binary(bytes)).await.is_err() {
                return;
            }
        }
        staged.drain(..whole);
    }
}

/// How long the first sound may take to come.
const FIRST_SOUND: Duration = Duration::from_secs(10);
