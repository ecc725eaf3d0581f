//! From the package, by path.
#![allow(dead_code)]

#[path = "../../src/agent/voice/mod.rs"]
mod voice;

pub(crate) use voice::{Voice, VoicePort};

pub(crate) fn voice_link(rate: crate::audio::Hz) -> (Voice, VoicePort) {
    voice::voice_link(Some(rate))
}
