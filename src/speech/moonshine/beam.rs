//! The likeliest words among all that a decoder might say.
//!
//! Clear speech is understood by taking the likeliest token each time. In noise that goes astray early and never finds back, so
//! there several hypotheses are kept, and each goes on by its likeliest tokens. One ends where nothing is likelier than its end:
//! to end is never a guess among others, or the first sentence of two would be taken for all of it.

use super::decoder::END;

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
    least: f32,
    /// How probable a sign that ends a sentence was where the speech ended.
    pub(super) sentence_end: f32,
    /// It came to its end.
    pub(super) is_whole: bool,
}

impl Hypothesis {
    /// The mean logarithm of the probability of a token, the end among them.
    pub(super) fn confidence(&self) -> f32 {
        let tokens = self.tokens.len() + usize::from(self.is_whole);
        self.certainty / tokens.max(1) as f32
    }

    /// What goes on to the last token that it may say is a loop, and one wild guess makes the rest a guess: of 134 spoken clips
    /// none did either, of what was made of music a quarter.
    pub(super) fn is_guess(&self) -> bool {
        self.has_wild_token() || !self.is_whole
    }

    pub(super) fn has_wild_token(&self) -> bool {
        self.least < LEAST_OF_A_TOKEN
    }

    /// The same with one more token.
    fn with(&self, token: usize, logarithms: &[f32], signs: &[i64]) -> Hypothesis {
        // Behind the sign there is nothing left to end.
        let is_ended = self.tokens.last().is_some_and(|last| signs.contains(last));
        let is_whole = token == END;
        let of_signs = || signs.iter().filter_map(|sign| logarithms.get(*sign as usize)).map(|one| one.exp()).sum();
        let mut more = Hypothesis {
            certainty: self.certainty + logarithms[token],
            least: self.least.min(logarithms[token]),
            sentence_end: if is_whole && is_ended { self.sentence_end } else { of_signs() },
            is_whole,
            ..self.clone()
        };
        if !is_whole {
            more.tokens.push(token as i64);
        }
        more
    }
}

impl Search {
    /// The likeliest, of a decoder that `say`s how likely each token is behind those of a hypothesis, and what it keeps for the
    /// next; `None` if time is over before it is found.
    pub(super) fn run<K: Clone, E>(
        self,
        signs: &[i64],
        has_time: impl Fn() -> bool,
        mut say: impl FnMut(&Hypothesis, Option<&K>) -> Result<(Vec<f32>, K), E>,
    ) -> Result<Option<Hypothesis>, E> {
        let (mut open, mut ended) = (vec![(Hypothesis::default(), None)], Vec::<Hypothesis>::new());
        for _ in 0..self.most {
            let mut next: Vec<(Hypothesis, Option<K>)> = Vec::new();
            for (said, kept) in open {
                let (logarithms, kept) = say(&said, kept.as_ref())?;
                // A narrow search follows the likeliest alone; a wider one has one more where one of them ends.
                let mut tokens = likeliest(&logarithms, if self.width > 1 { self.width + 1 } else { 1 });
                if tokens.first() != Some(&END) {
                    tokens.retain(|token| *token != END);
                    tokens.truncate(self.width);
                }
                next.extend(tokens.iter().map(|token| (said.with(*token, &logarithms, signs), Some(kept.clone()))));
            }
            next.sort_by(|(a, _), (b, _)| b.certainty.total_cmp(&a.certainty));
            open = Vec::new();
            for (said, kept) in next {
                match said.is_whole {
                    true => ended.push(said),
                    false if open.len() < self.width => open.push((said, kept)),
                    false => {}
                }
            }
            // With each token more a hypothesis is less likely: none that goes on becomes likelier than this.
            let likeliest = |ended: &Hypothesis| open.iter().all(|(said, _)| said.certainty <= ended.certainty);
            if open.is_empty() || ended.iter().any(likeliest) {
                break;
            }
            if !has_time() {
                return Ok(None);
            }
        }
        if ended.is_empty() {
            ended.extend(open.into_iter().take(1).map(|(said, _)| said));
        }
        Ok(ended
            .into_iter()
            .max_by(|a, b| b.is_guess().cmp(&a.is_guess()).then(a.confidence().total_cmp(&b.confidence()))))
    }
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

/// The logarithm of the probability of the least likely token in what was really said.
const LEAST_OF_A_TOKEN: f32 = -3.0;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// A decoder over the tokens 2 (the end) to 7, by what was said.
    fn found(width: usize, most: usize, odds: impl Fn(&[i64]) -> Vec<(i64, f32)>) -> Option<Hypothesis> {
        let say = |said: &Hypothesis, kept: Option<&usize>| {
            assert_eq!(kept.copied().unwrap_or(0), said.tokens.len(), "what is kept belongs to what was said");
            let mut logarithms = vec![-20.0; 8];
            odds(&said.tokens).into_iter().for_each(|(token, odds)| logarithms[token as usize] = odds.ln());
            Ok::<_, Infallible>((logarithms, said.tokens.len() + 1))
        };
        Search { width, most }.run(&[7], || true, say).unwrap()
    }

