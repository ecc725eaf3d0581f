//! REST that fails in every way, while rooms are made.

use roomtone::{host::State, sandbox::Fault};

use crate::common::{Town, in_state, until, until_ready};

async fn rooms_are_served_despite(status: Option<u16>, body: &str, count: u32) {
    let town = Town::new().await;
    let host = town
        .host("", "[[deploy]]\nagent = \"echo\"\nrestart = { first_wait = \"100ms\", longest_wait = \"1s\" }")
        .await;
    until_ready(&host).await;
    town.rooms(5).await;
    town.until_each_has_one().await;
    // The rooms first: the faults are for the host alone.
    let rooms: Vec<_> = futures_util::future::join_all((0..5).map(|_| town.room())).await;
    town.inject(Fault::Rest { count, status, body: body.to_owned() });
    for room in &rooms[..2] {
        host.control().join(room, "echo").await.unwrap().ok();
    }
    until(&host, "all run", |sessions| in_state(sessions, State::Running) == 10).await;
    town.until_each_has_one().await;
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
    town.inject(Fault::Rest { count: 12, status: Some(503), body: String::new() });
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    assert!(!host.control().status().await.unwrap().ready);
    until_ready(&host).await;
    until(&host, "all run", |sessions| in_state(sessions, State::Running) == 3).await;
}
