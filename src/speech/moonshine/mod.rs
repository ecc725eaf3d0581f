//! Moonshine tiny: English speech to text on one core, at some fortieth of real time.
//!
//! An encoder reads the whole utterance; a decoder then says one token after the other, each out of those before it, with
//! what it has computed for them kept (`past_key_values`). Model: Moonshine by Useful Sensors, MIT.

mod tokens;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use ort::{
    session::{Session, SessionInputValue, SessionOutputs},
    value::{DynValue, Tensor, TensorRef},
};

use super::onnx;
use crate::conversation::{About, EngineError, Languages, SpeechToText, SpeechWorker, Spoken, Transcription};
use tokens::Tokens;

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
        let caches = Cache::all(&decoder)?;
        let signs = tokens.find(&[".", "?", "!"]);
        Ok(Box::new(Worker { encoder, decoder, tokens, signs, caches }))
    }
}

fn read_tokens(path: &Path) -> Result<Tokens, EngineError> {
    let unusable = |why: &dyn std::fmt::Display| EngineError::Unavailable(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| unusable(&error))?;
    Tokens::parse(&bytes).ok_or_else(|| unusable(&"is no list of tokens"))
}

struct Worker {
    encoder: Session,
    decoder: Session,
    tokens: Tokens,
    /// Those that end a sentence.
    signs: Vec<i64>,
    caches: Vec<Cache>,
}

/// What the decoder keeps from one token to the next: an input, and the output that becomes it.
struct Cache {
    input: String,
    output: String,
    /// What it keeps of the encoder's answer is the same for all tokens.
    is_of_encoder: bool,
}

impl Cache {
    fn all(decoder: &Session) -> Result<Vec<Cache>, EngineError> {
        let inputs = decoder.inputs().iter().filter_map(|input| {
            let rest = input.name().strip_prefix("past_key_values.")?;
            Some(Cache {
                input: input.name().to_owned(),
                output: format!("present.{rest}"),
                is_of_encoder: rest.contains(".encoder."),
            })
        });
        let caches: Vec<Cache> = inputs.collect();
        match caches.is_empty() {
            true => {
                Err(EngineError::Unavailable("the decoder keeps nothing between tokens: it is another model".into()))
            }
            false => Ok(caches),
        }
    }
}

impl SpeechWorker for Worker {
    fn transcribe(&mut self, speech: &Spoken<'_>) -> Result<Transcription, EngineError> {
        if speech.samples.len() < LEAST_SAMPLES {
            return Ok(Transcription::default());
        }
        let begun = Instant::now();
        let heard = self.run(speech.samples, speech).map_err(onnx::failed)?.ok_or(EngineError::Late)?;
        let is_unsure = speech.is_final && heard.confidence.is_some_and(|confidence| confidence < UNSURE);
        match is_unsure && speech.time_left() > begun.elapsed() * AGAIN {
            true => self.look_again(speech, heard),
            false => Ok(heard),
        }
    }
}

impl Worker {
    /// What was understood in noise is understood once more with most of the noise taken out; the surer text counts. Of people
    /// who read in noise at 10 dB that leaves half as many words wrong, and only unclear speech pays for it.
    fn look_again(&mut self, speech: &Spoken<'_>, first: Transcription) -> Result<Transcription, EngineError> {
        let Some(quieter) = quieter(speech.samples) else { return Ok(first) };
        let second = self.run(&quieter, speech).map_err(onnx::failed)?;
        Ok(second.filter(|second| second.confidence > first.confidence).unwrap_or(first))
    }

