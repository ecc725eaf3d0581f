//! The likeliest words: a decoder that says one token after the other, and the search among what it might say.
//!
//! Clear speech is understood by taking the likeliest token each time. In noise that goes astray early and never finds back, so
//! there a beam of hypotheses is kept.

use std::{borrow::Cow, rc::Rc};

use ort::{
    session::{Session, SessionInputValue, SessionOutputs},
    value::{DynValue, Tensor},
};

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
    /// What the decoder keeps of it, once it has looked.
    kept: Vec<DynValue>,
}

impl Encoded {
    pub(super) fn new(hidden: DynValue, mask: Tensor<i64>) -> Encoded {
        Encoded { hidden, mask, kept: Vec::new() }
    }
}

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// How many hypotheses are kept.
    pub(super) width: usize,
    /// How many tokens may be said.
    pub(super) most: usize,
}

/// Something that may have been said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Hypothesis {
    pub(super) tokens: Vec<i64>,
    /// The logarithm of its probability,
    certainty: f32,
    /// and of that of its least likely token.
    pub(super) least: f32,
    /// How probable a sign that ends a sentence was where the speech ended.
    pub(super) sentence_end: f32,
    /// It came to its end.
    pub(super) is_whole: bool,
}

impl Hypothesis {
    /// The mean logarithm of the probability of a token, the end among them.
    pub(super) fn confidence(&self) -> f32 {
        self.certainty / (self.tokens.len() + 1) as f32
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
        let (mut open, mut ended) = (vec![(Hypothesis::default(), None)], Vec::new());
        for _ in 0..search.most {
            let mut next = Vec::new();
            for (said, kept) in open {
                let (logarithms, kept) = self.say(&mut utterance, &said, kept.as_ref())?;
                let kept = Rc::new(kept);
                self.continue_by(&said, &logarithms, search.width, |more| next.push((more, Some(kept.clone()))));
            }
            next.sort_by(|(a, _), (b, _): &(Hypothesis, Option<Kept>)| b.certainty.total_cmp(&a.certainty));
            open = Vec::new();
            for (said, kept) in next {
                match said.is_whole {
                    true => ended.push(said),
                    false => open.push((said, kept)),
                }
                if open.len() == search.width {
                    break;
                }
            }
            // One that has ended is found as soon as none of the likelier ones goes on.
            if ended.len() >= search.width || open.is_empty() {
                break;
            }
            if !has_time() {
                return Ok(None);
            }
        }
        ended.extend(open.into_iter().take(usize::from(ended.is_empty())).map(|(said, _)| said));
        Ok(ended.into_iter().max_by(|a, b| a.confidence().total_cmp(&b.confidence())))
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
        let nothing = nothing()?;
        for (n, cache) in of_utterance.iter().enumerate() {
            let value = if before.is_some() { &utterance.kept[n] } else { &nothing };
            inputs.push((cache.input.as_str().into(), value.view().into()));
        }
        for (n, cache) in of_tokens.iter().enumerate() {
            let value = before.map_or(&nothing, |before| &before[n]);
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

    /// The likeliest continuations of what was said.
    fn continue_by(&self, said: &Hypothesis, logarithms: &[f32], width: usize, mut add: impl FnMut(Hypothesis)) {
        // Behind the sign there is nothing left to end.
        let is_ended = said.tokens.last().is_some_and(|last| self.signs.contains(last));
        let of_signs = self.signs.iter().filter_map(|sign| logarithms.get(*sign as usize)).map(|one| one.exp()).sum();
        // One of them may be the end; so many others go on.
        for token in likeliest(logarithms, if width > 1 { width + 1 } else { 1 }) {
            let is_whole = token as i64 == END;
            let mut more = Hypothesis {
                certainty: said.certainty + logarithms[token],
                least: said.least.min(logarithms[token]),
                sentence_end: if is_whole && is_ended { said.sentence_end } else { of_signs },
                is_whole,
                ..said.clone()
            };
            if !is_whole {
                more.tokens.push(token as i64);
            }
            add(more);
        }
    }
}

/// What the decoder starts from.
fn nothing() -> ort::Result<DynValue> {
    Ok(Tensor::from_array(([1, HEADS, 1, HEAD], vec![0.0_f32; HEADS * HEAD]))?.into_dyn())
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

/// The places of the greatest, the greatest first.
fn likeliest(logarithms: &[f32], count: usize) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::with_capacity(count + 1);
    for (n, one) in logarithms.iter().enumerate() {
        if found.len() == count && found.last().is_some_and(|last| *one <= logarithms[*last]) {
            continue;
        }
        let at = found.partition_point(|place| logarithms[*place] >= *one);
        found.insert(at, n);
        found.truncate(count);
    }
    found
}

const START: i64 = 1;
const END: i64 = 2;
/// Attention heads of the tiny model, and numbers in each.
const HEADS: usize = 8;
const HEAD: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_first_and_ties_in_their_order() {
        assert_eq!(likeliest(&[-3.0, -1.0, -2.0, -1.0], 3), [1, 3, 2]);
        assert_eq!(likeliest(&[-3.0, -1.0], 1), [1]);
        assert_eq!(likeliest(&[-3.0, -1.0], 5), [1, 0]);
    }

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
