//! Where a voice begins and ends in what an engine made.

use crate::audio::Hz;

/// How many samples at the beginning are as good as silent: an engine may begin with a third of a second of that. A soft
/// consonant such as an "f" is not cut.
pub fn leading_silence(samples: &[i16], rate: Hz) -> usize {
    let (window, kept) = (rate.samples_in(WINDOW), rate.samples_in(KEPT));
    let step = (window / 2).max(1);
    let begins = (0..samples.len().saturating_sub(window)).step_by(step).find(|at| is_loud(&samples[*at..at + window]));
    begins.map_or(samples.len(), |at| at.saturating_sub(kept))
}

/// How many samples at the end are as good as silent.
pub fn trailing_silence(samples: &[i16], rate: Hz) -> usize {
    let window = rate.samples_in(WINDOW).max(1);
    samples.rchunks(window).take_while(|chunk| !is_loud(chunk)).map(<[i16]>::len).sum()
}

/// Louder than -65 dBFS: what engines leave of silence lies 10 dB below, the softest consonants above.
fn is_loud(window: &[i16]) -> bool {
    let power: i64 = window.iter().map(|sample| i64::from(*sample).pow(2)).sum();
    power > QUIET.pow(2) * window.len() as i64
}

const WINDOW: std::time::Duration = std::time::Duration::from_millis(10);
const KEPT: std::time::Duration = std::time::Duration::from_millis(20);
const QUIET: i64 = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_found_at_both_ends_and_what_is_soft_is_kept() {
        let voice: Vec<i16> = (0..2_400).map(|n| if n % 2 == 0 { 40 } else { -40 }).collect();
        let samples = [vec![2; 7_200], voice, vec![-3; 4_800]].concat();
        let (leading, trailing) = (leading_silence(&samples, Hz::K24), trailing_silence(&samples, Hz::K24));
        assert!((6_480..=6_840).contains(&leading), "{leading}");
        assert!((4_560..=4_800).contains(&trailing), "{trailing}");
        assert_eq!((leading_silence(&[0; 999], Hz::K24), trailing_silence(&[0; 999], Hz::K24)), (999, 999));
        assert_eq!((leading_silence(&[], Hz::K24), trailing_silence(&[], Hz::K24)), (0, 0));
    }
}
