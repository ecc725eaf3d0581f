//! What becomes of what engines understand while somebody speaks.

use super::*;
use crate::{
    agent::testing::Microphone,
    conversation::{transcript::Lost, turn::Covers},
    speech::{sentence, testing::chain_of},
};

/// The captions of two seconds of speech that stop, or end in silence.
async fn captions(chain: Chain, settings: TranscriberSettings, silence: usize) -> Vec<Caption> {
    let mut transcriber = Transcriber::new(chain, settings);
    let mut ada = Microphone::new("ada", Spoken::RATE);
    let mut captions = Vec::new();
    let mut inputs = ada.say(&[&sentence()[..32_000], &vec![0; silence]].concat());
    inputs.push(ada.pause());
    for input in inputs {
        transcriber.handle(&input);
        while let Some(caption) = transcriber.next_of_heard().await {
            captions.push(caption);
        }
    }
    captions
}

/// An engine that understands beginnings, and ends of nothing but the sentence that every pool begins with, which is long.
async fn of_beginnings(is_tentative: bool) -> Chain {
    let hears = move |speech: &Spoken<'_>| match speech.is_final && speech.duration() < Duration::from_secs(4) {
        true => Err(EngineError::Failed("it ends".into())),
        false => Ok(Transcription { is_tentative, ..Transcription::of("I'm not afraid") }),
    };
    chain_of(hears).await
}

#[tokio::test]
async fn what_an_engine_comes_to_no_end_with_is_given_and_never_stands_for_what_was_said() {
    let told = captions(of_beginnings(false).await, TranscriberSettings::default(), 0).await;
    let (last, beginnings) = told.split_last().unwrap();
    assert!(beginnings.iter().any(|caption| caption.text == "I'm not afraid"), "{told:?}");
    assert_eq!((last.quality, &*last.text), (Quality::StoodIn(Lost::Failed), "I'm not afraid"));

    // Whoever answers decides by it, and captions are without it.
    for at_pauses in [true, false] {
        let settings = TranscriberSettings { at_pauses, ..TranscriberSettings::default() };
        let told = captions(of_beginnings(true).await, settings, 0).await;
        let (last, beginnings) = told.split_last().unwrap();
        let given = beginnings.iter().any(|caption| caption.text == "I'm not afraid");
        assert_eq!(given, at_pauses, "{told:?}");
        assert!(beginnings.iter().all(|caption| caption.covers == Covers::Tentative), "{told:?}");
        assert_eq!((last.quality, &*last.text), (Quality::Lost(Lost::Failed), ""));
    }
}

#[tokio::test]
async fn who_answers_hears_the_same_silence_behind_speech_that_stops_as_behind_speech_that_pauses() {
    let settings = TranscriberSettings { at_pauses: true, ..TranscriberSettings::default() };
    // It says with how much silence what it hears ends, in whole blocks of 10 ms.
    let hears = |speech: &Spoken<'_>| {
        let silent = speech.samples.iter().rev().take_while(|sample| **sample == 0).count();
        Ok(Transcription::of(format!("{} blocks", silent / 160)))
    };
    for silence in [0, 16_000] {
        let told = captions(chain_of(hears).await, settings.clone(), silence).await;
        let last = told.last().unwrap();
        assert_eq!((last.quality, &*last.text), (Quality::Final, "20 blocks"), "{silence}");
    }
}
