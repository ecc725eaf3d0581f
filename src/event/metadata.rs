//! What people and apps say of peers and tracks: free JSON, and private.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};
use serde_json::{Map, Value, value::RawValue};

/// Free JSON that an app attached to a peer or a track, kept as its text and parsed when somebody asks for it: what
/// cannot be parsed then (nested too deeply, a number beyond all bounds, text beyond [`MOST_BYTES`](Self::MOST_BYTES))
/// costs nobody but itself.
///
/// It may hold names, so `Debug` prints a mark in its place and it cannot slip into a log; [`json`](Self::json) is the
/// way to look inside. Clones share the text.
#[derive(Clone, Default)]
pub struct Metadata(Option<Arc<Said>>);

struct Said {
    text: Box<str>,
    json: OnceLock<Value>,
}

#[cfg(test)]
impl schemars::JsonSchema for Metadata {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metadata".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "Free JSON; null where nothing was said." })
    }
}

impl Metadata {
    /// Text beyond this is not kept, and reads as if nothing was said.
    pub const MOST_BYTES: usize = 64 << 10;

    /// Metadata that is this JSON.
    pub fn new(json: Value) -> Metadata {
        match json {
            Value::Null => Metadata::default(),
            json => Metadata(Some(Arc::new(Said { text: json.to_string().into(), json: json.into() }))),
        }
    }

    /// Keeps the text that a wire message carries. Text that is not JSON is a JSON string, as a Fishjam has it.
    pub fn from_text(text: &str) -> Metadata {
        let is_said = !text.is_empty() && text != "null" && text.len() <= Self::MOST_BYTES;
        Metadata(is_said.then(|| Arc::new(Said { text: text.into(), json: OnceLock::new() })))
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
        wanted.is_empty() || self.json().as_object().is_some_and(|object| holds(object, wanted))
    }

    /// The JSON; `Null` where nothing was said, or what was said is JSON that cannot be read. Parsed once.
    pub fn json(&self) -> &Value {
        self.0.as_deref().map_or(&Value::Null, |said| said.json.get_or_init(|| parse(&said.text)))
    }

    /// The text as it came; empty where nothing was said.
    pub fn text(&self) -> &str {
        self.0.as_deref().map_or("", |said| &said.text)
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| match serde_json::from_str::<IgnoredAny>(text) {
        // JSON, but no value that can be held.
        Ok(_) => Value::Null,
        Err(_) => Value::String(text.to_owned()),
    })
}

fn holds(object: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, wanted)| match (object.get(key), wanted) {
        (Some(Value::Object(object)), Value::Object(wanted)) => holds(object, wanted),
        (value, wanted) => value == Some(wanted),
    })
}

/// The same text, or the same JSON: REST and notifications write it differently.
impl PartialEq for Metadata {
    fn eq(&self, other: &Metadata) -> bool {
        self.text() == other.text() || !self.json().is_null() && self.json() == other.json()
    }
}

impl Eq for Metadata {}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Metadata, D::Error> {
        let text = Box::<RawValue>::deserialize(reader)?;
        Ok(Metadata::from_text(text.get()))
    }
}

/// Reads metadata within an event, whose form is found out before its fields are read, so that their text is gone by then.
pub(super) fn of_value<'de, D: Deserializer<'de>>(reader: D) -> Result<Metadata, D::Error> {
    Value::deserialize(reader).map(Metadata::new)
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_none() { "none" } else { "[private]" })
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

    #[test]
    fn what_cannot_be_held_is_kept_as_text_and_reads_as_nothing() {
        let deep = format!("{}1{}", "[".repeat(100_000 / 4), "]".repeat(100_000 / 4));
        for text in [&deep, "1e400", &"9".repeat(400), r#"{"x":"\ud83d"}"#] {
            let metadata: Metadata = serde_json::from_str(text).unwrap();
            assert_eq!((metadata.json(), metadata.text()), (&Value::Null, text));
            assert_eq!(metadata, Metadata::from_text(text));
            assert_eq!(serde_json::to_string(&metadata).unwrap(), "null");
        }
        assert_eq!(Metadata::from_text(&"x".repeat(Metadata::MOST_BYTES + 1)).text(), "");
    }

    #[test]
    fn the_same_json_in_another_writing_is_the_same() {
        assert_eq!(Metadata::from_text(r#"{"a":1,"b":2}"#), Metadata::from_text(r#"{ "b": 2, "a": 1 }"#));
        assert_ne!(Metadata::from_text("1e400"), Metadata::from_text("1e401"));
        assert_eq!(Metadata::from_text("null"), Metadata::default());
    }
}
