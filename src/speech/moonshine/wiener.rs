//! An utterance with most of its noise taken out, for a second look at what was not understood for sure.
//!
//! A Wiener filter over the whole of it: in each band the noise is what is there in the quietest moments, and what stands above
//! that is kept in proportion. The signal to noise ratio follows the frame before (the decision-directed estimate of Ephraim and
//! Malah), which keeps the rest from tinkling.

use std::ops::Range;

use realfft::{RealFftPlanner, num_complex::Complex};

use crate::audio::hann;

/// The same, as long.
pub(super) fn without_noise(samples: &[i16]) -> Vec<i16> {
    let mut planner = RealFftPlanner::new();
    let (forward, inverse) = (planner.plan_fft_forward(WINDOW), planner.plan_fft_inverse(WINDOW));
    // So that each sample is in as many windows as any other.
    let mut padded = vec![0.0; WINDOW];
    padded.extend(samples.iter().map(|sample| f32::from(*sample)));
    padded.resize(padded.len() + 2 * WINDOW, 0.0);
    let window: Vec<f32> = (0..WINDOW).map(|n| hann(n as f32, WINDOW)).collect();
    let mut spectra: Vec<Vec<Complex<f32>>> = (0..padded.len() - WINDOW)
        .step_by(HOP)
        .map(|at| {
            let mut frame: Vec<f32> =
                window.iter().zip(&padded[at..]).map(|(weight, sample)| weight * sample).collect();
            let mut spectrum = forward.make_output_vec();
            forward.process(&mut frame, &mut spectrum).expect("the sizes are the plan's");
            spectrum
        })
        .collect();
    // Those that see nothing but what was said: what was put before and behind it is no quiet moment.
    let whole = WINDOW / HOP..samples.len() / HOP + 1;
    suppress(&mut spectra, whole);
    let mut clean = vec![0.0; padded.len()];
    for (frame, spectrum) in spectra.iter_mut().enumerate() {
        let mut sound = inverse.make_output_vec();
        // A filter changes loudness alone, and leaves the first and the last band real.
        inverse.process(spectrum, &mut sound).expect("the sizes are the plan's");
        let to = clean[frame * HOP..].iter_mut();
        to.zip(window.iter().zip(sound)).for_each(|(to, (weight, sample))| *to += weight * sample);
    }
    clean[WINDOW..WINDOW + samples.len()].iter().map(|sample| (sample * SCALE) as i16).collect()
}

/// Takes out what is noise, band by band.
fn suppress(spectra: &mut [Vec<Complex<f32>>], whole: Range<usize>) {
    for band in 0..=WINDOW / 2 {
        let powers: Vec<f32> = spectra.iter().map(|spectrum| spectrum[band].norm_sqr()).collect();
        let noise = noise(powers.get(whole.clone()).filter(|whole| !whole.is_empty()).unwrap_or(&powers));
        let mut before = 0.0;
        for (spectrum, power) in spectra.iter_mut().zip(powers) {
            let ratio = FOLLOWS * before / noise + (1.0 - FOLLOWS) * (power / noise - 1.0).max(0.0);
            let gain = (ratio / (ratio + 1.0)).max(LEAST_GAIN);
            before = gain * gain * power;
            spectrum[band] *= gain;
        }
    }
}

/// The power of what is always there.
fn noise(powers: &[f32]) -> f32 {
    let mut smooth = powers.first().copied().unwrap_or_default();
    let mut smoothed: Vec<f32> = powers
        .iter()
        .map(|power| {
            smooth = 0.7 * smooth + 0.3 * power;
            smooth
        })
        .collect();
    let at = (smoothed.len() as f32 * QUIETEST) as usize;
    let (_, quiet, _) = smoothed.select_nth_unstable_by(at.min(powers.len() - 1), f32::total_cmp);
    (*quiet * BIAS).max(1.0)
}

/// 32 ms at 16 kHz, a new one every 8 ms.
const WINDOW: usize = 512;
const HOP: usize = WINDOW / 4;
/// The transform multiplies by the window's length, and squared windows at this distance sum up to 3/2.
const SCALE: f32 = 1.0 / (1.5 * WINDOW as f32);
/// Below what is there in this share of the time there is noise alone,
const QUIETEST: f32 = 0.15;
/// which is quieter than it is on the average.
const BIAS: f32 = 1.5;
/// How much the ratio follows the frame before.
const FOLLOWS: f32 = 0.92;
/// What is left of noise: with nothing of it a voice sounds made.
const LEAST_GAIN: f32 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::testing::noise as noise_of_a_room;

    fn level(samples: &[i16]) -> f32 {
        let power = samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len() as f32;
        10.0 * (power / 32_768_f32.powi(2)).max(1e-12).log10()
    }

    #[test]
    fn noise_is_taken_out_and_what_is_said_is_left_where_it_was() {
        let noise = noise_of_a_room(32_000, -40.0);
        let tone = |n: usize| if (16_000..24_000).contains(&n) { (n as f32 * 0.3).sin() * 3_000.0 } else { 0.0 };
        let noisy: Vec<i16> = noise.iter().enumerate().map(|(n, noise)| noise + tone(n) as i16).collect();
        let clean = without_noise(&noisy);
        assert_eq!(clean.len(), noisy.len());
        let (before, after) = (level(&noisy[1_000..15_000]), level(&clean[1_000..15_000]));
        // A quarter of a second is enough to know the noise by.
        let short = without_noise(&noise[..4_000]);
        assert!(level(&short) < before - 8.0, "noise of {before} dBFS is one of {}", level(&short));
        assert!(after < before - 12.0, "noise of {before} dBFS is one of {after}");
        let off: Vec<i16> = (17_000..23_000).map(|n| clean[n] - tone(n) as i16).collect();
        assert!(level(&off) < level(&clean[17_000..23_000]) - 20.0, "{} dBFS off", level(&off));
    }

    #[test]
    fn what_has_no_noise_is_left_as_it_is() {
        let silence = vec![0; 5_000];
        assert_eq!(without_noise(&silence), silence);
        assert!(without_noise(&[]).is_empty());
        let click: Vec<i16> = (0..4_000).map(|n| if n == 2_000 { 20_000 } else { 0 }).collect();
        let clean = without_noise(&click);
        assert!((clean[2_000] - 20_000).abs() < 300, "{}", clean[2_000]);
    }
}
