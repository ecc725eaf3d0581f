//! The decoder of the model: the probabilities of the next token, with what it has computed for those before kept.

use std::{borrow::Cow, rc::Rc};

use ort::{
    session::{Session, SessionInputValue, SessionOutputs},
    value::{DynValue, Tensor},
};

use super::beam::{Hypothesis, Search};
use crate::conversation::EngineError;

/// The decoder of a model.
pub(super) struct Decoder {
    session: Session,
    /// What it keeps of the encoder's answer is the same for all tokens,
    of_utterance: Vec<Cache>,
    /// and of the tokens grows with each.
    of_tokens: Vec<Cache>,
    /// Those that end a sentence.
    signs: Vec<i64>,
}

/// What it keeps from one token to the next: an input, and the output that becomes it.
struct Cache {
    input: String,
    output: String,
}

/// An utterance as the encoder understood it.
pub(super) struct Encoded {
    hidden: DynValue,
    mask: Tensor<i64>,
    /// What the decoder starts from,
    nothing: DynValue,
    /// and keeps of the utterance, once it has looked.
    kept: Vec<DynValue>,
}

impl Encoded {
    pub(super) fn new(hidden: DynValue, mask: Tensor<i64>) -> ort::Result<Encoded> {
        let nothing = Tensor::from_array(([1, HEADS, 1, HEAD], vec![0.0_f32; HEADS * HEAD]))?.into_dyn();
        Ok(Encoded { hidden, mask, nothing, kept: Vec::new() })
    }
}

/// What the decoder keeps of a hypothesis' tokens. Those that begin alike share it.
type Kept = Rc<Vec<DynValue>>;

impl Decoder {
    pub(super) fn new(session: Session, signs: Vec<i64>) -> Result<Decoder, EngineError> {
        let inputs = session.inputs().iter().filter_map(|input| {
            let rest = input.name().strip_prefix("past_key_values.")?;
            Some(Cache { input: input.name().to_owned(), output: format!("present.{rest}") })
        });
        let (of_utterance, of_tokens): (Vec<Cache>, Vec<Cache>) =
            inputs.partition(|cache| cache.input.contains(".encoder."));
        match of_utterance.is_empty() || of_tokens.is_empty() {
            true => {
                Err(EngineError::Unavailable("the decoder keeps nothing between tokens: it is another model".into()))
            }
            false => Ok(Decoder { session, of_utterance, of_tokens, signs }),
        }
    }

    /// The likeliest that was said; `None` if time is over before it is found.
    pub(super) fn search(
        &mut self,
        mut utterance: Encoded,
        search: Search,
        has_time: impl Fn() -> bool,
    ) -> ort::Result<Option<Hypothesis>> {
        let signs = self.signs.clone();
        search.run(&signs, has_time, |said, before: Option<&Kept>| {
            let (logarithms, kept) = self.say(&mut utterance, said, before)?;
            Ok((logarithms, Rc::new(kept)))
        })
    }

    /// The logarithms of the probabilities of the token behind these, and what is kept for the one behind that.
    fn say(
        &mut self,
        utterance: &mut Encoded,
        said: &Hypothesis,
        before: Option<&Kept>,
    ) -> ort::Result<(Vec<f32>, Vec<DynValue>)> {
        let Decoder { session, of_utterance, of_tokens, .. } = self;
        let ids = Tensor::from_array(([1, 1], vec![said.tokens.last().copied().unwrap_or(START)]))?;
        let cached = Tensor::from_array(([1], vec![before.is_some()]))?;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = ort::inputs![
            "input_ids" => ids,
            "encoder_hidden_states" => utterance.hidden.view(),
            "encoder_attention_mask" => utterance.mask.view(),
            "use_cache_branch" => cached,
        ];
        for (n, cache) in of_utterance.iter().enumerate() {
            let value = utterance.kept.get(n).unwrap_or(&utterance.nothing);
            inputs.push((cache.input.as_str().into(), value.view().into()));
        }
        for (n, cache) in of_tokens.iter().enumerate() {
            let value = before.map_or(&utterance.nothing, |before| &before[n]);
            inputs.push((cache.input.as_str().into(), value.view().into()));
        }
        let mut outputs = session.run(inputs)?;
        let mut logarithms = outputs["logits"].try_extract_tensor::<f32>()?.1.to_vec();
        normalize(&mut logarithms);
        if before.is_none() {
            utterance.kept = taken(of_utterance, &mut outputs)?;
        }
        Ok((logarithms, taken(of_tokens, &mut outputs)?))
    }
}

fn taken(caches: &[Cache], outputs: &mut SessionOutputs<'_>) -> ort::Result<Vec<DynValue>> {
    let take = |cache: &Cache| {
        let output = outputs.remove(&cache.output);
        output.ok_or_else(|| ort::Error::new(format!("the decoder gives no {}", cache.output)))
    };
    caches.iter().map(take).collect()
}

/// Makes probabilities of them that are one in all.
fn normalize(logarithms: &mut [f32]) {
    let most = logarithms.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logarithms.iter().map(|one| (one - most).exp()).sum();
    let all = most + sum.ln();
    logarithms.iter_mut().for_each(|one| *one -= all);
}

const START: i64 = 1;
pub(super) const END: usize = 2;
/// Attention heads of the tiny model, and numbers in each.
const HEADS: usize = 8;
const HEAD: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_one_in_all_however_large_the_numbers_are() {
        for logits in [vec![0.0, 1.0, 2.0], vec![1e4, 1e4 + 1.0], vec![-1e4; 7]] {
            let mut logarithms = logits;
            normalize(&mut logarithms);
            let all: f32 = logarithms.iter().map(|one| one.exp()).sum();
            assert!((all - 1.0).abs() < 1e-3, "{all}");
        }
    }
}
