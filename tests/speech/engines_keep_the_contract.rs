//! Each engine that can be installed keeps the contract that `roomtone::speech::check` runs.

use roomtone::speech::{
    SENTENCE, check,
    engines::{EngineConfig, Opened, unopened_voice},
    errors,
    voices::check_voice,
};

use crate::{common::*, stage::loud};

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

async fn speaks(name: &'static str, knows_words: bool) {
    let Some(place) = place() else { return };
    let voice = unopened_voice(&EngineConfig::named(name), &engines(&place)).unwrap();
    let said = check_voice(&*voice).await.unwrap();
    assert_eq!(!said.words.is_empty(), knows_words);
    // Where it knows its words they are where the sound is: what is loud lies within one.
    let rate = said.rate.unwrap();
    let (first, last) = loud(&said.samples, rate).unwrap();
    let at = |sample: usize| rate.duration_of(sample as u64).as_secs_f64();
    let (begins, ends) = (said.words[0].begins.as_secs_f64(), said.words.last().unwrap().ends.as_secs_f64());
    assert!(
        (begins - at(first)).abs() < 0.1 && (ends - at(last)).abs() < 0.15,
        "{begins} to {ends}: {first} to {last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hibari() {
    speaks("hibari", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flite() {
    speaks("flite", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn espeak_ng() {
    speaks("espeak-ng", true).await;
}
