//! ONNX Runtime, opened at run time: a library file that an engine brings along, so that this program neither links nor
//! downloads one.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::{
    environment::Environment,
    session::{Session, builder::GraphOptimizationLevel},
};

use crate::conversation::EngineError;

/// The library that is open; a process has one.
static OPENED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Opens the library, unless one is open already, whichever that is.
pub(super) fn open(library: &Path) -> Result<Environment, EngineError> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, environment)) = &*opened {
        return Ok(environment.clone());
    }
    let wrong = |error: &dyn std::fmt::Display| {
        EngineError::Unavailable(format!("{}: ONNX Runtime cannot be opened: {error}", library.display()))
    };
    let builder = ort::init_from(library).map_err(|error| wrong(&error))?;
    let environment = builder.with_telemetry(false).build().map_err(|error| wrong(&error))?;
    *opened = Some((library.to_owned(), environment.clone()));
    Ok(environment)
}

/// Loads a model that runs on the thread that asks it, and on no other.
pub(super) fn load(environment: &Environment, model: &Path) -> Result<Session, EngineError> {
    let wrong = |error: String| {
        let why = error.lines().next().unwrap_or_default().to_owned();
        EngineError::Unavailable(format!("{}: the model cannot be loaded: {why}", model.display()))
    };
    let text = |error: ort::Error<_>| error.to_string();
    let session = Session::builder(environment).map_err(|error| wrong(error.to_string()))?;
    let session = session.with_intra_threads(1).map_err(text).map_err(wrong)?;
    let session = session.with_inter_threads(1).map_err(text).map_err(wrong)?;
    let session = session.with_optimization_level(GraphOptimizationLevel::Level3).map_err(text).map_err(wrong)?;
    // What an utterance of fifteen seconds needs is not kept for the next one of two.
    let mut session = session.with_memory_pattern(false).map_err(text).map_err(wrong)?;
    session.commit_from_file(model).map_err(|error| wrong(error.to_string()))
}

/// Why a model did not answer, in a line.
pub(super) fn failed(error: ort::Error) -> EngineError {
    EngineError::Failed(error.to_string().lines().next().unwrap_or_default().to_owned())
}
