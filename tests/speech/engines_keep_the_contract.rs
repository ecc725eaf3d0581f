//! Each engine that can be installed keeps the contract that `roomtone::speech::check` runs.

use roomtone::speech::{
    SENTENCE, check,
    engines::{EngineConfig, Opened},
    errors,
};

use crate::common::*;

async fn keeps_it(name: &'static str, most_errors: usize) {
    let Some(place) = place() else { return };
    let engine = Opened::new(&EngineConfig::named(name), &engines(&place)).unwrap();
    let heard = tokio::task::spawn_blocking(move || check(&engine)).await.unwrap().unwrap();
    let wrong = errors(SENTENCE, &heard.text);
    println!("{name}: {wrong} words wrong, {} words with times", heard.words.len());
    assert!(wrong <= most_errors, "{wrong}: {}", heard.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn moonshine() {
    keeps_it("moonshine", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whisper() {
    keeps_it("whisper", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pocketsphinx() {
    keeps_it("pocketsphinx", 11).await;
}
