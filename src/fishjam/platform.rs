//! A Fishjam as a host sees it.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::stream;

use super::{
    Fishjam, Scope,
    join::FishjamSeat,
    rest::{
        RestError, RestErrorKind,
        model::{Peer, Room, Status},
    },
    webhook::{self, WebhookError},
};
use crate::{
    agent::{Agent, AudioRequirements},
    event::{PeerId, RoomId},
    platform::{
        CallLatency, Delivery, JoinError, JoinOptions, ListedPeer, ListedRoom, PeerStatus, Platform, PlatformError,
        PlatformErrorKind, RefusedDelivery, Seat, SignatureForm, Telemetry, Watch,
    },
    protocol::fishjam::PLATFORM,
    session::SessionHandle,
};

#[async_trait]
impl Platform for Fishjam {
    fn name(&self) -> &'static str {
        PLATFORM
    }

    fn address(&self) -> String {
        self.rest().address().to_string()
    }

    async fn check(&self) -> Result<(), PlatformError> {
        Ok(self.rest().validate().await?)
    }

    async fn rooms(&self) -> Result<Vec<ListedRoom>, PlatformError> {
        // Its sessions need not ask for their rooms one by one.
        self.hub.tell_listing();
        let rooms = self.rest().rooms().await;
        let Ok(all) = &rooms else {
            self.hub.tell_list_failed();
            return Ok(rooms.map(|_| Vec::new())?);
        };
        let by_id: HashMap<&RoomId, &Room> = all.iter().map(|room| (&room.id, room)).collect();
        self.hub.tell_listed(|room| by_id.get(room).map(|room| room.snapshot()));
        Ok(all.iter().map(listed).collect())
    }

    async fn room(&self, room: &RoomId) -> Result<ListedRoom, PlatformError> {
        Ok(listed(&self.rest().room(room).await?))
    }

    fn watch(&self) -> Watch {
        let notifier = self.notifier(Scope::AllRooms);
        let next = async |mut notifier: super::Notifier| notifier.next().await.map(|event| (event, notifier));
        Box::pin(stream::unfold(notifier, next))
    }

    async fn prepare(&self, options: JoinOptions, wants: AudioRequirements) -> Result<Box<dyn Seat>, JoinError> {
        Ok(Box::new(self.make_peer(options, wants).await?))
    }

    async fn remove_peer(&self, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError> {
        Ok(self.rest().delete_peer(room, peer).await?)
    }

    fn telemetry(&self) -> Telemetry {
        let calls = self.rest().stats().counts().into_iter();
        Telemetry {
            calls: calls.map(|(call, end, counts)| CallLatency { call, end, counts }).collect(),
            failing: self.rest().health().failing(),
            unserved_for: self.rest().health().unserved_for(),
            unreadable: self.rest().unreadable().counts(),
            ..Telemetry::default()
        }
    }

    fn delivery_signature(&self) -> Option<SignatureForm> {
        Some(SignatureForm { header: webhook::SIGNATURE_HEADER, fits: webhook::is_signature })
    }

    fn take_delivery(&self, delivery: &Delivery<'_>) -> Result<(), RefusedDelivery> {
        let decoded = webhook::receive(delivery.body, delivery.signature, delivery.secret)?;
        self.rest().unreadable().note_notifications("a webhook", &decoded.unreadable);
        decoded.events.into_iter().for_each(|event| self.feed(event));
        Ok(())
    }
}

#[async_trait]
impl Seat for FishjamSeat {
    fn peer(&self) -> &PeerId {
        FishjamSeat::peer(self)
    }

    async fn enter(self: Box<Self>, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError> {
        self.connect(agent)
    }
}

impl From<RestError> for PlatformError {
    fn from(error: RestError) -> PlatformError {
        let kind = match error.kind {
            RestErrorKind::NotFound => PlatformErrorKind::NotFound,
            RestErrorKind::Unauthorized => PlatformErrorKind::Unauthorized,
            RestErrorKind::BadRequest => PlatformErrorKind::BadRequest,
            RestErrorKind::Conflict => PlatformErrorKind::Conflict,
            _ if error.may_pass() => PlatformErrorKind::Later,
            _ => PlatformErrorKind::Other,
        };
        PlatformError {
            kind,
            message: error.to_string(),
            retry_after: error.retry_after,
            may_have_been_done: error.may_have_been_done(),
        }
    }
}

impl From<WebhookError> for RefusedDelivery {
    fn from(error: WebhookError) -> RefusedDelivery {
        let is_signature = error == WebhookError::WrongSignature;
        RefusedDelivery { status: error.status(), why: error.to_string(), is_signature }
    }
}

fn listed(room: &Room) -> ListedRoom {
    let listed = |peer: &Peer| ListedPeer {
        peer: peer.to_room_peer(),
        status: match peer.status {
            Status::Connected => PeerStatus::Connected,
            Status::Disconnected => PeerStatus::Registered,
            Status::Unknown => PeerStatus::Unknown,
        },
    };
    ListedRoom {
        id: room.id.clone(),
        kind: Some(room.config.room_type),
        peers: room.peers.iter().map(listed).collect(),
    }
}
