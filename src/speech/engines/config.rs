//! How a deploy names an engine.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::units;

/// An engine, by its name alone or as a table: `"moonshine"`, or `{ name = "openai", url = "http://127.0.0.1:8000" }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default = "unnamed")]
pub struct EngineConfig {
    /// One of the table, or `command`.
    pub name: String,
    /// Threads, each with a model or a process of its own.
    pub threads: usize,
    /// How long the end of an utterance may take.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub within: Duration,
    /// How many sessions it serves; measured unless given.
    pub sessions: Option<usize>,
    /// `openai`: where the server is.
    pub url: Option<String>,
    /// `openai`: which model.
    pub model: Option<String>,
    /// Of engines that speak: which of their voices.
    pub voice: Option<String>,
    /// `openai`: the environment variable that holds the token.
    pub token_env: Option<String>,
    /// `command`: the program, by its path, and its arguments.
    pub program: Vec<String>,
    /// `command`: the languages that it understands; any unless given.
    pub languages: Vec<String>,
    /// `command`: how much memory it may have, in bytes.
    #[serde(deserialize_with = "units::bytes::deserialize_some")]
    pub memory: Option<u64>,
}

impl EngineConfig {
    /// An engine of the table as it is.
    pub fn named(name: &str) -> EngineConfig {
        EngineConfig {
            name: name.to_owned(),
            threads: 1,
            within: Duration::from_secs(2),
            sessions: None,
            url: None,
            model: None,
            voice: None,
            token_env: None,
            program: Vec::new(),
            languages: Vec::new(),
            memory: None,
        }
    }
}

fn unnamed() -> EngineConfig {
    EngineConfig::named("")
}

impl<'de> Deserialize<'de> for EngineConfig {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<EngineConfig, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = EngineConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an engine's name, or a table with its name")
            }

            fn visit_str<E>(self, name: &str) -> Result<EngineConfig, E> {
                Ok(EngineConfig::named(name))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EngineConfig, A::Error> {
                // The inherent function that the derive made, for the table.
                EngineConfig::deserialize(MapAccessDeserializer::new(map))
            }
        }

        reader.deserialize_any(Reader)
    }
}
