//! Compositions: several pictures and voices made one. They are a service of their own, with a language of its own for
//! what is shown where; what is said in that language passes through here as JSON.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, RestError, model::Composition};
use crate::text::part_of_path;

/// What can be registered with a composition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Something that comes in: `whip_server`, `whep_client`, `mp4`, `rtmp_server`.
    Input,
    /// Something that goes out: `whip_client`, `rtmp_client`.
    Output,
    /// A picture for scenes.
    Image,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Input => "input",
            Part::Output => "output",
            Part::Image => "image",
        }
    }
}

impl Client {
    /// Makes a composition, which begins at once.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn create_composition(&self) -> Result<Composition, RestError> {
        self.composition(Method::POST, "composition".into()).body(&json!({})).json().await
    }

    /// Ends a composition.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn delete_composition(&self, id: &str) -> Result<(), RestError> {
        self.composition(Method::DELETE, format!("composition/{id}")).done().await
    }

    /// Takes back all that was registered.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn reset_composition(&self, id: &str) -> Result<(), RestError> {
        self.composition(Method::POST, format!("composition/{id}/reset")).done().await
    }

    /// Tells the scene of a composition that something happened.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn send_composition_event(&self, id: &str, name: &str, data: &Value) -> Result<(), RestError> {
        let body = json!({ "event_name": name, "data": data });
        self.composition(Method::POST, format!("composition/{id}/event")).body(&body).done().await
    }

    /// Registers a part under `name`. What the service answers says where to send to: `publish_url`, `endpoint_route`,
    /// `bearer_token`, or how long a file is, by the type of an input.
    ///
    /// # Errors
    /// [`RestErrorKind::BadRequest`](super::RestErrorKind::BadRequest) when the service does not understand `what`, or
    /// has something of this name.
    pub async fn register(&self, id: &str, part: Part, name: &str, what: &Value) -> Result<Value, RestError> {
        let path = format!("composition/{id}/{}/{}/register", part.name(), part_of_path(name));
        self.composition(Method::POST, path).body(what).json().await
    }

    /// Takes a part back.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this name.
    pub async fn unregister(&self, id: &str, part: Part, name: &str) -> Result<(), RestError> {
        let path = format!("composition/{id}/{}/{}/unregister", part.name(), part_of_path(name));
        self.composition(Method::POST, path).body(&json!({})).done().await
    }

    /// Shows other scenes on an output: `{"video": …, "audio": …}`, each where the output was registered with it.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is no such output.
    pub async fn update_output(&self, id: &str, name: &str, scenes: &Value) -> Result<(), RestError> {
        let path = format!("composition/{id}/output/{}/update", part_of_path(name));
        self.composition(Method::POST, path).body(scenes).done().await
    }

    fn composition(&self, method: Method, path: String) -> super::call::Call<'_> {
        let url = self.address().composition(&path);
        self.call(method, path).at(url)
    }
}