    /// What is understood; `None` if its time is over before it is said.
    fn run(&mut self, samples: &[i16], speech: &Spoken<'_>) -> ort::Result<Option<Transcription>> {
        let length = samples.len();
        let samples: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        let mask = Tensor::from_array(([1, length], vec![1_i64; length]))?;
        let hidden = {
            let input = TensorRef::from_array_view(([1, length], samples.as_slice()))?;
            let mut outputs =
                self.encoder.run(ort::inputs!["input_values" => input, "attention_mask" => mask.view()])?;
            let name = outputs.keys().next().map(str::to_owned).unwrap_or_default();
            outputs.remove(name).expect("an encoder gives one tensor")
        };
        let most = (speech.duration().as_secs_f64() * MOST_TOKENS_A_SECOND) as usize + 2;
        let (mut said, mut certainty, mut least, mut token) = (Vec::new(), 0.0_f32, 0.0_f32, START);
        let (mut kept, mut is_whole, mut sentence_end) = (self.nothing_kept()?, false, 0.0);
        for step in 0..most {
            let chosen = {
                let ids = Tensor::from_array(([1, 1], vec![token]))?;
                let cached = Tensor::from_array(([1], vec![step > 0]))?;
                let mut inputs: Vec<(std::borrow::Cow<'_, str>, SessionInputValue<'_>)> = ort::inputs![
                    "input_ids" => ids,
                    "encoder_hidden_states" => hidden.view(),
                    "encoder_attention_mask" => mask.view(),
                    "use_cache_branch" => cached,
                ];
                let caches = self.caches.iter().zip(&kept);
                inputs.extend(caches.map(|(cache, value)| (cache.input.as_str().into(), value.view().into())));
                let mut outputs = self.decoder.run(inputs)?;
                let chosen = choose(&outputs, &self.signs)?;
                keep(&self.caches, &mut outputs, &mut kept, step == 0);
                chosen
            };
            certainty += chosen.certainty;
            least = least.min(chosen.certainty);
            is_whole = chosen.token == END;
            // Behind the sign there is nothing left to end.
            if !(is_whole && self.signs.contains(&token)) {
                sentence_end = chosen.sentence_end;
            }
            token = chosen.token;
            if is_whole {
                break;
            }
            said.push(token);
            if speech.time_left().is_zero() {
                return Ok(None);
            }
        }
        // What goes on to the last token that it may say is a loop, and one wild guess makes the rest a guess: of 134 spoken
        // clips none did either, of what was made of music a quarter.
        let is_guess = least < LEAST_OF_A_TOKEN || (!is_whole && said.len() == most);
        let confidence = Some(if is_guess { f32::MIN } else { certainty / (said.len() + 1) as f32 });
        let sentence_end = Some(sentence_end);
        Ok(Some(Transcription { text: self.tokens.text(&said), words: Vec::new(), confidence, sentence_end }))
    }

    fn nothing_kept(&self) -> ort::Result<Vec<DynValue>> {
        let nothing =
            |_: &Cache| Ok(Tensor::from_array(([1, HEADS, 1, HEAD], vec![0.0_f32; HEADS * HEAD]))?.into_dyn());
        self.caches.iter().map(nothing).collect()
    }
}

/// Takes over what is kept for the next token.
fn keep(caches: &[Cache], outputs: &mut SessionOutputs<'_>, kept: &mut [DynValue], is_first: bool) {
    for (cache, value) in caches.iter().zip(kept) {
        if (is_first || !cache.is_of_encoder)
            && let Some(new) = outputs.remove(&cache.output)
        {
            *value = new;
        }
    }
}

/// What the model says next.
struct Chosen {
    token: i64,
    /// The logarithm of its probability.
    certainty: f32,
    /// How probable a sign is that ends a sentence.
    sentence_end: f32,
}

/// The likeliest token.
fn choose(outputs: &SessionOutputs<'_>, signs: &[i64]) -> ort::Result<Chosen> {
    let (_, logits) = outputs["logits"].try_extract_tensor::<f32>()?;
    let (best, most) = logits
        .iter()
        .enumerate()
        .fold((0, f32::MIN), |(best, most), (n, logit)| if *logit > most { (n, *logit) } else { (best, most) });
    let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
    let of_signs =
        signs.iter().filter_map(|sign| logits.get(*sign as usize)).map(|logit| (logit - most).exp() / sum).sum();
    Ok(Chosen { token: best as i64, certainty: -sum.ln(), sentence_end: of_signs })
}

/// The same with most of the noise taken out: what is left of the noise keeps a voice from sounding made.
#[cfg(feature = "denoise")]
fn quieter(samples: &[i16]) -> Option<Vec<i16>> {
    Some(super::noise::softened(samples))
}

#[cfg(not(feature = "denoise"))]
fn quieter(_: &[i16]) -> Option<Vec<i16>> {
    None
}

/// Speech in quiet is surer than this in 19 of 20 cases, speech in noise at 10 dB in half of them.
const UNSURE: f32 = -0.25;
/// How much more time there must be than the first look took: others wait.
const AGAIN: u32 = 8;
const START: i64 = 1;
const END: i64 = 2;
/// Attention heads of the tiny model, and numbers in each.
const HEADS: usize = 8;
const HEAD: usize = 36;
/// As many the model was trained to say at most.
const MOST_TOKENS_A_SECOND: f64 = 6.5;
/// The logarithm of the probability of the least likely token in what was really said.
const LEAST_OF_A_TOKEN: f32 = -3.0;
/// With less the encoder has nothing to look at: 60 ms.
const LEAST_SAMPLES: usize = 960;
