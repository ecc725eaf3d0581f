//! REST that fails in every way, while rooms are made.

use roomtone::{host::State, sandbox::Fault};

use crate::common::{PATIENCE, Town, in_state, until, until_ready};

async fn rooms_are_served_despite(status: Option<u16>, body: &str) {
    const ROOMS: usize = 5;
    let town = Town::new().await;
    let rules = "join.when = \"first-person\"\nrestart = { first_wait = \"100ms\", longest_wait = \"1s\" }";
    let host = town.host("", &format!("[[deploy]]\nagent = \"echo\"\n{rules}")).await;
    until_ready(&host).await;
    let rooms = town.rooms(ROOMS).await;
    let fault =
        |count| Fault::Rest { count, status, body: body.to_owned(), carried_out: false, only: "POST /peer".into() };
    town.inject(fault(u32::MAX));
    // People come without REST, so what fails is the host's alone.
    for room in &rooms {
        town.person(room).await;
    }
    until(&host, "somebody does not get in", |sessions| sessions.iter().any(|session| session.restarts > 0)).await;
    town.inject(fault(0));
    until(&host, "all run", |sessions| in_state(sessions, State::Running) == ROOMS).await;
    town.until_each_has_one().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_answers_500() {
    rooms_are_served_despite(Some(500), "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_answers_429() {
    rooms_are_served_despite(Some(429), "{\"errors\":\"slow down\"}").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_answers_garbage() {
    rooms_are_served_despite(Some(201), "<html>").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_does_not_answer() {
    rooms_are_served_despite(None, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_starts_before_its_fishjam_answers() {
    let town = Town::new().await;
    town.rooms(3).await;
    let fault =
        |count| Fault::Rest { count, status: Some(503), body: String::new(), carried_out: false, only: String::new() };
    town.inject(fault(u32::MAX));
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    assert!(!host.control().status().await.unwrap().ready);
    town.inject(fault(0));
    until_ready(&host).await;
    until(&host, "all run", |sessions| in_state(sessions, State::Running) == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_whose_making_was_not_heard_of_does_not_stay() {
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"\njoin.when = \"first-person\"").await;
    until_ready(&host).await;
    let room = town.room().await;
    let only = "POST /peer".to_owned();
    town.inject(Fault::Rest { count: 1, status: Some(502), body: String::new(), carried_out: true, only });
    town.person(&room).await;
    until(&host, "it failed, and comes again", |sessions| sessions.iter().any(|session| session.restarts == 1)).await;
    town.until_each_has_one().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_refused_makes_the_host_not_ready_and_says_why() {
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    let fault =
        |count| Fault::Rest { count, status: Some(401), body: String::new(), carried_out: false, only: String::new() };
    town.inject(fault(u32::MAX));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let why = loop {
        let status = host.control().status().await.unwrap();
        if let Some(why) = status.trouble.filter(|_| !status.ready) {
            break why;
        }
        assert!(tokio::time::Instant::now() < deadline, "in time: not ready");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(why.contains("401"), "{why}");
    town.inject(fault(0));
    until_ready(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_peer_that_cannot_be_read_costs_no_room_its_agent() {
    let town = Town::new().await;
    let rooms = town.rooms(3).await;
    let nested = format!("{}{}", "[".repeat(122), "]".repeat(122));
    let url = town.sandbox.address().rest(&format!("room/{}/peer", rooms[0]));
    let body = format!(r#"{{"type":"webrtc","options":{{"metadata":{{"x":{nested}}}}}}}"#);
    let post = reqwest::Client::new().post(url).bearer_auth(town.sandbox.token()).body(body);
    assert_eq!(post.send().await.unwrap().status().as_u16(), 201);
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    town.until_each_has_one().await;
}
