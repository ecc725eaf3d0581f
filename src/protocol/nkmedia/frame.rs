//! NkMEDIA's frames: JSON objects, told apart by which keys they have.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::events::{PLATFORM, spec};
use crate::{
    event::Event,
    protocol::spec::{FrameError, event_of},
};

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Something happened; it is answered by this number.
    Event { tid: Value, event: Box<Event> },
    /// The server asks whether we are there.
    Ping { tid: Value },
    /// Somebody calls us, or the server asks for something else.
    Request { tid: Value, name: String },
    /// It answers a request of ours.
    Reply { tid: u64, result: Result<Value, String> },
    /// It will answer later.
    Ack,
}

/// What is not of the type that it should be reads as if it were not there: a request is answered whatever is in it.
#[derive(Deserialize)]
struct RawFrame<'a> {
    #[serde(default)]
    class: Value,
    #[serde(default)]
    subclass: Value,
    #[serde(default)]
    cmd: Value,
    #[serde(default)]
    tid: Value,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    result: Value,
    ack: Option<Value>,
}

pub(super) fn read(text: &str) -> Result<Incoming, FrameError> {
    let error = |reason: String| FrameError::new(PLATFORM, text.len(), reason);
    let frame: RawFrame<'_> = serde_json::from_str(text).map_err(|cause| error(cause.to_string()))?;
    let data = frame.data.map_or("{}", RawValue::get);
    let tid = frame.tid;
    match (frame.cmd.as_str(), frame.result.as_str(), frame.ack) {
        (Some("event"), ..) => {
            let said: Value = serde_json::from_str(data).unwrap_or_default();
            let name = ["class", "subclass", "type"].map(|key| said[key].as_str().unwrap_or_default()).join("/");
            let role = said["body"]["role"].as_str().unwrap_or_default();
            let event = Box::new(event_of(PLATFORM, spec(&name, role), name.clone(), data));
            Ok(Incoming::Event { tid, event })
        }
        (Some("ping"), ..) => Ok(Incoming::Ping { tid }),
        (Some(cmd), ..) => {
            let parts = [frame.class.as_str(), frame.subclass.as_str(), Some(cmd)];
            Ok(Incoming::Request { tid, name: parts.into_iter().flatten().collect::<Vec<_>>().join("/") })
        }
        (None, Some(result), _) => {
            let data: Value = serde_json::from_str(data).unwrap_or_default();
            let tid = tid.as_u64().or_else(|| tid.as_str()?.parse().ok()).unwrap_or_default();
            let result = if result == "ok" { Ok(data) } else { Err(refusal(&data)) };
            Ok(Incoming::Reply { tid, result })
        }
        (None, None, Some(_)) => Ok(Incoming::Ack),
        (None, None, None) => Err(error("it is neither a request nor a reply nor an ack".into())),
    }
}

fn refusal(data: &Value) -> String {
    let error = data["error"].as_str().unwrap_or("it gives no reason");
    match data["code"].as_i64() {
        Some(code) => format!("{code} {error}"),
        None => error.to_owned(),
    }
}
