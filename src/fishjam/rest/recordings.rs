//! Recordings that the server makes.

use reqwest::Method;

use super::{Client, RestError, model::Recording, rooms::Data};

impl Client {
    /// All recordings whose metadata holds each of `metadata`'s keys with its value.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn recordings(&self, metadata: &[(&str, &str)]) -> Result<Vec<Recording>, RestError> {
        let call = self.call(Method::GET, "recordings");
        let call = metadata.iter().fold(call, |call, (key, value)| call.query(format!("metadata[{key}]"), *value));
        call.list().await
    }

    /// One recording.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn recording(&self, id: &str) -> Result<Recording, RestError> {
        let answer: Data<Recording> = self.call(Method::GET, format!("recordings/{id}")).json().await?;
        Ok(answer.data)
    }

    /// Ends a recording.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn stop_recording(&self, id: &str) -> Result<Recording, RestError> {
        let answer: Data<Recording> = self.call(Method::POST, format!("recordings/{id}/stop")).json().await?;
        Ok(answer.data)
    }
}
