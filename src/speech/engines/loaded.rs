//! Engines of one kind that this process has loaded: each is found by how a deploy names it, as long as somebody has it.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use tokio::sync::Mutex;

use super::{EngineConfig, Folder};
use crate::conversation::EngineError;

/// An engine whose clones share it.
pub(in crate::speech) trait Shared: Sized {
    /// What does not keep it.
    type Weak: Send;

    fn downgrade(&self) -> Self::Weak;

    fn upgrade(weak: &Self::Weak) -> Option<Self>;
}

/// See the module's head.
pub(super) struct Loaded<E: Shared>(LazyLock<Mutex<HashMap<Key, E::Weak>>>);

type Key = (EngineConfig, Folder);

impl<E: Shared> Loaded<E> {
    pub(super) const fn new() -> Loaded<E> {
        Loaded(LazyLock::new(Mutex::default))
    }

    /// The engine that a deploy names, which `load` loads if nobody has it. Others wait meanwhile, so that none is loaded twice.
    pub(super) async fn find_or_load(
        &self,
        config: &EngineConfig,
        folder: &Folder,
        load: impl Future<Output = Result<E, EngineError>>,
    ) -> Result<E, EngineError> {
        // What does not make it another engine: how long its answers may take, and how many sessions a deploy lets it serve.
        let key = (EngineConfig { within: Duration::ZERO, sessions: None, ..config.clone() }, folder.clone());
        let mut loaded = self.0.lock().await;
        loaded.retain(|_, engine| E::upgrade(engine).is_some());
        if let Some(engine) = loaded.get(&key).and_then(E::upgrade) {
            return Ok(engine);
        }
        let engine = load.await?;
        loaded.insert(key, engine.downgrade());
        Ok(engine)
    }
}
