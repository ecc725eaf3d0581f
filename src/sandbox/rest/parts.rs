//! The bodies of composition calls, as strict as their schema: what is unknown or of another type is refused.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::compositions::Problem;

/// Reads a body.
pub(super) fn checked<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad(error.to_string()))
}

/// The same where there need not be one.
pub(super) fn checked_or_default<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() { Ok(T::default()) } else { checked(body) }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code)] // The schema is what matters.
pub(super) struct Creation {
    autostart: Option<bool>,
    cleanup_without_inputs: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct Event {
    event_name: String,
    #[serde(default)]
    data: Value,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code)]
pub(super) struct Unregistration {
    schedule_time_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) enum Input {
    WhipServer {
        bearer_token: Option<String>,
        video: Option<bool>,
    },
    WhepClient {
        endpoint_url: String,
        bearer_token: Option<String>,
        video: Option<bool>,
    },
    Mp4 {
        url: String,
        #[serde(rename = "loop")]
        looped: Option<bool>,
    },
    RtmpServer {
        stream_key: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) enum Output {
    WhipClient { endpoint_url: String, bearer_token: Option<String>, video: Option<Video>, audio: Option<Audio> },
    RtmpClient { url: String, video: Option<Video>, audio: Option<Audio> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct Video {
    resolution: Resolution,
    initial: VideoScene,
    send_eos_when: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct Audio {
    initial: AudioScene,
    mixing_strategy: Option<Mixing>,
    send_eos_when: Option<Map<String, Value>>,
    channels: Option<Channels>,
    encoder_preferences: Option<Vec<Map<String, Value>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mixing {
    SumClip,
    SumScale,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Channels {
    Mono,
    Stereo,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Resolution {
    width: u32,
    height: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct VideoScene {
    root: Component,
}

/// What a picture is made of; the rest of it is the renderer's.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code)]
enum Component {
    InputStream { input_id: String },
    Image { image_id: String },
    Text { text: String, font_size: f64 },
    Rescaler { child: Box<Component> },
    Tiles { children: Option<Vec<Component>> },
    View { children: Option<Vec<Component>> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct AudioScene {
    inputs: Vec<AudioInput>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct AudioInput {
    input_id: String,
    volume: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct Update {
    video: Option<VideoScene>,
    audio: Option<AudioScene>,
    schedule_time_ms: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Image {
    asset_type: String,
    url: String,
}

impl Image {
    pub(super) fn check(&self) -> Result<Value, Problem> {
        let is_known = ["png", "jpeg", "gif", "svg", "auto"].contains(&self.asset_type.as_str());
        match is_known && !self.url.is_empty() {
            true => Ok(json!({})),
            false => Err(Problem::bad("Expected an asset_type of png, jpeg, gif, svg or auto, and a url")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schema_does_not_know_is_refused() {
        for good in [
            json!({ "type": "whip_server" }),
            json!({ "type": "whip_server", "bearer_token": "t", "video": false }),
            json!({ "type": "whep_client", "endpoint_url": "http://h/whep" }),
            json!({ "type": "mp4", "url": "http://h/a.mp4", "loop": true }),
            json!({ "type": "rtmp_server", "stream_key": "k" }),
        ] {
            assert!(checked::<Input>(good.to_string().as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({ "type": "hls", "url": "http://h" }),
            json!({ "type": "whip_server", "foo": 1 }),
            json!({ "type": "rtmp_server", "stream_key": "k", "app": "live" }),
            json!({ "type": "mp4" }),
            json!({ "type": "rtmp_server" }),
        ] {
            assert!(checked::<Input>(bad.to_string().as_bytes()).is_err(), "{bad}");
        }
        let audio = json!({ "initial": { "inputs": [{ "input_id": "a", "volume": 0.5 }] }, "channels": "mono" });
        let output = |what: Value| checked::<Output>(what.to_string().as_bytes()).is_ok();
        assert!(output(json!({ "type": "rtmp_client", "url": "rtmp://h/k", "audio": audio })));
        assert!(!output(json!({ "type": "whip_client", "audio": audio })), "without a URL");
        assert!(!output(json!({ "type": "rtmp_client", "url": "rtmp://h/k", "audio": { "initial": {} } })));
    }
}
