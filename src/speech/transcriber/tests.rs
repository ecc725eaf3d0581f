//! What becomes of what engines understand while somebody speaks.

use std::path::Path;

use super::*;
use crate::{
    agent::testing::Microphone,
    audio::Sound,
    conversation::{About, Languages, SpeechToText, SpeechWorker, transcript::Lost},
    speech::{ChainLink, Pool, PoolSettings},
};

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

async fn captions(is_tentative: bool) -> Vec<Caption> {
    let engine = Beginnings { is_tentative };
    let pool = Pool::start(engine, &PoolSettings::default()).await.unwrap();
    let chain = Chain::new(vec![ChainLink::new(pool, Duration::from_secs(120))]);
    let mut transcriber = Transcriber::new(chain, TranscriberSettings::default());
    let speech = Sound::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech.wav")).unwrap();
    let mut ada = Microphone::new("ada", Spoken::RATE);
    let mut captions = Vec::new();
    for input in ada.say(&speech.at(Spoken::RATE).samples[..32_000]) {
        transcriber.handle(&input);
        while let Some(caption) = transcriber.next_of_heard().await {
            captions.push(caption);
        }
    }
    captions.extend(transcriber.finish().await);
    captions
}

#[tokio::test]
async fn what_an_engine_comes_to_no_end_with_is_given_and_never_stands_for_what_was_said() {
    let told = captions(false).await;
    let (last, beginnings) = told.split_last().unwrap();
    assert!(beginnings.iter().any(|caption| caption.text == "I'm not afraid"), "{told:?}");
    assert_eq!((last.quality, &*last.text), (Quality::StoodIn(Lost::Failed), "I'm not afraid"));

    let told = captions(true).await;
    let (last, beginnings) = told.split_last().unwrap();
    assert!(beginnings.iter().any(|caption| caption.text == "I'm not afraid"), "{told:?}");
    assert_eq!((last.quality, &*last.text), (Quality::Lost(Lost::Failed), ""));
}
