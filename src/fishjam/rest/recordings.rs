//! Recordings that the server makes.

use reqwest::Method;

use super::{
    Client, RestError,
    model::{NewRecording, Recording, RecordingStatus},
};

impl Client {
    /// Begins to record an output of a composition.
    ///
    /// # Errors
    /// [`RestErrorKind::BadRequest`](super::RestErrorKind::BadRequest) when the source is none.
    pub async fn create_recording(&self, recording: &NewRecording) -> Result<Recording, RestError> {
        self.call(Method::POST, "recordings").body(recording).data().await
    }

    /// All recordings in this state, if one is given, whose metadata holds each of `metadata`'s keys with its value.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn recordings(
        &self,
        status: Option<RecordingStatus>,
        metadata: &[(&str, &str)],
    ) -> Result<Vec<Recording>, RestError> {
        let call = self.call(Method::GET, "recordings");
        let call = status.into_iter().fold(call, |call, status| call.query("status", status.name()));
        let call = metadata.iter().fold(call, |call, (key, value)| call.query(format!("metadata[{key}]"), *value));
        call.list().await
    }

    /// One recording.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn recording(&self, id: &str) -> Result<Recording, RestError> {
        self.call(Method::GET, format!("recordings/{id}")).data().await
    }

    /// Ends a recording. It stays active until it is finalized, a moment later.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn stop_recording(&self, id: &str) -> Result<Recording, RestError> {
        self.call(Method::POST, format!("recordings/{id}/stop")).data().await
    }

    /// Deletes a recording and its files.
    ///
    /// # Errors
    /// [`RestErrorKind::Conflict`](super::RestErrorKind::Conflict) while it is active.
    pub async fn delete_recording(&self, id: &str) -> Result<(), RestError> {
        self.call(Method::DELETE, format!("recordings/{id}")).done().await
    }
}
