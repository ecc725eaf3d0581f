//! Silero: voice activity by a recurrent network, 32 ms at a time, some 0.1 ms each. Model: Silero Team, MIT.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use ort::{
    session::Session,
    value::{Tensor, TensorRef},
};

use super::onnx;
use crate::conversation::{EngineError, Spoken, listening::VoiceActivity};

/// The model, loaded once.
#[derive(Clone)]
pub struct Silero(Arc<Mutex<Session>>);

impl Silero {
    /// Loads `silero_vad.onnx` with a library of ONNX Runtime.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub fn new(library: &Path, model: &Path) -> Result<Silero, EngineError> {
        let session = onnx::load(&onnx::open(library)?, model)?;
        Ok(Silero(Arc::new(Mutex::new(session))))
    }

    /// A detector for one speaker. All of them share the model.
    pub fn detector(&self) -> SileroDetector {
        SileroDetector { model: self.clone(), state: vec![0.0; STATE], window: vec![0.0; CONTEXT + BLOCK] }
    }
}

/// One speaker's.
pub struct SileroDetector {
    model: Silero,
    state: Vec<f32>,
    /// The end of the block before, then the block.
    window: Vec<f32>,
}

impl VoiceActivity for SileroDetector {
    fn block_samples(&self) -> usize {
        BLOCK
    }

    fn probability(&mut self, block: &[i16]) -> f32 {
        self.window.copy_within(BLOCK.., 0);
        let samples = block.iter().map(|sample| f32::from(*sample) / 32_768.0);
        self.window[CONTEXT..].iter_mut().zip(samples).for_each(|(to, sample)| *to = sample);
        // A model that does not answer hears nobody; that the model is right was seen when it was loaded.
        self.run().unwrap_or(0.0)
    }

    fn reset(&mut self) {
        self.state.fill(0.0);
        self.window.fill(0.0);
    }
}

impl SileroDetector {
    fn run(&mut self) -> ort::Result<f32> {
        let mut model = self.model.0.lock().unwrap_or_else(PoisonError::into_inner);
        let input = TensorRef::from_array_view(([1, CONTEXT + BLOCK], self.window.as_slice()))?;
        let state = TensorRef::from_array_view(([2, 1, STATE / 2], self.state.as_slice()))?;
        let rate = Tensor::from_array(([1], vec![i64::from(Spoken::RATE.0)]))?;
        let outputs = model.run(ort::inputs!["input" => input, "state" => state, "sr" => rate])?;
        self.state.copy_from_slice(outputs["stateN"].try_extract_tensor::<f32>()?.1);
        Ok(outputs["output"].try_extract_tensor::<f32>()?.1[0])
    }
}

/// Samples that the model looks at, and those before them that it wants to see again.
const BLOCK: usize = 512;
const CONTEXT: usize = 64;
const STATE: usize = 256;
