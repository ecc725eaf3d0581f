//! Whether an engine does what it should: the contract that every engine keeps, run on any of them.

use std::sync::OnceLock;

use crate::conversation::{EngineError, SpeechToText, SpeechWorker, Spoken, Transcription, nonsense, plausible::words};

/// What an engine does not keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckFailed {
    /// It cannot be made.
    #[error("no worker could be made: {0}")]
    Worker(EngineError),
    /// It failed where it should not.
    #[error("{what}: {error}")]
    Failed {
        /// At what.
        what: &'static str,
        /// How.
        error: EngineError,
    },
    /// It answered something wrong.
    #[error("{0}")]
    Wrong(String),
}

/// Makes a worker of an engine and runs [`check_worker`] on it.
///
/// # Errors
/// The first thing that it does not keep.
pub fn check(engine: &dyn SpeechToText) -> Result<Transcription, CheckFailed> {
    check_worker(&mut *engine.worker().map_err(CheckFailed::Worker)?)
}

/// Runs the contract on an engine that understands English: it understands a sentence, the same way twice and as a
/// beginning; silence, nothing and a single sample give no words and no failure; its words lie within the speech. Gives
/// what it understood of the sentence, whose words [`SENTENCE`] has.
///
/// # Errors
/// The first thing that it does not keep.
pub fn check_worker(worker: &mut dyn SpeechWorker) -> Result<Transcription, CheckFailed> {
    let mut ask = |what: &'static str, samples: &[i16], is_final: bool| {
        let speech = Spoken { is_final, ..Spoken::whole(samples) };
        worker.transcribe(&speech).map_err(|error| CheckFailed::Failed { what, error })
    };
    let sentence = sentence();
    let heard = ask("a sentence", sentence, true)?;
    let wrong = errors(SENTENCE, &heard.text);
    if wrong > MOST_ERRORS {
        return Err(CheckFailed::Wrong(format!("{wrong} words of the sentence were wrong, more than {MOST_ERRORS}")));
    }
    let lasts = Spoken::whole(sentence).duration();
    if heard.words.iter().any(|word| word.begins > word.ends || word.ends > lasts) {
        return Err(CheckFailed::Wrong("a word lies outside of the speech".into()));
    }
    if ask("the sentence again", sentence, true)?.text != heard.text {
        return Err(CheckFailed::Wrong("the same speech gave another text".into()));
    }
    ask("the sentence's beginning", &sentence[..sentence.len() / 2], false)?;
    for (what, samples) in
        [("nothing", 0), ("a single sample", 1), ("ten milliseconds", 160), ("a second of silence", 16_000)]
    {
        let heard = ask(what, &vec![0; samples], true)?;
        if !heard.text.trim().is_empty() && nonsense(&heard, Spoken::RATE.duration_of(samples as u64)).is_none() {
            return Err(CheckFailed::Wrong(format!("{what} was understood as words")));
        }
    }
    Ok(heard)
}

/// The sentence that comes with the program, at [`Spoken::RATE`].
pub fn sentence() -> &'static [i16] {
    static SAMPLES: OnceLock<Vec<i16>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let mut reader = hound::WavReader::new(RECORDING).expect("the recording in the program is whole");
        reader.samples::<i16>().map(|sample| sample.expect("the recording in the program is whole")).collect()
    })
}

/// The words of the sentence: the beginning of *Sense and Sensibility*.
pub const SENTENCE: &str = "and mister john dashwood had then leisure to consider how much there might be prudently in his power \
                           to do for them";

/// How many words are wrong, missing or too many, without regard to case and signs.
pub fn errors(said: &str, heard: &str) -> usize {
    let (said, heard) = (words(said), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (n, word) in said.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], n + 1);
        for (m, other) in heard.iter().enumerate() {
            let swapped = diagonal + usize::from(word != other);
            diagonal = row[m + 1];
            row[m + 1] = swapped.min(row[m] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()]
}

/// A person reading for LibriVox; see `tests/data/README.md`.
const RECORDING: &[u8] = include_bytes!("../../tests/data/speech.wav");
/// Half of the words: small and old engines get a third of them wrong.
const MOST_ERRORS: usize = 11;
