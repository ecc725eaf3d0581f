//! What becomes of what engines understand while somebody speaks.

use std::path::Path;

use super::*;
use crate::{
    agent::testing::Microphone,
    audio::Sound,
    conversation::{About, Languages, SpeechToText, SpeechWorker, transcript::Lost, turn::Covers},
    speech::{ChainLink, Pool, PoolSettings},
};

/// Says with how much silence what it hears ends, in whole blocks of 10 ms.
#[derive(Clone)]
struct Silences;

impl SpeechToText for Silences {
    fn about(&self) -> About {
        About { name: "silences".into(), languages: Languages::english() }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        Ok(Box::new(self.clone()))
    }
}

impl SpeechWorker for Silences {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        let silent = speech.samples.iter().rev().take_while(|sample| **sample == 0).count();
        Ok(Transcription::of(format!("{} blocks", silent / 160)))
    }
}

/// Understands beginnings, and ends of nothing but the sentence that every pool begins with, which is long.
#[derive(Clone)]
struct Beginnings {
    is_tentative: bool,
}

impl SpeechToText for Beginnings {
    fn about(&self) -> About {
        About { name: "beginnings".into(), languages: Languages::english() }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        Ok(Box::new(self.clone()))
    }
}

impl SpeechWorker for Beginnings {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        if speech.is_final && speech.duration() < Duration::from_secs(4) {
            return Err(EngineError::Failed("it ends".into()));
        }
        Ok(Transcription { is_tentative: self.is_tentative, ..Transcription::of("I'm not afraid") })
    }
}

/// The captions of two seconds of speech that stop, or end in silence.
async fn captions(engine: impl SpeechToText, settings: TranscriberSettings, silence: usize) -> Vec<Caption> {
    let pool = Pool::start(engine, &PoolSettings::default()).await.unwrap();
    let chain = Chain::new(vec![ChainLink::new(pool, Duration::from_secs(120))]);
    let mut transcriber = Transcriber::new(chain, settings);
    let speech = Sound::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech.wav")).unwrap();
    let mut ada = Microphone::new("ada", Spoken::RATE);
    let mut captions = Vec::new();
    let mut inputs = ada.say(&[&speech.at(Spoken::RATE).samples[..32_000], &vec![0; silence]].concat());
    inputs.push(ada.pause());
    for input in inputs {
        transcriber.handle(&input);
        while let Some(caption) = transcriber.next_of_heard().await {
            captions.push(caption);
        }
    }
    captions
}

#[tokio::test]
async fn what_an_engine_comes_to_no_end_with_is_given_and_never_stands_for_what_was_said() {
    let told = captions(Beginnings { is_tentative: false }, TranscriberSettings::default(), 0).await;
    let (last, beginnings) = told.split_last().unwrap();
    assert!(beginnings.iter().any(|caption| caption.text == "I'm not afraid"), "{told:?}");
    assert_eq!((last.quality, &*last.text), (Quality::StoodIn(Lost::Failed), "I'm not afraid"));

    // Whoever answers decides by it, and captions are without it.
    for at_pauses in [true, false] {
        let settings = TranscriberSettings { at_pauses, ..TranscriberSettings::default() };
        let told = captions(Beginnings { is_tentative: true }, settings, 0).await;
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
    for silence in [0, 16_000] {
        let told = captions(Silences, settings.clone(), silence).await;
        let last = told.last().unwrap();
        assert_eq!((last.quality, &*last.text), (Quality::Final, "20 blocks"), "{silence}");
    }
}
