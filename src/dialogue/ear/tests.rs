//! What the turn machine is told of a person's sound, whichever way it ends.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::{
    agent::testing::Microphone,
    conversation::{Spoken, TextTurnDetector, Transcription},
    speech::{sentence, testing::chain_of},
};

/// Says that everybody has finished, and keeps how many samples it heard.
#[derive(Default)]
struct Finished(Mutex<Vec<usize>>);

#[async_trait]
impl TurnListener for Finished {
    async fn finished(&self, samples: Arc<[i16]>) -> Option<f32> {
        self.0.lock().unwrap().push(samples.len());
        Some(1.0)
    }
}

/// What is told of somebody who says something and then is silent, or is not heard any more, and how many samples of it the listener
/// heard at each pause.
async fn heard(is_silent: bool) -> (Vec<TurnInput>, Vec<usize>) {
    let hears =
        |_: &Spoken<'_>| Ok(Transcription { sentence_end: Some(1.0), ..Transcription::of("We went home yesterday.") });
    let chain = chain_of(hears).await;
    let listener = Arc::new(Finished::default());
    let mut ear = Ear::new(chain, TranscriberSettings::default(), Arc::new(TextTurnDetector), Some(listener.clone()));
    let speech = sentence();
    let ends = speech.iter().rposition(|sample| sample.unsigned_abs() > 1_000).unwrap();
    let mut ada = Microphone::new("ada", Spoken::RATE);
    let mut inputs = ada.say(&speech[..ends]);
    match is_silent {
        true => inputs.extend(ada.say(&[0; 48_000])),
        false => inputs.push(ada.pause()),
    }
    let mut told: Vec<TurnInput> = Vec::new();
    for input in inputs {
        told.extend(ear.handle(&input));
    }
    // An answer to each pause, and one to each question whether it was the end.
    while !ear.judging.is_empty() || ear.transcriber.earliest().is_some() {
        match ear.next().await {
            EarNews::Caption(caption) => told.extend(ear.on_caption(&caption)),
            EarNews::Judged(judged) => told.extend(ear.on_judged(&judged)),
        }
    }
    let lengths = listener.0.lock().unwrap().clone();
    (told, lengths)
}

#[tokio::test]
async fn whether_somebody_has_finished_is_heard_whether_they_fall_silent_or_their_sound_stops() {
    for is_silent in [true, false] {
        let (told, lengths) = heard(is_silent).await;
        let pauses = told.iter().filter(|input| matches!(input, TurnInput::Paused { .. })).count();
        assert!(pauses > 0 && lengths.len() == pauses, "silent: {is_silent}, {lengths:?}, {told:?}");
        assert!(lengths.iter().all(|samples| *samples > 8_000), "{lengths:?}");
        let hint = told.iter().rev().find(|input| matches!(input, TurnInput::Hint { .. }));
        assert_eq!(hint, Some(&TurnInput::Hint { speaker: "ada".into(), complete: 1.0 }), "{told:?}");
    }
}
