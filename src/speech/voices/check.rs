//! Whether a voice does what it should: the contract that every engine keeps, run on any of them.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    audio::Hz,
    conversation::{
        Sentence, SoundPiece, TextToSpeech, Word, sound_channel,
        speaking::{leading_silence, trailing_silence},
    },
    speech::CheckFailed,
};

/// What a voice made of a sentence.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Its rate.
    pub rate: Option<Hz>,
    /// The samples.
    pub samples: Vec<i16>,
    /// When each word is said, where the engine knows.
    pub words: Vec<Word>,
}

impl Sample {
    /// How long it lasts.
    pub fn lasts(&self) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| rate.duration_of(self.samples.len() as u64))
    }
}

/// Has a sentence said, all of it.
///
/// # Errors
/// The engine's, or that it took a minute.
pub async fn say(engine: &dyn TextToSpeech, what: &'static str, text: &str) -> Result<Sample, CheckFailed> {
    let (mut sink, mut pieces) = sound_channel();
    let sentence = Sentence::new(text);
    let work = async move { engine.say(&sentence, &mut sink).await };
    let listen = async {
        let mut sample = Sample::default();
        while let Some(piece) = pieces.recv().await {
            match piece {
                SoundPiece::Sound { rate, samples } => {
                    if sample.rate.replace(rate).is_some_and(|before| before != rate) {
                        return Err(CheckFailed::Wrong(format!("{what}: the rate changed within a sentence")));
                    }
                    sample.samples.extend(samples);
                }
                SoundPiece::Word(word) => sample.words.push(word),
            }
        }
        Ok(sample)
    };
    let both = timeout(LONGEST, async { tokio::join!(work, listen) }).await;
    let (said, sample) = both.map_err(|_| CheckFailed::Wrong(format!("{what}: it did not come to an end")))?;
    said.map_err(|error| CheckFailed::Failed { what, error })?;
    sample
}

/// Runs the contract on an engine that speaks English: a sentence is heard, no faster or slower than people speak; its words,
/// where it gives any, are those of the text in their order and lie within the sound; a word alone is heard; what nobody can
/// say, and far more than a sentence, neither fails it for what follows nor goes on for ever.
///
/// # Errors
/// The first thing that it does not keep.
pub async fn check_voice(engine: &dyn TextToSpeech) -> Result<Sample, CheckFailed> {
    let sample = say(engine, "a sentence", SENTENCE).await?;
    let rate = sample.rate.ok_or_else(|| CheckFailed::Wrong("a sentence gave no sound".into()))?;
    let silent = leading_silence(&sample.samples, rate) + trailing_silence(&sample.samples, rate);
    let heard = rate.duration_of(sample.samples.len().saturating_sub(silent) as u64);
    if !(Duration::from_millis(1_500)..Duration::from_secs(8)).contains(&heard) {
        return Err(CheckFailed::Wrong(format!("a sentence of ten words lasts {heard:?}")));
    }
    let words: Vec<&str> = sample.words.iter().map(|word| word.text.as_str()).collect();
    if !words.is_empty() && words != SENTENCE.split_whitespace().collect::<Vec<_>>() {
        return Err(CheckFailed::Wrong("the words are not those of the text".into()));
    }
    let is_in_order = sample.words.is_sorted_by_key(|word| word.begins)
        && sample.words.iter().all(|word| word.begins <= word.ends && word.ends <= sample.lasts());
    if !is_in_order {
        return Err(CheckFailed::Wrong("a word lies outside of the sound, or before the one before it".into()));
    }
    if say(engine, "a word", "Yes.").await?.samples.is_empty() {
        return Err(CheckFailed::Wrong("a word gave no sound".into()));
    }
    for (what, text) in
        [("signs alone", "—"), ("another script", "你好"), ("a picture", "🙂"), ("marks", "<b>&\"'\\{}</b>")]
    {
        say(engine, what, text).await?;
    }
    let again = say(engine, "the sentence again", SENTENCE).await?;
    let differs = again.samples.len().abs_diff(sample.samples.len()) * 5 > sample.samples.len();
    if differs { Err(CheckFailed::Wrong("the same text took another time".into())) } else { Ok(sample) }
}

/// What a voice is tried with.
pub const SENTENCE: &str = "The train to the city leaves at ten past nine.";
const LONGEST: Duration = Duration::from_secs(60);
