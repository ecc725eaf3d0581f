//! Livestreams, and media over QUIC.

use reqwest::Method;

use super::{
    Client, RestError,
    model::{Livestream, LivestreamOptions, LivestreamPeer, MoqAccess, MoqPaths},
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

    /// Makes a livestream.
    ///
    /// # Errors
    /// [`RestErrorKind::BadRequest`](super::RestErrorKind::BadRequest) when the webhook's URL is none.
    pub async fn create_livestream(&self, options: &LivestreamOptions) -> Result<Livestream, RestError> {
        self.call(Method::POST, "livestream").body(options).data().await
    }

    /// All livestreams.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn livestreams(&self) -> Result<Vec<Livestream>, RestError> {
        self.call(Method::GET, "livestream").list().await
    }

    /// One livestream.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn livestream(&self, id: &str) -> Result<Livestream, RestError> {
        self.call(Method::GET, format!("livestream/{id}")).data().await
    }

    /// Ends a livestream.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is none of this id.
    pub async fn delete_livestream(&self, id: &str) -> Result<(), RestError> {
        self.call(Method::DELETE, format!("livestream/{id}")).done().await
    }

    /// Lets one more publish.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is no such livestream.
    pub async fn add_streamer(&self, livestream: &str) -> Result<LivestreamPeer, RestError> {
        self.call(Method::POST, format!("livestream/{livestream}/streamer")).data().await
    }

    /// Lets one more watch.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when there is no such livestream.
    pub async fn add_viewer(&self, livestream: &str) -> Result<LivestreamPeer, RestError> {
        self.call(Method::POST, format!("livestream/{livestream}/viewer")).data().await
    }

    /// Takes a publisher's token away.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when it has none.
    pub async fn remove_streamer(&self, livestream: &str, id: &str) -> Result<(), RestError> {
        self.call(Method::DELETE, format!("livestream/{livestream}/streamer/{id}")).done().await
    }

    /// Takes a viewer's token away.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`](super::RestErrorKind::NotFound) when it has none.
    pub async fn remove_viewer(&self, livestream: &str, id: &str) -> Result<(), RestError> {
        self.call(Method::DELETE, format!("livestream/{livestream}/viewer/{id}")).done().await
    }
}
