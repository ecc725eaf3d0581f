//! Moonshine tiny: English speech to text on one core, at some fortieth of real time.
//!
//! An encoder reads the whole utterance; a decoder then says one token after the other, each out of those before it, with
//! what it has computed for them kept (`past_key_values`). Model: Moonshine by Useful Sensors, MIT.

mod beam;
mod decoder;
mod tokens;
mod wiener;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ort::{
    session::Session,
    value::{Tensor, TensorRef},
};

use super::onnx;
use crate::conversation::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription};
use beam::{Hypothesis, Search};
use decoder::{Decoder, Encoded};
use tokens::Tokens;
use wiener::without_noise;

/// The engine, from a folder with its files and a library of ONNX Runtime.
#[derive(Debug, Clone)]
pub struct Moonshine {
    library: PathBuf,
    model: PathBuf,
}

impl Moonshine {
    /// From the folder that has `encoder_model.ort`, `decoder_model_merged.ort` and `tokenizer.bin`.
    pub fn new(library: impl Into<PathBuf>, model: impl Into<PathBuf>) -> Moonshine {
        Moonshine { library: library.into(), model: model.into() }
    }
}

impl SpeechToText for Moonshine {
    fn about(&self) -> About {
        About { name: "moonshine".into(), languages: Languages::english() }
    }

    fn worker(&self) -> Result<Box<dyn SpeechWorker>, EngineError> {
        let environment = onnx::open(&self.library)?;
        let encoder = onnx::load(&environment, &self.model.join("encoder_model.ort"))?;
        let decoder = onnx::load(&environment, &self.model.join("decoder_model_merged.ort"))?;
        let tokens = read_tokens(&self.model.join("tokenizer.bin"))?;
        let decoder = Decoder::new(decoder, tokens.find(&[".", "?", "!"]))?;
        Ok(Box::new(Worker { encoder, decoder, tokens }))
    }
}

fn read_tokens(path: &Path) -> Result<Tokens, EngineError> {
    let unusable = |why: &dyn std::fmt::Display| EngineError::Unavailable(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| unusable(&error))?;
    Tokens::parse(&bytes).ok_or_else(|| unusable(&"is no list of tokens"))
}

struct Worker {
    encoder: Session,
    decoder: Decoder,
    tokens: Tokens,
}

impl SpeechWorker for Worker {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        if speech.samples.len() < LEAST_SAMPLES {
            return Ok(Transcription::default());
        }
        let begun = Instant::now();
        let first = self.run(speech.samples, 1, speech).map_err(onnx::failed)?.ok_or(EngineError::Late)?;
        let is_unsure = speech.is_final && first.confidence.is_some_and(|confidence| confidence < UNSURE);
        let has_time = !speech.others_wait && speech.time_left() > begun.elapsed() * AGAIN;
        Ok(if is_unsure && has_time { self.look_again(speech, first) } else { first })
    }
}

impl Worker {
    /// What was understood in noise is understood once more, with the noise taken out and by a wider search; the surer text
    /// counts. Only unclear speech pays for that.
    fn look_again(&mut self, speech: &Spoken<'_>, first: Transcription) -> Transcription {
        let second = self.run(&without_noise(speech.samples), WIDE, speech);
        let second = second.inspect_err(|error| tracing::debug!("a second look failed: {error}")).ok().flatten();
        // Without its noise the end of a word may be nothing at all, which is no better than what it was taken for.
        let is_better = |second: &Transcription| !second.text.is_empty() && second.confidence > first.confidence;
        second.filter(is_better).unwrap_or(first)
    }

    /// What is understood; `None` if its time is over before it is said.
    fn run(&mut self, samples: &[i16], width: usize, speech: &Spoken<'_>) -> ort::Result<Option<Transcription>> {
        let most = (speech.duration().as_secs_f64() * MOST_TOKENS_A_SECOND) as usize + 2;
        let utterance = self.encode(samples)?;
        let has_time = || !speech.time_left().is_zero();
        let said = self.decoder.search(utterance, Search { width, most }, has_time)?;
        let may_be_cut = !speech.is_final && speech.duration() < LONGEST_CUT;
        Ok(said.map(|said| self.transcription(&said, may_be_cut)))
    }

    fn encode(&mut self, samples: &[i16]) -> ort::Result<Encoded> {
        let length = samples.len();
        let samples: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        let mask = Tensor::from_array(([1, length], vec![1_i64; length]))?;
        let input = TensorRef::from_array_view(([1, length], samples.as_slice()))?;
        let mut outputs = self.encoder.run(ort::inputs!["input_values" => input, "attention_mask" => mask.view()])?;
        let name = outputs.keys().next().map(str::to_owned).unwrap_or_default();
        let hidden = outputs.remove(name).expect("an encoder gives one tensor");
        Encoded::new(hidden, mask)
    }

    /// Of a beginning that may be cut, the words before the last one are understood: the model goes on beyond what it heard.
    fn transcription(&self, said: &Hypothesis, may_be_cut: bool) -> Transcription {
        let is_cut = may_be_cut && !said.is_whole;
        let is_guess = if is_cut { said.has_wild_token() } else { said.is_guess() };
        let mut text = self.tokens.text(&said.tokens);
        if is_cut {
            text.truncate(text.trim_end().rfind(' ').unwrap_or(0));
        }
        Transcription {
            text,
            words: Vec::new(),
            confidence: Some(if is_guess { f32::MIN } else { said.confidence() }),
            sentence_end: Some(said.sentence_end),
            is_tentative: is_cut,
        }
    }
}

/// Of 45 sentences in quiet 43 are surer than this, in noise at 10 dB 22.
const UNSURE: f32 = -0.15;
/// How much more time there must be than the first look took.
const AGAIN: u32 = 8;
/// How many hypotheses the wider search keeps.
const WIDE: usize = 4;
/// As many the model was trained to say at most.
const MOST_TOKENS_A_SECOND: f64 = 6.5;
/// How much of an utterance may be too little for the model to come to an end with: of longer ones it makes a loop.
const LONGEST_CUT: Duration = Duration::from_secs(1);
/// With less the encoder has nothing to look at: 60 ms.
const LEAST_SAMPLES: usize = 960;
