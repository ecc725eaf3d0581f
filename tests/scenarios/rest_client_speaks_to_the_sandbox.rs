//! Every call of the REST client, its errors, and what it repeats.

use roomtone::sandbox::Fault;
use roomtone::{
    fishjam::{
        Fishjam,
        rest::{
            Client, RestErrorKind,
            model::{
                AgentOptions, MoqPaths, NewPeer, PeerType, PersonOptions, RoomConfig, RoomType, Status, VapiOptions,
            },
        },
    },
    platform::{JoinError, JoinOptions},
};

use crate::common::{House, probe};

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_peers() {
    let house = House::open().await;
    let rest = house.fishjam.rest();
    rest.validate().await.unwrap();
    let config = RoomConfig { max_peers: Some(2), room_type: RoomType::AudioOnly, ..RoomConfig::default() };
    let room = rest.create_room(&config).await.unwrap();
    assert_eq!((room.config.max_peers, room.config.room_type), (Some(2), RoomType::AudioOnly));
    assert_eq!(rest.rooms().await.unwrap().len(), 2);
    let person = rest.create_peer(&room.id, &NewPeer::Webrtc(PersonOptions::default())).await.unwrap();
    let agent = rest.create_peer(&room.id, &NewPeer::Agent(AgentOptions::default())).await.unwrap();
    assert_eq!((agent.peer.kind, agent.peer.status), (PeerType::Agent, Status::Disconnected));
    let full = rest.create_peer(&room.id, &NewPeer::Webrtc(PersonOptions::default())).await.unwrap_err();
    assert_eq!((full.kind, full.status), (RestErrorKind::Conflict, Some(409)));
    let token = rest.refresh_token(&room.id, &agent.peer.id).await.unwrap();
    assert_ne!(token, agent.token);
    rest.subscribe_peer(&room.id, &agent.peer.id, &person.peer.id).await.unwrap();
    rest.subscribe_tracks(&room.id, &agent.peer.id, &["t".into()]).await.unwrap();
    let seen = rest.room(&room.id).await.unwrap();
    let subscriptions = &seen.peers.iter().find(|peer| peer.id == agent.peer.id).unwrap().subscriptions;
    assert_eq!((subscriptions.peers.len(), subscriptions.tracks.len()), (1, 1));
    rest.delete_peer(&room.id, &person.peer.id).await.unwrap();
    let gone = rest.delete_peer(&room.id, &person.peer.id).await.unwrap_err();
    assert_eq!(gone.kind, RestErrorKind::NotFound);
    let call = VapiOptions {
        api_key: "key".into(),
        call_id: "call-1".into(),
        subscribe_mode: Default::default(),
        auto_close: false,
    };
    let vapi = rest.create_peer(&room.id, &NewPeer::Vapi(call)).await.unwrap();
    assert_eq!(vapi.peer.kind, PeerType::Vapi);
    rest.delete_room(&room.id).await.unwrap();
    assert_eq!(rest.room(&room.id).await.unwrap_err().kind, RestErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_recordings() {
    let house = House::open().await;
    let rest = house.fishjam.rest();
    let wrong_room = rest.create_viewer_token(&house.room).await.unwrap_err();
    assert_eq!(wrong_room.kind, RestErrorKind::NotFound);
    let config = RoomConfig { room_type: RoomType::Livestream, ..RoomConfig::default() };
    let stream = rest.create_room(&config).await.unwrap().id;
    assert_ne!(rest.create_viewer_token(&stream).await.unwrap(), rest.create_streamer_token(&stream).await.unwrap());
    let nothing = rest.create_moq_access(&MoqPaths::default()).await.unwrap_err();
    assert_eq!(nothing.kind, RestErrorKind::BadRequest);
    let paths = MoqPaths { publish_path: Some("voice".into()), ..MoqPaths::default() };
    let access = rest.create_moq_access(&paths).await.unwrap();
    assert!(access.connection_url.contains(&access.token));
    assert!(rest.recordings(None, &[("call", "1")]).await.unwrap().is_empty());
    assert_eq!(rest.recording("none").await.unwrap_err().kind, RestErrorKind::NotFound);
    assert_eq!(rest.stop_recording("none").await.unwrap_err().kind, RestErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_safe_is_repeated_and_what_is_not_is_not() {
    let house = House::open().await;
    let rest = house.fishjam.rest();
    let fault = |count, status| {
        house
            .sandbox
            .inject(Fault::Rest {
                count,
                status: Some(status),
                body: "<html>sorry</html>".into(),
                carried_out: false,
                only: String::new(),
            })
            .unwrap();
    };
    fault(2, 503);
    rest.create_room(&RoomConfig::default()).await.expect("503 means that nothing was done");
    fault(2, 500);
    rest.rooms().await.expect("reading again does no harm");
    fault(1, 500);
    let error = rest.create_room(&RoomConfig::default()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (RestErrorKind::Unavailable, Some(500)));
    fault(3, 429);
    assert_eq!(rest.rooms().await.unwrap_err().status, Some(429));
    assert_eq!(rest.rooms().await.unwrap().len(), 2, "one at the start, one after 503, none after 500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_join_says_why() {
    let house = House::with(RoomConfig { max_peers: Some(1), ..RoomConfig::default() }, Default::default()).await;
    house.person().await;
    let join = async |fishjam: &Fishjam, room: &str| {
        fishjam.join(Box::new(probe().0), JoinOptions::new(room.into())).await.unwrap_err()
    };
    let full = join(&house.fishjam, house.room.as_str()).await;
    assert!(matches!(full, JoinError::RoomFull(_)) && full.to_string().contains("maxPeers"), "{full}");
    let nowhere = join(&house.fishjam, "no-such-room").await;
    assert!(matches!(nowhere, JoinError::NoSuchRoom(_)), "{nowhere}");
    let stranger = Fishjam::new(house.sandbox.address(), "wrong".into());
    let refused = join(&stranger, house.room.as_str()).await;
    assert!(refused.to_string().contains("FISHJAM_MANAGEMENT_TOKEN"), "{refused}");
    assert_eq!(stranger.rest().validate().await.unwrap_err().kind, RestErrorKind::Unauthorized);
    let dead = Fishjam::new("http://127.0.0.1:1".parse().unwrap(), "x".into());
    let unreachable = join(&dead, house.room.as_str()).await;
    assert!(unreachable.to_string().contains("nobody answers at this address"), "{unreachable}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_a_fishjams_is_told() {
    let house = House::open().await;
    let fault = Fault::Rest {
        count: 1,
        status: Some(200),
        body: "<html>a proxy</html>".into(),
        carried_out: false,
        only: String::new(),
    };
    house.sandbox.inject(fault).unwrap();
    let error = house.fishjam.rest().rooms().await.unwrap_err();
    assert_eq!(error.kind, RestErrorKind::Unreadable);
    let debug = format!("{:?}", Client::new(house.sandbox.address(), "secret-token".into()));
    assert!(!debug.contains("secret-token"), "{debug}");
}
