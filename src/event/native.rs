//! What a platform said, untouched.

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use serde_json::Value;

/// The platform's own name for an event and its payload as it came. Clones share it.
///
/// What people say may be in the payload, so `Debug` prints its size alone.
#[derive(Clone)]
pub struct Native(Arc<Inner>);

struct Inner {
    platform: &'static str,
    name: Cow<'static, str>,
    payload: Bytes,
    to_json: fn(&str, &[u8]) -> Option<Value>,
}

/// The typed form of one of a platform's events.
pub trait NativeView: Sized {
    /// Whose it is.
    const PLATFORM: &'static str;
    /// The platform's own names for the events that have this form.
    const NAMES: &'static [&'static str];

    /// Whether an event of this name has this form.
    fn is_named(name: &str) -> bool {
        Self::NAMES.contains(&name)
    }

    /// Reads a payload.
    fn read(payload: &[u8]) -> Option<Self>;
}

impl Native {
    /// An event called `name`, whose payload is JSON text.
    pub fn json_text(platform: &'static str, name: impl Into<Cow<'static, str>>, payload: Bytes) -> Native {
        Native::new(platform, name, payload, |_, text| serde_json::from_slice(text).ok())
    }

    /// An event called `name`; `to_json` shows its payload, by the event's name, as JSON.
    pub fn new(
        platform: &'static str,
        name: impl Into<Cow<'static, str>>,
        payload: Bytes,
        to_json: fn(&str, &[u8]) -> Option<Value>,
    ) -> Native {
        Native(Arc::new(Inner { platform, name: name.into(), payload, to_json }))
    }

    /// The platform.
    pub fn platform(&self) -> &'static str {
        self.0.platform
    }

    /// The platform's name for the event.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The payload as it came.
    pub fn payload(&self) -> &Bytes {
        &self.0.payload
    }

    /// The payload as JSON; protobuf in its canonical form. `None` where it cannot be read.
    pub fn json(&self) -> Option<Value> {
        (self.0.to_json)(&self.0.name, &self.0.payload)
    }

    /// The payload as the platform's own type. `None` where it is another event's.
    ///
    /// ```
    /// use roomtone::protocol::fishjam::{decode, wire::server_message::RoomCreated};
    /// let event = decode(&[0x52, 0x04, 0x0a, 0x02, b'r', b'1'][..]).unwrap().events.remove(0);
    /// let native = event.native.unwrap();
    /// assert_eq!(native.name(), "roomCreated");
    /// assert_eq!(native.view::<RoomCreated>().unwrap().room_id, "r1");
    /// assert_eq!(native.json().unwrap(), serde_json::json!({ "roomId": "r1" }));
    /// ```
    pub fn view<T: NativeView>(&self) -> Option<T> {
        let is_meant = self.platform() == T::PLATFORM && T::is_named(self.name());
        is_meant.then(|| T::read(&self.0.payload)).flatten()
    }
}

impl PartialEq for Native {
    fn eq(&self, other: &Native) -> bool {
        self.platform() == other.platform() && self.name() == other.name() && self.payload() == other.payload()
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} of {} bytes", self.platform(), self.name(), self.payload().len())
    }
}
