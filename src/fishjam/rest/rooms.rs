//! Rooms and their peers.

use reqwest::Method;
use serde::Deserialize;

use super::{
    Client, RestError, RestErrorKind,
    model::{Admission, NewPeer, Room, RoomConfig},
};
use crate::event::{PeerId, RoomId, TrackId};

#[derive(Deserialize)]
struct RoomData {
    room: Room,
}

#[derive(Deserialize)]
pub(super) struct TokenData {
    pub(super) token: String,
}

impl Client {
    /// Checks the address and the management token.
    ///
    /// # Errors
    /// [`RestErrorKind::Unauthorized`] when the token is wrong, although the server says 404.
    pub async fn validate(&self) -> Result<(), RestError> {
        self.call(Method::GET, "validate").done().await.map_err(|mut error| {
            if error.kind == RestErrorKind::NotFound {
                error.kind = RestErrorKind::Unauthorized;
                self.health.note(Some(&error));
            }
            error
        })
    }

    /// Creates a room.
    ///
    /// # Errors
    /// [`RestError`]; this call is not repeated once it may have been carried out.
    pub async fn create_room(&self, config: &RoomConfig) -> Result<Room, RestError> {
        let answer: RoomData = self.call(Method::POST, "room").body(config).data().await?;
        Ok(answer.room)
    }

    /// All rooms. What cannot be read of them is left out, and noted in [`unreadable`](Client::unreadable).
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn rooms(&self) -> Result<Vec<Room>, RestError> {
        self.call(Method::GET, "room").list().await
    }

    /// One room.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`] when there is none of this id.
    pub async fn room(&self, room: &RoomId) -> Result<Room, RestError> {
        self.call(Method::GET, format!("room/{room}")).lenient().await
    }

    /// Deletes a room; everyone in it is disconnected.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`] when there is none of this id.
    pub async fn delete_room(&self, room: &RoomId) -> Result<(), RestError> {
        self.call(Method::DELETE, format!("room/{room}")).done().await
    }

    /// Makes a peer of any of the three types.
    ///
    /// # Errors
    /// [`RestErrorKind::Conflict`] when the room is full, [`RestErrorKind::NotFound`] when there is no such room.
    pub async fn create_peer(&self, room: &RoomId, peer: &NewPeer) -> Result<Admission, RestError> {
        self.call(Method::POST, format!("room/{room}/peer")).body(peer).data().await
    }

    /// Deletes a peer; if it is in the room, it is disconnected.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`] when there is no such peer.
    pub async fn delete_peer(&self, room: &RoomId, peer: &PeerId) -> Result<(), RestError> {
        self.call(Method::DELETE, format!("room/{room}/peer/{peer}")).done().await
    }

    /// A new token for a peer, valid for 24 hours.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`] when there is no such peer.
    pub async fn refresh_token(&self, room: &RoomId, peer: &PeerId) -> Result<String, RestError> {
        let path = format!("room/{room}/peer/{peer}/refresh_token");
        let answer: TokenData = self.call(Method::POST, path).data().await?;
        Ok(answer.token)
    }

    /// Gives a peer in manual mode all tracks of `publisher`, now and later. There is no way back.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`] when one of the two is not there.
    pub async fn subscribe_peer(&self, room: &RoomId, peer: &PeerId, publisher: &PeerId) -> Result<(), RestError> {
        let path = format!("room/{room}/peer/{peer}/subscribe_peer");
        self.call(Method::POST, path).query("peer_id", publisher.as_str()).done().await
    }

    /// Gives a peer in manual mode these tracks. There is no way back.
    ///
    /// # Errors
    /// [`RestErrorKind::NotFound`] when the peer is not there.
    pub async fn subscribe_tracks(&self, room: &RoomId, peer: &PeerId, tracks: &[TrackId]) -> Result<(), RestError> {
        let path = format!("room/{room}/peer/{peer}/subscribe_tracks");
        self.call(Method::POST, path).body(&serde_json::json!({ "track_ids": tracks })).done().await
    }

    /// Forwards all tracks of a room to a composition, as inputs that are called like their peers.
    ///
    /// # Errors
    /// [`RestErrorKind::Conflict`] when they are forwarded already.
    pub async fn forward_tracks(&self, room: &RoomId, composition_url: &str) -> Result<(), RestError> {
        let body = serde_json::json!({ "compositionURL": composition_url, "selector": "all" });
        self.call(Method::POST, format!("room/{room}/track_forwardings")).body(&body).done().await
    }
}
