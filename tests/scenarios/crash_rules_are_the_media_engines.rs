//! What would crash the real media engine crashes the agent's peer in a strict sandbox, and passes in a lenient one.

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use roomtone::{
    event::{End, EventKind, PeerEvent},
    fishjam::{
        Notifier, NotifierEvent, Scope,
        rest::model::{AgentOptions, NewPeer},
    },
    protocol::fishjam::wire::{
        AgentRequest,
        agent_request::{
            AddTrack, AuthRequest, Content, InterruptTrack, RemoveTrack, TrackData, add_track::CodecParameters,
        },
        notifications::{Track, TrackEncoding, TrackType},
    },
    sandbox::SandboxOptions,
};
use tokio::time::{Duration, timeout};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::common::{House, PATIENCE};

const ID: &str = "8dbd2e6b-a1e7-4670-95a2-0262aa6c6321";

fn add(id: &str, kind: TrackType, encoding: TrackEncoding, sample_rate: u32, channels: u32) -> Content {
    Content::AddTrack(AddTrack {
        track: Some(Track { id: id.into(), r#type: kind.into(), metadata: "{}".into() }),
        codec_params: Some(CodecParameters { encoding: encoding.into(), sample_rate, channels }),
    })
}

fn good() -> Content {
    add(ID, TrackType::Audio, TrackEncoding::Pcm16, 16_000, 1)
}

/// What the server does with these requests: the close code and reason, or nothing within a moment.
async fn outcome(strict: bool, requests: Vec<Content>) -> Option<(u16, String)> {
    let house = House::with(Default::default(), SandboxOptions { strict, ..Default::default() }).await;
    let mut notifier = Notifier::start(house.fishjam.rest(), Scope::Everything);
    notifier.next().await;
    let peer = NewPeer::Agent(AgentOptions::default());
    let admission = house.fishjam.rest().create_peer(&house.room, &peer).await.unwrap();
    let url = house.sandbox.address().agent_socket(None);
    let (mut socket, _) = connect_async(url).await.unwrap();
    let auth = Content::AuthRequest(AuthRequest { token: admission.token });
    for content in std::iter::once(auth).chain(requests) {
        let bytes = AgentRequest { content: Some(content) }.encode_to_vec();
        // A crash may come between two requests.
        socket.send(Message::Binary(bytes.into())).await.ok();
    }
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.as_str().to_owned()),
                Some(Ok(_)) => {}
                other => panic!("the socket ended without a close frame: {other:?}"),
            }
        }
    };
    let closed = timeout(Duration::from_millis(if strict { 60_000 } else { 300 }), closed).await.ok();
    if let Some((1011, reason)) = &closed {
        let crash = async {
            loop {
                let Some(NotifierEvent::Event(event)) = notifier.next().await else { continue };
                if let EventKind::Peer(PeerEvent::Left { end: End::Failed { reason }, .. }) = &event.kind {
                    return reason.clone().unwrap();
                }
            }
        };
        assert_eq!(timeout(PATIENCE, crash).await.unwrap(), *reason);
    }
    closed
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule() {
    let data = |id: &str| Content::TrackData(TrackData { track_id: id.into(), data: vec![0; 640].into() });
    let table = [
        ("video", vec![add(ID, TrackType::Video, TrackEncoding::Pcm16, 16_000, 1)], "invalid track type"),
        ("48 kHz", vec![add(ID, TrackType::Audio, TrackEncoding::Pcm16, 48_000, 1)], "invalid codec params"),
        ("stereo", vec![add(ID, TrackType::Audio, TrackEncoding::Opus, 48_000, 2)], "invalid codec params"),
        ("no uuid", vec![add("mine", TrackType::Audio, TrackEncoding::Pcm16, 16_000, 1)], "invalid track_id"),
        (
            "uuid of version 1",
            vec![add("8dbd2e6b-a1e7-1670-95a2-0262aa6c6321", TrackType::Audio, TrackEncoding::Pcm16, 16_000, 1)],
            "invalid track_id",
        ),
        ("twice", vec![good(), good()], "invalid track_id"),
        ("sound before its track", vec![data(ID), good()], "unknown track_id"),
        (
            "interrupt of nothing",
            vec![Content::InterruptTrack(InterruptTrack { track_id: ID.into() })],
            "unknown track_id",
        ),
    ];
    for (name, requests, reason) in table {
        let (code, text) = outcome(true, requests.clone()).await.expect(name);
        assert_eq!(code, 1011, "{name}");
        assert!(text.contains(reason), "{name}: {text}");
        assert_eq!(outcome(false, requests).await, None, "{name}, lenient");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_passes() {
    let allowed = vec![
        good(),
        add("8dbd2e6ba1e7467095a20262aa6c6322", TrackType::Unspecified, TrackEncoding::Unspecified, 24_000, 1),
        Content::TrackData(TrackData { track_id: ID.into(), data: vec![0; 333].into() }),
        Content::InterruptTrack(InterruptTrack { track_id: ID.into() }),
        Content::RemoveTrack(RemoveTrack { track_id: "unknown".into() }),
        Content::RemoveTrack(RemoveTrack { track_id: ID.into() }),
    ];
    let house_is_quiet = timeout(Duration::from_secs(1), outcome(true, allowed)).await;
    assert!(house_is_quiet.is_err(), "nothing closes: {house_is_quiet:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_are_told_apart() {
    let house = House::open().await;
    let peer = NewPeer::Agent(AgentOptions::default());
    let admission = house.fishjam.rest().create_peer(&house.room, &peer).await.unwrap();
    let show = async |content: Option<Content>| {
        let (mut socket, _) = connect_async(house.sandbox.address().agent_socket(None)).await.unwrap();
        let bytes = content.map(|content| AgentRequest { content: Some(content) }.encode_to_vec()).unwrap_or_default();
        socket.send(Message::Binary(bytes.into())).await.unwrap();
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Close(Some(frame)) => return (frame.reason.as_str().to_owned(), None),
                Message::Binary(bytes) => return (format!("{bytes:?}"), Some(socket)),
                _ => {}
            }
        }
    };
    let auth = |token: &str| Some(Content::AuthRequest(AuthRequest { token: token.into() }));
    assert_eq!(show(auth("wrong")).await.0, "invalid token");
    assert_eq!(show(auth("")).await.0, "missing token");
    assert_eq!(show(Some(good())).await.0, "unauthenticated");
    assert_eq!(show(None).await.0, "unauthenticated");
    let (first, _open) = show(auth(&admission.token)).await;
    assert_eq!(first, r#"b"\n\0""#, "authenticated");
    assert_eq!(show(auth(&admission.token)).await.0, "peer already connected");
}
