//! The microphone's two ends: the device's callback writes, the sound thread reads. Between them is a lock-free ring.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use cpal::{FromSample, Sample};
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Producer, Split},
};

use super::ring::{AT_ONCE, drain_into};
use crate::audio::Hz;

/// Makes both ends, at the device's rate.
pub(super) fn capture(rate: Hz) -> (Capture, CaptureCallback) {
    let (writer, reader) = HeapRb::new(rate.samples_in(super::LONGEST_QUEUE)).split();
    let shared = Arc::new(Shared::default());
    (Capture { ring: reader, shared: shared.clone() }, CaptureCallback { ring: writer, shared })
}

#[derive(Debug, Default)]
struct Shared {
    overrun_samples: AtomicU64,
    callbacks: AtomicU64,
}

/// The sound thread's end.
pub(super) struct Capture {
    ring: HeapCons<f32>,
    shared: Arc<Shared>,
}

impl Capture {
    /// Appends what has come since the last call.
    pub(super) fn take(&mut self, out: &mut Vec<f32>) {
        drain_into(&mut self.ring, out);
    }

    /// Samples that found no room because nobody fetched what was there.
    pub(super) fn overrun_samples(&self) -> u64 {
        self.shared.overrun_samples.load(Relaxed)
    }

    /// How often the device has brought sound.
    pub(super) fn callbacks(&self) -> u64 {
        self.shared.callbacks.load(Relaxed)
    }
}

/// The device's end.
pub(super) struct CaptureCallback {
    ring: HeapProd<f32>,
    shared: Arc<Shared>,
}

impl CaptureCallback {
    /// Takes a buffer of the device: the mean of its channels.
    pub(super) fn take<T: Sample>(&mut self, samples: &[T], channels: usize)
    where
        f32: FromSample<T>,
    {
        self.shared.callbacks.fetch_add(1, Relaxed);
        let mut mono = [0.0_f32; AT_ONCE];
        for part in samples.chunks(AT_ONCE * channels) {
            let mono = &mut mono[..part.len() / channels];
            for (sample, frame) in mono.iter_mut().zip(part.chunks(channels)) {
                *sample = frame.iter().map(|sample| f32::from_sample(*sample)).sum::<f32>() / channels as f32;
            }
            let taken = self.ring.push_slice(mono);
            self.shared.overrun_samples.fetch_add((mono.len() - taken) as u64, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_mixed_and_what_nobody_fetches_is_counted() {
        let (mut capture, mut callback) = capture(Hz::K48);
        callback.take(&[16_384_i16, 0, -16_384, -16_384], 2);
        callback.take(&[0_u8, 128, 255], 1);
        let mut got = Vec::new();
        capture.take(&mut got);
        assert_eq!(got[..4], [0.25, -0.5, -1.0, 0.0]);
        callback.take(&vec![0.5_f32; 50_000], 1);
        capture.take(&mut got);
        assert_eq!((got.len(), capture.overrun_samples(), capture.callbacks()), (5 + 48_000, 2_000, 3));
    }
}