    /// The likelier beginning leads to the less likely whole.
    fn astray(said: &[i64]) -> Vec<(i64, f32)> {
        match said {
            [] => vec![(3, 0.6), (4, 0.4)],
            [3] => vec![(5, 0.3), (6, 0.3)],
            [4] => vec![(5, 0.9)],
            _ => vec![(2, 0.9)],
        }
    }

    #[test]
    fn a_wider_search_finds_what_a_narrow_one_walks_past() {
        assert_eq!(found(1, 10, astray).unwrap().tokens, [3, 5]);
        let wide = found(4, 10, astray).unwrap();
        assert_eq!((wide.tokens.as_slice(), wide.is_guess()), (&[4, 5][..], false));
        let all = (0.4_f32 * 0.9 * 0.9).ln();
        assert!((wide.confidence() - all / 3.0).abs() < 1e-5);
    }

    #[test]
    fn the_first_sentence_is_not_taken_for_all_of_it() {
        // Behind the sign an end is likely enough to be among the hypotheses, and what follows is said for sure.
        let two = |said: &[i64]| match said {
            [] => vec![(3, 0.9)],
            [3] => vec![(7, 0.9)],
            [3, 7] => vec![(4, 0.6), (2, 0.35)],
            [3, 7, 4] => vec![(5, 0.5), (6, 0.3)],
            [3, 7, 4, _] => vec![(7, 0.5)],
            _ => vec![(2, 0.9)],
        };
        let whole = found(4, 20, two).unwrap();
        assert_eq!(whole.tokens, [3, 7, 4, 5, 7]);
    }

    #[test]
    fn what_never_ends_and_what_has_a_wild_token_is_a_guess() {
        let looped = found(4, 6, |_| vec![(3, 0.9)]).unwrap();
        assert_eq!((looped.tokens.len(), looped.is_guess(), looped.has_wild_token()), (6, true, false));
        assert!((looped.confidence() - 0.9_f32.ln()).abs() < 1e-5, "there is no end to count");
        let wild = |said: &[i64]| if said.is_empty() { vec![(3, 0.02)] } else { vec![(2, 0.9)] };
        assert!(found(1, 6, wild).unwrap().is_guess());
        // A sure one goes before a guess, however long that is sure afterwards.
        let either = |said: &[i64]| match said {
            [] => vec![(3, 0.04), (4, 0.06)],
            [3, ..] if said.len() < 5 => vec![(3, 0.99)],
            _ => vec![(2, 0.9)],
        };
        assert_eq!(found(4, 10, either).unwrap().tokens, [4]);
    }

    #[test]
    fn how_a_sentence_ends_is_told_from_before_the_sign() {
        let said = |said: &[i64]| match said {
            [] => vec![(3, 0.9)],
            [3] => vec![(7, 0.8)],
            _ => vec![(2, 0.9)],
        };
        let found = found(1, 10, said).unwrap();
        assert!((found.sentence_end - 0.8).abs() < 1e-5, "{}", found.sentence_end);
    }

    #[test]
    fn time_that_is_over_finds_nothing() {
        let say = |_: &Hypothesis, _: Option<&()>| Ok::<_, Infallible>((vec![-20.0, -20.0, -20.0, -0.1], ()));
        assert_eq!(Search { width: 4, most: 10 }.run(&[], || false, say), Ok(None));
    }

    #[test]
    fn the_likeliest_come_first_and_ties_in_their_order() {
        assert_eq!(likeliest(&[-3.0, -1.0, -2.0, -1.0], 3), [1, 3, 2]);
        assert_eq!(likeliest(&[-3.0, -1.0], 5), [1, 0]);
    }
}
