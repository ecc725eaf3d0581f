//! Signed 16-bit little-endian bytes, as the wire carries them.

use bytes::BytesMut;

/// Turns bytes into samples. An odd byte at the end of one message is the first half of a sample whose other half
/// starts the next message, so a decoder belongs to one track.
///
/// ```
/// let mut decoder = roomtone::audio::pcm16::Decoder::default();
/// let mut samples = Vec::new();
/// decoder.decode_into(&[0x01, 0x00, 0xff], &mut samples);
/// decoder.decode_into(&[0x7f], &mut samples);
/// assert_eq!(samples, [1, 0x7fff]);
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    /// The low byte of a sample whose high byte has not come yet.
    carry: Option<u8>,
}

impl Decoder {
    /// Appends the samples of `bytes` to `out`.
    pub fn decode_into(&mut self, mut bytes: &[u8], out: &mut Vec<i16>) {
        if let (Some(low), Some((high, rest))) = (self.carry, bytes.split_first()) {
            out.push(i16::from_le_bytes([low, *high]));
            self.carry = None;
            bytes = rest;
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        if let [odd] = rest {
            self.carry = Some(*odd);
        }
        out.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
    }
}

/// Appends `samples` to `out`, two bytes each.
pub fn encode_into(samples: &[i16], out: &mut BytesMut) {
    let start = out.len();
    out.resize(start + samples.len() * 2, 0);
    let (pairs, _) = out[start..].as_chunks_mut::<2>();
    for (bytes, sample) in pairs.iter_mut().zip(samples) {
        *bytes = sample.to_le_bytes();
    }
}

/// A sample from a float in -1.0 to 1.0, rounded; what is beyond full scale is held there.
pub fn from_float(value: f32) -> i16 {
    let scaled = value * FULL_SCALE;
    // Half a step away from zero and then cut: what `round` does, in a form that compilers do many at a time.
    (scaled + 0.5_f32.copysign(scaled)).clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}

/// A float in -1.0 to 1.0 from a sample. `from_float` brings back the same sample.
pub fn to_float(sample: i16) -> f32 {
    f32::from(sample) / FULL_SCALE
}

/// What 1.0 stands for.
pub(super) const FULL_SCALE: f32 = 32_768.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn floats_are_rounded_and_held_at_full_scale() {
        let step = 1.0 / 32_768.0;
        for (value, sample) in [
            (0.49 * step, 0),
            (0.51 * step, 1),
            (-0.51 * step, -1),
            (1.5 * step, 2),
            (2.5 * step, 3),
            (-2.5 * step, -3),
            (1.0, 32_767),
            (32_767.4 * step, 32_767),
            (-1.0, -32_768),
            (-7.0, -32_768),
            (f32::INFINITY, 32_767),
            (f32::NEG_INFINITY, -32_768),
            (f32::NAN, 0),
        ] {
            assert_eq!(from_float(value), sample, "{value}");
        }
        assert!((i16::MIN..=i16::MAX).all(|sample| from_float(to_float(sample)) == sample));
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_samples(
            samples in proptest::collection::vec(any::<i16>(), 1..200),
            cuts in proptest::collection::vec(0usize..400, 0..8),
        ) {
            let mut bytes = BytesMut::new();
            encode_into(&samples, &mut bytes);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut decoder, mut out) = (Decoder::default(), Vec::new());
            for pair in cuts.windows(2) {
                decoder.decode_into(&bytes[pair[0]..pair[1]], &mut out);
            }
            prop_assert_eq!(out, samples);
        }

        #[test]
        fn float_and_back_is_exact(sample in any::<i16>()) {
            prop_assert_eq!(from_float(to_float(sample)), sample);
        }
    }
}
