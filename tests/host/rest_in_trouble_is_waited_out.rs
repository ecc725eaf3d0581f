//! REST that fails in every way, while rooms are made.

use roomtone::{host::State, sandbox::Fault};

use crate::common::{Town, in_state, until, until_ready};

async fn rooms_are_served_despite(status: Option<u16>, body: &str, count: u32) {
    const ROOMS: usize = 10;
    let town = Town::new().await;
    let rules = "join.when = \"first-person\"\nrestart = { first_wait = \"100ms\", longest_wait = \"1s\" }";
    let host = town.host("", &format!("[[deploy]]\nagent = \"echo\"\n{rules}")).await;
    until_ready(&host).await;
    let rooms = town.rooms(ROOMS).await;
    town.inject(Fault::Rest { count, status, body: body.to_owned(), carried_out: false });
    // People come without REST, so what fails is the host's alone.
    for room in &rooms {
        town.person(room).await;
    }
    let sessions = until(&host, "all run", |sessions| in_state(sessions, State::Running) == ROOMS).await;
    // What is left of the faults is for whoever asks now.
    while town.fishjam.rest().rooms().await.is_err() {}
    town.until_each_has_one().await;
    assert!(sessions.iter().any(|session| session.restarts > 0), "some did not get in at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_answers_500() {
    rooms_are_served_despite(Some(500), "", 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_answers_429() {
    rooms_are_served_despite(Some(429), "{\"errors\":\"slow down\"}", 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_answers_garbage() {
    rooms_are_served_despite(Some(201), "<html>", 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rest_that_does_not_answer() {
    rooms_are_served_despite(None, "", 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_starts_before_its_fishjam_answers() {
    let town = Town::new().await;
    town.rooms(3).await;
    town.inject(Fault::Rest { count: 12, status: Some(503), body: String::new(), carried_out: false });
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    assert!(!host.control().status().await.unwrap().ready);
    until_ready(&host).await;
    until(&host, "all run", |sessions| in_state(sessions, State::Running) == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_whose_making_was_not_heard_of_does_not_stay() {
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"\njoin.when = \"first-person\"").await;
    until_ready(&host).await;
    let room = town.room().await;
    town.inject(Fault::Rest { count: 1, status: Some(502), body: String::new(), carried_out: true });
    town.person(&room).await;
    // The fault is for the host's call, not for ours.
    until(&host, "it failed, and comes again", |sessions| sessions.iter().any(|session| session.restarts == 1)).await;
    town.until("there are two peers", |agents| agents[&room].len() == 2).await;
    town.until_each_has_one().await;
}
