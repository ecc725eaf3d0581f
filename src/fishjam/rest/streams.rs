//! Tokens for livestreams and for media over QUIC.

use reqwest::Method;

use super::{
    Client, RestError,
    model::{MoqAccess, MoqPaths},
    rooms::TokenData,
};
use crate::event::RoomId;

impl Client {
    /// A token with which a livestream can be watched.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when the room is not a livestream.
    pub async fn create_viewer_token(&self, room: &RoomId) -> Result<String, RestError> {
        let answer: TokenData = self.call(Method::POST, format!("room/{room}/viewer")).json().await?;
        Ok(answer.token)
    }

    /// A token with which a livestream can be published.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when the room is not a livestream.
    pub async fn create_streamer_token(&self, room: &RoomId) -> Result<String, RestError> {
        let answer: TokenData = self.call(Method::POST, format!("room/{room}/streamer")).json().await?;
        Ok(answer.token)
    }

    /// Access to media over QUIC.
    ///
    /// # Errors
    /// [`RestErrorKind::BadRequest`](super::RestErrorKind::BadRequest) when no path is given.
    pub async fn create_moq_access(&self, paths: &MoqPaths) -> Result<MoqAccess, RestError> {
        self.call(Method::POST, "moq/access").body(paths).json().await
    }
}
