//! What people and apps say of peers and tracks: free JSON, and private.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Free JSON that an app attached to a peer or a track. It may hold names, so `Debug` prints a mark in its place and
/// it cannot slip into a log; [`json`](Self::json) is the way to look inside.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Value);

impl Metadata {
    /// Metadata that is this JSON.
    pub fn new(json: Value) -> Metadata {
        Metadata(json)
    }

    /// Reads the text that a wire message carries. Text that is not JSON is kept as a JSON string, as a Fishjam does.
    pub fn from_text(text: &str) -> Metadata {
        match text.is_empty() {
            true => Metadata::default(),
            false => Metadata(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))),
        }
    }

    /// Whether it contains all of `wanted`, at any depth.
    ///
    /// ```
    /// # use roomtone::event::Metadata;
    /// let metadata = Metadata::from_text(r#"{"server": {"role": "customer", "n": 1}}"#);
    /// let rule = serde_json::json!({ "server": { "role": "customer" } });
    /// assert!(metadata.contains(rule.as_object().unwrap()));
    /// ```
    pub fn contains(&self, wanted: &Map<String, Value>) -> bool {
        wanted.is_empty() || self.0.as_object().is_some_and(|object| holds(object, wanted))
    }

    /// The JSON; `Null` where nothing was said.
    pub fn json(&self) -> &Value {
        &self.0
    }
}

fn holds(object: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, wanted)| match (object.get(key), wanted) {
        (Some(Value::Object(object)), Value::Object(wanted)) => holds(object, wanted),
        (value, wanted) => value == Some(wanted),
    })
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_null() { "none" } else { "[private]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compared_at_any_depth() {
        let metadata = Metadata::new(serde_json::json!({ "server": { "role": "customer", "n": 1 }, "peer": null }));
        let contains = |wanted: Value| metadata.contains(wanted.as_object().unwrap());
        assert!(contains(serde_json::json!({})));
        assert!(contains(serde_json::json!({ "server": { "role": "customer" } })));
        assert!(!contains(serde_json::json!({ "server": { "role": "agent" } })));
        assert!(!contains(serde_json::json!({ "role": "customer" })));
        assert!(!Metadata::default().contains(serde_json::json!({ "a": null }).as_object().unwrap()));
    }

    #[test]
    fn debug_never_shows_what_is_inside() {
        let metadata = Metadata::from_text(r#"{"name":"Ada Lovelace"}"#);
        assert!(!format!("{metadata:?}").contains("Ada"));
        assert_eq!(metadata.json()["name"], "Ada Lovelace");
        assert_eq!(Metadata::from_text("plain").json(), "plain");
    }
}
