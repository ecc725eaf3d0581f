//! Webhooks arrive signed, in order, batched when asked for, again after a 5xx and not again after a 4xx.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use roomtone::{
    event::Event,
    fishjam::{rest::model::RoomConfig, webhook},
};

use crate::common::{House, eventually};

#[derive(Default)]
struct Receiver {
    taken: Mutex<Vec<Event>>,
    posts: AtomicUsize,
    /// What to answer next; 0 for 200.
    answer_once: AtomicU16,
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.posts.fetch_add(1, Ordering::SeqCst);
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let signature = headers[webhook::SIGNATURE_HEADER].to_str().unwrap();
    let notifications = webhook::receive(&body, Some(signature), b"webhook-secret").expect("signed and whole");
    match receiver.answer_once.swap(0, Ordering::SeqCst) {
        0 => receiver.taken.lock().unwrap().extend(notifications.events),
        status => return StatusCode::from_u16(status).unwrap(),
    }
    StatusCode::OK
}

async fn receiver() -> (Arc<Receiver>, String) {
    let receiver = Arc::new(Receiver::default());
    let app = Router::new().route("/webhook", post(receive)).with_state(receiver.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (receiver, url)
}

fn name(event: &Event) -> String {
    event.native.as_ref().unwrap().name().to_owned()
}

const STORY: [&str; 8] = [
    "roomCreated",
    "peerAdded",
    "peerConnected",
    "peerMetadataUpdated",
    "trackAdded",
    "trackRemoved",
    "peerDisconnected",
    "peerDeleted",
];

async fn story(batch: bool, answer_once: u16) -> (Vec<String>, usize) {
    let (receiver, url) = receiver().await;
    let config = RoomConfig { webhook_url: Some(url), batch_webhook_notifications: batch, ..RoomConfig::default() };
    receiver.answer_once.store(answer_once, Ordering::SeqCst);
    let house = House::with(config, Default::default()).await;
    house.person().await;
    house.fishjam.rest().delete_room(&house.room).await.unwrap();
    let last =
        |receiver: &Receiver| receiver.taken.lock().unwrap().last().is_some_and(|last| name(last) == "roomDeleted");
    eventually("the last webhook came", || last(&receiver)).await;
    let names = receiver.taken.lock().unwrap().iter().map(name).collect();
    (names, receiver.posts.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_by_one_in_order() {
    let (names, posts) = story(false, 0).await;
    assert_eq!(names, [STORY.as_slice(), &["roomDeleted"]].concat());
    assert_eq!(posts, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn batched() {
    let (names, posts) = story(true, 0).await;
    assert_eq!(names, [STORY.as_slice(), &["roomDeleted"]].concat());
    assert!(posts < 9, "{posts} posts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_5xx_is_tried_again_and_a_4xx_is_not() {
    let (names, posts) = story(false, 503).await;
    assert_eq!((names.len(), posts), (9, 10));
    let (names, posts) = story(false, 400).await;
    assert_eq!((names.len(), posts), (8, 9));
    assert_eq!(names[0], "peerAdded", "the refused one is lost, the others are not");
}
