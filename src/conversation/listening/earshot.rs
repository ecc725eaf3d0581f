//! The detector that is taken unless another is named: a small network, without a file.

use super::VoiceActivity;

/// [`earshot`](https://docs.rs/earshot): 16 ms blocks, some 9 us each.
pub struct Earshot(Box<earshot::Detector>);

impl Default for Earshot {
    fn default() -> Earshot {
        Earshot(earshot::Detector::default_boxed())
    }
}

impl VoiceActivity for Earshot {
    fn block_samples(&self) -> usize {
        256
    }

    fn probability(&mut self, block: &[i16]) -> f32 {
        self.0.predict_i16(block)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
