//! Smart Turn v3.2: whether somebody has finished, heard in how they said it. Model: Daily, BSD-2-Clause. It looks at the last eight
//! seconds of one person's turn, up to the end of their speech, for some 50 ms of one core.

mod spectrogram;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ort::{session::Session, value::TensorRef};

use super::{gate::Gate, onnx};
use crate::conversation::{EngineError, TurnListener};
use spectrogram::Spectrogram;

/// The model, loaded once. Clones share it; it judges one turn at a time, and whoever would wait for too long goes without.
#[derive(Clone)]
pub struct SmartTurn(Arc<Shared>);

struct Shared {
    model: Mutex<(Session, Spectrogram)>,
    gate: Gate,
}

impl SmartTurn {
    /// Loads the model with a library of ONNX Runtime.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`].
    pub fn new(library: &Path, model: &Path) -> Result<SmartTurn, EngineError> {
        let session = onnx::load(&onnx::open(library)?, model)?;
        let model = Mutex::new((session, Spectrogram::default()));
        Ok(SmartTurn(Arc::new(Shared { model, gate: Gate::new(1) })))
    }

    /// How probable it is that somebody has finished who said this, at [`Spoken::RATE`](crate::conversation::Spoken::RATE).
    ///
    /// # Errors
    /// [`EngineError::Full`] and [`EngineError::Late`] where others wait, [`EngineError::Failed`].
    pub async fn judge(&self, samples: Arc<[i16]>) -> Result<f32, EngineError> {
        let _place = self.0.gate.enter(WITHIN).await?;
        let shared = self.0.clone();
        let work = move || {
            let mut model = shared.model.lock().unwrap_or_else(PoisonError::into_inner);
            let (session, spectrogram) = &mut *model;
            run(session, &spectrogram.of(&samples)).map_err(onnx::failed)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Failed("it panicked".into()))?
    }
}

#[async_trait::async_trait]
impl TurnListener for SmartTurn {
    async fn finished(&self, samples: Arc<[i16]>) -> Option<f32> {
        self.judge(samples).await.ok()
    }
}

fn run(session: &mut Session, features: &[f32]) -> ort::Result<f32> {
    let input = TensorRef::from_array_view(([1, spectrogram::BANDS, spectrogram::FRAMES], features))?;
    let outputs = session.run(ort::inputs!["input_features" => input])?;
    // It is a probability already, whatever it is called.
    Ok(outputs["logits"].try_extract_tensor::<f32>()?.1[0])
}

/// How long others are waited for: later the turn is decided without it.
const WITHIN: Duration = Duration::from_millis(250);
