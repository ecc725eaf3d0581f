//! Request bodies, read as a Fishjam reads them: mildly about what is missing, strictly about what is wrong.

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Refused;
use crate::fishjam::rest::model::{RoomConfig, RoomType, VideoCodec};

/// A JSON object; nothing at all counts as an empty one, whatever the content type says.
pub(super) fn object(body: &Bytes) -> Result<Map<String, Value>, Refused> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Refused::bad("Invalid request body structure")),
    }
}

/// A field of any JSON type that serde knows; absent and null are the default.
pub(super) fn field<T: DeserializeOwned + Default>(object: &Map<String, Value>, name: &str) -> Result<T, Refused> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => serde_json::from_value(value.clone()).map_err(|_| wrong(name, "valid", value)),
    }
}

/// Refuses keys that the schema does not know.
pub(super) fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), Refused> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Refused::bad(format!("Unexpected field: {key}"))),
        None => Ok(()),
    }
}

pub(super) fn room_config(body: &Bytes) -> Result<RoomConfig, Refused> {
    let object = object(body)?;
    only(&object, &["maxPeers", "roomType", "videoCodec", "public", "batchWebhookNotifications", "webhookUrl"])?;
    let webhook_url = webhook_url(&object)?;
    Ok(RoomConfig {
        max_peers: max_peers(&object)?,
        room_type: match field::<RoomType>(&object, "roomType")? {
            RoomType::Unknown => return Err(wrong("roomType", "the type of a room", &object["roomType"])),
            kind => kind,
        },
        video_codec: match field::<VideoCodec>(&object, "videoCodec") {
            Ok(codec) if codec != VideoCodec::Unknown => codec,
            _ => return Err(wrong("videoCodec", "'h264' or 'vp8'", &object["videoCodec"])),
        },
        public: field(&object, "public")?,
        batch_webhook_notifications: field(&object, "batchWebhookNotifications")?,
        webhook_url,
    })
}

pub(super) fn webhook_url(object: &Map<String, Value>) -> Result<Option<String>, Refused> {
    let url: Option<String> = field(object, "webhookUrl")?;
    match url.as_deref().filter(|url| !is_webhook_url(url)) {
        Some(url) => Err(wrong("webhookUrl", "valid URL", &Value::from(url))),
        None => Ok(url),
    }
}

/// Numbers in strings are taken, as the real server takes them.
fn max_peers(object: &Map<String, Value>) -> Result<Option<u32>, Refused> {
    let value = object.get("maxPeers").unwrap_or(&Value::Null);
    let number = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    number.map(Some).ok_or_else(|| wrong("maxPeers", "a number", value))
}

/// `^https?://[^/]+/.*$`: there must be a slash after the host.
pub(super) fn is_webhook_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.find('/').is_some_and(|slash| slash > 0))
}

pub(super) fn wrong(name: &str, expected: &str, got: &Value) -> Refused {
    let got = got.as_str().map_or_else(|| got.to_string(), ToOwned::to_owned);
    Refused::bad(format!("Expected {name} to be {expected}, got: {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &'static str) -> Result<RoomConfig, Refused> {
        room_config(&Bytes::from_static(json.as_bytes()))
    }

    #[test]
    fn rooms_are_configured_as_the_real_server_does_it() {
        assert_eq!(config("").unwrap(), RoomConfig::default());
        assert_eq!(config(r#"{"maxPeers":"7"}"#).unwrap().max_peers, Some(7));
        assert_eq!(config(r#"{"maxPeers":null,"videoCodec":null,"webhookUrl":null}"#).unwrap(), RoomConfig::default());
        for (json, text) in [
            (r#"{"maxPeers":"nan"}"#, "Expected maxPeers to be a number, got: nan"),
            (r#"{"maxPeers":-1}"#, "Expected maxPeers to be a number, got: -1"),
            (r#"{"videoCodec":"h265"}"#, "Expected videoCodec to be 'h264' or 'vp8', got: h265"),
            (r#"{"webhookUrl":"http://host"}"#, "Expected webhookUrl to be valid URL, got: http://host"),
            (r#"{"nonsense":1}"#, "Unexpected field: nonsense"),
            ("[]", "Invalid request body structure"),
        ] {
            assert_eq!(config(json).unwrap_err().1, text);
        }
    }
}
