//! Livestreams, recordings and compositions: kept and answered for, without media.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

/// All of them.
#[derive(Default)]
pub(super) struct Streams {
    pub(super) livestreams: BTreeMap<String, Livestream>,
    pub(super) recordings: BTreeMap<String, Recording>,
    pub(super) compositions: BTreeMap<String, Composition>,
}

/// A composition.
#[derive(Default)]
pub(super) struct Composition {
    /// The inputs, outputs and images that are registered, by kind and name.
    pub(super) parts: BTreeSet<(String, String)>,
}

/// A livestream and who has a token for it.
#[derive(Default)]
pub(super) struct Livestream {
    pub(super) public: bool,
    pub(super) audio_only: bool,
    pub(super) streamers: BTreeMap<String, String>,
    pub(super) viewers: BTreeMap<String, String>,
}

/// A recording.
#[derive(Clone)]
pub(super) struct Recording {
    pub(super) source: Value,
    pub(super) metadata: Value,
    pub(super) state: RecordingState,
    pub(super) is_stopping: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordingState {
    Active,
    Finished,
    Available,
}

impl Livestream {
    pub(super) fn to_json(&self, id: &str) -> Value {
        let streamers: Vec<Value> = self.streamers.iter().map(|(id, token)| streamer_json(id, token)).collect();
        let viewers: Vec<Value> = self.viewers.iter().map(|(id, token)| json!({ "id": id, "token": token })).collect();
        json!({
            "id": id, "public": self.public, "audioOnly": self.audio_only, "streamers": streamers, "viewers": viewers,
        })
    }
}

pub(super) fn streamer_json(id: &str, token: &str) -> Value {
    json!({ "id": id, "status": "disconnected", "token": token })
}

impl Recording {
    pub(super) fn to_json(&self, id: &str, origin: &str) -> Value {
        let (status, files) = match self.state {
            RecordingState::Active => ("active", json!([])),
            RecordingState::Finished => ("finished", json!([])),
            RecordingState::Available => {
                ("available", json!([{ "url": format!("{origin}/sandbox/recordings/{id}.mp4") }]))
            }
        };
        json!({ "id": id, "source": self.source, "status": status, "metadata": self.metadata, "files": files })
    }
}

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}
