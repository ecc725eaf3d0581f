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

#[derive(Deserialize)]
struct RawFrame<'a> {
    class: Option<String>,
    #[serde(default)]
    subclass: Option<String>,
    cmd: Option<String>,
    #[serde(default)]
    tid: Value,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    result: Option<String>,
    ack: Option<Value>,
}

#[derive(Deserialize)]
struct EventData {
    #[serde(default)]
    class: String,
    #[serde(default)]
    subclass: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    body: Value,
}

pub(super) fn read(text: &str) -> Result<Incoming, FrameError> {
    let error = |reason: String| FrameError::new(PLATFORM, text.len(), reason);
    let frame: RawFrame<'_> = serde_json::from_str(text).map_err(|cause| error(cause.to_string()))?;
    let data = frame.data.map_or("{}", RawValue::get);
    let tid = frame.tid;
    match (frame.cmd.as_deref(), frame.result.as_deref(), frame.ack) {
        (Some("event"), ..) => {
            let said: EventData = serde_json::from_str(data).map_err(|cause| error(cause.to_string()))?;
            let name = [said.class, said.subclass, said.kind].join("/");
            let role = said.body["role"].as_str().unwrap_or_default();
            let event = Box::new(event_of(PLATFORM, spec(&name, role), name.clone(), data));
            Ok(Incoming::Event { tid, event })
        }
        (Some("ping"), ..) => Ok(Incoming::Ping { tid }),
        (Some(cmd), ..) => {
            let parts = [frame.class.as_deref(), frame.subclass.as_deref(), Some(cmd)];
            Ok(Incoming::Request { tid, name: parts.into_iter().flatten().collect::<Vec<_>>().join("/") })
        }
        (None, Some(result), _) => {
            let data: Value = serde_json::from_str(data).map_err(|cause| error(cause.to_string()))?;
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
