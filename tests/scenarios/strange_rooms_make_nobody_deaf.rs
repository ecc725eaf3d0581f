//! Lists that hold what cannot be read, notifications that do not come, agents that fall behind or fail at the end: each costs
//! itself alone.

use std::time::Duration;

use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Room},
    event::{EventKind, Origin, Peer, PeerEvent, PeerKind},
    sandbox::Fault,
    session::Ending,
};
use serde_json::json;

use crate::common::{House, PATIENCE, Seen, noise, probe, probe_that};

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_no_value_can_hold_spoils_neither_list_nor_room() {
    let house = House::open().await;
    let http = reqwest::Client::new();
    let url = house.sandbox.address().rest(&format!("room/{}/peer", house.room));
    let nested = format!("{}{}", "[".repeat(122), "]".repeat(122));
    for metadata in [nested.as_str(), &"9".repeat(300)] {
        let body = format!(r#"{{"type":"webrtc","options":{{"metadata":{{"x":{metadata}}}}}}}"#);
        let post = http.post(&url).bearer_auth(house.sandbox.token()).body(body);
        let answer = post.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201);
    }
    assert_eq!(house.fishjam.rest().rooms().await.unwrap()[0].peers.len(), 2);
    assert_eq!(house.fishjam.rest().room(&house.room).await.unwrap().peers.len(), 2);
    let (handle, _end) = house.probe_in_the_room().await;
    assert_eq!(handle.monitor().counters().inbound.unannounced_chunks, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_is_heard_though_no_news_tell_of_them_and_corrected_once_they_do() {
    let house = House::open().await;
    house.sandbox.inject(Fault::CutNotifiers { for_ms: 3_600_000 }).unwrap();
    let rest = |count| Fault::Rest {
        count,
        status: Some(503),
        body: String::new(),
        carried_out: false,
        only: format!("GET /room/{}", house.room),
    };
    house.sandbox.inject(rest(u32::MAX)).unwrap();
    // It comes when neither notification nor list tells anything, so none is on its way.
    let (agent, mut end) = probe();
    let _stay = house.join(agent).await;
    let person = house.talker(noise(16_000)).await;
    let told = end.until_told("peer.joined").await;
    assert_eq!((told.origin, told.native), (Origin::Derived, None));
    assert!(
        matches!(told.kind, EventKind::Peer(event) if *event.peer() == Peer::new(person.peer.clone(), PeerKind::Unknown))
    );
    let told = end.until_told("track.added").await;
    assert!(matches!(told.kind, EventKind::Track(event) if event.owner().peer() == Some(&person.peer)));
    end.until_frame().await;
    house.sandbox.inject(rest(0)).unwrap();
    house.sandbox.inject(Fault::CutNotifiers { for_ms: 0 }).unwrap();
    end.until_event(|event| {
        matches!(&event.kind, EventKind::Peer(PeerEvent::Updated { peer, .. }) if peer.id == person.peer && peer.kind == PeerKind::Person)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_agent_comes_back_to_the_present_and_the_gap_is_told() {
    let house = House::open().await;
    house.talker(noise(16_000)).await;
    let (agent, mut end) = probe_that(AudioRequirements::default());
    let handle = house.join(agent).await;
    end.until_frame().await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    house.sandbox.inject(Fault::Stall { room, peer, for_ms: 4_000 }).unwrap();
    end.until(|seen| matches!(seen, Seen::Gap { samples } if *samples > 0).then_some(())).await;
    end.until_frame().await;
    handle.leave();
    let summary = tokio::time::timeout(PATIENCE, handle.ended()).await.unwrap();
    assert!(summary.counters.inbound.skipped_samples > 16_000, "{:?}", summary.counters.inbound);
    assert!(summary.counters_line().contains("skipped samples"), "{}", summary.counters_line());
}

/// An agent whose last step fails.
struct Spoiler;

#[async_trait::async_trait]
impl Agent for Spoiler {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while room.next().await.is_some() {}
        Err("the last page could not be written".into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_fails_at_the_end_has_not_left_well() {
    let house = House::open().await;
    let handle = house.join(Spoiler).await;
    handle.leave();
    let summary = tokio::time::timeout(PATIENCE, handle.ended()).await.unwrap();
    assert_eq!(summary.ending, Ending::Left);
    assert!(!summary.is_regular());
    assert!(summary.how().contains("the last page could not be written"), "{}", summary.how());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_to_be_left_alone_is_left_alone() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = asked.clone();
    let refuse = move || {
        let counted = counted.clone();
        async move {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            (axum::http::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "18446744073709551615")])
        }
    };
    let router = axum::Router::new().fallback(refuse);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let fishjam = roomtone::fishjam::Fishjam::new(format!("http://{address}").parse().unwrap(), "token".into());
    let first = fishjam.rest().validate().await.unwrap_err();
    let wait = first.retry_after.unwrap();
    assert!(wait >= Duration::from_secs(60) && wait <= Duration::from_secs(330), "{wait:?}, bounded, with its jitter");
    for _ in 0..20 {
        fishjam.rest().rooms().await.unwrap_err();
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1, "the others were not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_sdks_way_in_makes_rooms_and_peers_by_name() {
    let house = House::open().await;
    let http = reqwest::Client::new();
    let get = async |path: &str| {
        let request = http.get(format!("{}//room-manager{path}", house.sandbox.address()));
        let answer = request.header("origin", "http://localhost:3000").send().await.unwrap();
        let allowed = answer.headers().contains_key("access-control-allow-origin");
        (answer.status().as_u16(), allowed, answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, allowed, one) = get("?roomName=room&peerName=ada&roomType=conference").await;
    assert!(status == 200 && allowed && one["peerToken"].is_string(), "{one}");
    let (_, _, two) = get("?roomName=room&peerName=bob&roomType=conference").await;
    assert_eq!(one["room"], two["room"]);
    assert_ne!(one["peer"]["id"], two["peer"]["id"]);
    let room = house.fishjam.rest().room(&one["room"]["id"].as_str().unwrap().into()).await.unwrap();
    assert_eq!(room.peers[0].metadata.json()["server"], json!({ "username": "ada" }));
    assert_eq!(get("/show/livestream-viewer-token").await.0, 404);
    let (_, _, stream) = get("/livestream?roomName=show&public=true").await;
    assert!(stream["streamerToken"].is_string() && stream["room"]["name"] == "show", "{stream}");
    assert!(get("/show/livestream-viewer-token").await.2["token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn compositions_and_recordings_are_as_strict_as_their_schema() {
    let house = House::open().await;
    let http = reqwest::Client::new();
    let post = async |path: &str, token: &str, body: serde_json::Value| {
        let request = http.post(format!("{}/{path}", house.sandbox.address())).bearer_auth(token);
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, refused) = post("api/composition", "wrong", json!({})).await;
    assert!(status == 401 && refused["message"].is_string(), "{refused}");
    let rest = house.fishjam.rest();
    let composition = rest.create_composition().await.unwrap();
    use roomtone::fishjam::rest::{
        Part, RestErrorKind,
        model::{CompositionSource, NewRecording, RecordingStatus},
    };
    let whip = json!({ "type": "whip_server", "bearer_token": "mine" });
    assert_eq!(rest.register(&composition.id, Part::Input, "a b", &whip).await.unwrap()["bearer_token"], "mine");
    let rtmp = json!({ "type": "rtmp_server", "stream_key": "key" });
    let told = rest.register(&composition.id, Part::Input, "rtmp", &rtmp).await.unwrap();
    assert!(told["publish_url"].as_str().unwrap().ends_with("/key"), "{told}");
    let unknown = rest.register(&composition.id, Part::Input, "hls", &json!({ "type": "hls" })).await.unwrap_err();
    assert_eq!(unknown.kind, RestErrorKind::BadRequest);
    rest.unregister(&composition.id, Part::Input, "a b").await.unwrap();
    rest.forward_tracks(&house.room, &composition.url).await.unwrap();
    let info = rest.room(&house.room).await.unwrap().composition_info.unwrap();
    assert_eq!(info.composition_url, composition.url);

    let source =
        CompositionSource { composition_url: composition.url.clone(), output_id: "out".into(), scale_ratio: None };
    let recording = NewRecording { source, metadata: Some(json!({ "call": "1" })) };
    let made = rest.create_recording(&recording).await.unwrap();
    assert_eq!(rest.recordings(Some(RecordingStatus::Active), &[("call", "1")]).await.unwrap().len(), 1);
    assert!(rest.recordings(None, &[("z", "null")]).await.unwrap().is_empty(), "what is not there is not null");
    let bogus = json!({ "source": { "compositionURL": composition.url, "outputId": "o" }, "foo": 1 });
    assert_eq!(post("recordings", house.sandbox.token(), bogus).await.0, 400);
    assert_eq!(rest.stop_recording(&made.id).await.unwrap().status, RecordingStatus::Active, "until it is finalized");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while rest.recording(&made.id).await.unwrap().status != RecordingStatus::Available {
        assert!(tokio::time::Instant::now() < deadline, "in time: its files");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rest.delete_recording(&made.id).await.unwrap();
    rest.delete_composition(&composition.id).await.unwrap();

    let stream = rest.create_livestream(&Default::default()).await.unwrap();
    let viewer = rest.add_viewer(&stream.id).await.unwrap();
    assert_eq!(rest.livestream(&stream.id).await.unwrap().viewers[0].token, viewer.token);
    rest.remove_viewer(&stream.id, &viewer.id).await.unwrap();
    rest.delete_livestream(&stream.id).await.unwrap();
    assert!(rest.livestreams().await.unwrap().is_empty());
}
