//! How alike two recordings are, and by how much one is late: the ear of tests and of the demo's report.

/// One recording found in another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// By how many samples the second is late.
    pub delay_samples: usize,
    /// The correlation at that delay: 1 for the same sound at any level, 0 for unrelated ones.
    pub correlation: f64,
}

/// Finds `reference` in `other`, at most `longest_delay` samples late.
///
/// ```
/// let sound: Vec<i16> = (0..4_000i32).map(|n| ((n * n * 31) % 2_003) as i16).collect();
/// let mut late = vec![0; 123];
/// late.extend(&sound);
/// let likeness = roomtone::audio::compare::find(&sound, &late, 500).unwrap();
/// assert_eq!(likeness.delay_samples, 123);
/// assert!(likeness.correlation > 0.999);
/// ```
///
/// `None` when either is silent.
pub fn find(reference: &[i16], other: &[i16], longest_delay: usize) -> Option<Likeness> {
    let loudest = loudest_window(reference);
    let window = &reference[loudest.clone()];
    let rough = best(
        &thin(window, COARSE),
        &thin(&other[loudest.start.min(other.len())..], COARSE),
        0..=longest_delay / COARSE,
    )?;
    let near = rough.delay_samples * COARSE;
    let fine = near.saturating_sub(2 * COARSE)..=(near + 2 * COARSE).min(longest_delay);
    let delay = best(window, &other[loudest.start.min(other.len())..], fine)?.delay_samples;
    Some(Likeness { delay_samples: delay, correlation: correlation(reference, other.get(delay..)?)? })
}

/// The correlation of two recordings, sample by sample, over the length of the shorter; `None` if one is silent.
pub fn correlation(a: &[i16], b: &[i16]) -> Option<f64> {
    let (mut dot, mut power_a, mut power_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        dot += a * b;
        power_a += a * a;
        power_b += b * b;
    }
    (power_a > 0.0 && power_b > 0.0).then(|| dot / (power_a * power_b).sqrt())
}

fn best(reference: &[i16], other: &[i16], delays: std::ops::RangeInclusive<usize>) -> Option<Likeness> {
    let at = |delay: usize| {
        let correlation = correlation(reference, other.get(delay..)?)?;
        Some(Likeness { delay_samples: delay, correlation })
    };
    delays.filter_map(at).max_by(|a, b| a.correlation.total_cmp(&b.correlation))
}

/// Averages of `step` samples: a recording of a lower rate, good enough to find a delay roughly.
fn thin(samples: &[i16], step: usize) -> Vec<i16> {
    samples
        .chunks(step)
        .map(|chunk| (chunk.iter().map(|sample| i32::from(*sample)).sum::<i32>() / chunk.len() as i32) as i16)
        .collect()
}

/// The part of a recording to look for: all of a short one, the loudest part of a long one.
fn loudest_window(samples: &[i16]) -> std::ops::Range<usize> {
    if samples.len() <= WINDOW {
        return 0..samples.len();
    }
    let energy = |start: &usize| samples[*start..*start + WINDOW].iter().map(|s| i64::from(*s).pow(2)).sum::<i64>();
    let start = (0..=samples.len() - WINDOW).step_by(WINDOW / 4).max_by_key(energy).unwrap_or(0);
    start..start + WINDOW
}

/// How much the first look is thinned.
const COARSE: usize = 8;
/// How much of a recording is looked for, in samples: about five seconds.
const WINDOW: usize = 120_000;
