//! Ten minutes of what is no speech: not one word, neither for good nor in a partial caption.

use std::time::Duration;

use roomtone::{
    conversation::testing::{CALL_TONES, HOLD_MUSIC, call_tone, hold_music, noise, through_telephone},
    speech::TranscriberSettings,
};

use crate::common::*;

const TEN_MINUTES: usize = 600 * 16_000;

async fn gives_no_words(what: &str, sound: Vec<i16>) {
    let Some(place) = place() else { return };
    assert!(sound.len() >= TEN_MINUTES, "{what} lasts {} s", sound.len() / 16_000);
    let chain = chain(&place, "moonshine").await;
    let person = Person { name: "nobody", says: vec![(Duration::ZERO, &sound)] };
    let captions = transcribe(&chain, TranscriberSettings::default(), &[person]).await;
    let words: Vec<&str> =
        captions.iter().map(|caption| caption.text.as_str()).filter(|text| !text.is_empty()).collect();
    println!("{what}: {} stretches were taken for speech", captions.len());
    assert!(words.is_empty(), "{what}: {words:?}");
}

fn again(sounds: impl Iterator<Item = Vec<i16>>) -> Vec<i16> {
    let once: Vec<i16> = sounds.flatten().collect();
    let mut all = Vec::new();
    while all.len() < TEN_MINUTES {
        all.extend_from_slice(&once);
    }
    all
}

#[tokio::test]
async fn ten_minutes_of_silence() {
    gives_no_words("silence", vec![0; TEN_MINUTES]).await;
}

#[tokio::test]
async fn ten_minutes_of_noise() {
    let loud = [-50.0, -40.0, -30.0, -20.0].map(|dbfs| noise(TEN_MINUTES / 4, dbfs));
    gives_no_words("noise", loud.concat()).await;
}

#[tokio::test]
async fn ten_minutes_of_hold_music() {
    gives_no_words("hold music", again(HOLD_MUSIC.iter().map(|kind| hold_music(kind, 40.0)))).await;
}

#[tokio::test]
async fn ten_minutes_of_hold_music_over_a_telephone() {
    gives_no_words(
        "hold music, telephone",
        again(HOLD_MUSIC.iter().map(|kind| through_telephone(&hold_music(kind, 40.0)))),
    )
    .await;
}

#[tokio::test]
async fn ten_minutes_of_call_tones() {
    gives_no_words("call tones", again(CALL_TONES.iter().map(|name| call_tone(name)))).await;
}
