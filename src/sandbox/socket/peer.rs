//! The peer socket, as far as a person's browser needs it to be in the room: authentication. Media is not negotiated.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use prost::Message as _;

use super::{
    End, admit, first_message,
    link::{Link, finish},
    upgrade::Stream,
};
use crate::{
    fishjam::rest::model::RoomType,
    protocol::fishjam::wire::{
        PeerMessage,
        peer_message::{Authenticated, Content, RoomType as WireRoomType, SdkDeprecation, sdk_deprecation::Status},
        server_message::PeerType,
    },
    sandbox::world::World,
};

pub(super) async fn accept(State(world): State<Arc<World>>, mut request: Request) -> Response {
    super::upgrade::upgrade(&mut request, move |stream| serve(world, stream))
}

async fn serve(world: Arc<World>, mut stream: Stream) {
    let Some(first) = first_message(&world, &mut stream).await else { return };
    match authenticate(&world, first) {
        // What follows authentication negotiates media, which the sandbox does not carry for browsers.
        Ok(link) => link.serve(stream, world.stop.clone(), |_| {}).await,
        Err(end) => finish(stream, end).await,
    }
}

fn authenticate(world: &World, first: Bytes) -> Result<Link, End> {
    let request = PeerMessage::decode(first).ok().and_then(|message| message.content);
    let Some(Content::AuthRequest(auth)) = request else { return Err(End::Close(1000, "unauthenticated".into())) };
    admit(world, &auth.token, PeerType::Webrtc, |room, peer| peer.send(authenticated(room.config.room_type)))
}

fn authenticated(room_type: RoomType) -> Bytes {
    let room_type = match room_type {
        RoomType::AudioOnly => WireRoomType::AudioOnly,
        kind if kind.is_livestream() => WireRoomType::Livestream,
        _ => WireRoomType::Conference,
    };
    let up_to_date = SdkDeprecation { status: Status::UpToDate.into(), message: String::new() };
    let answer = Authenticated { room_type: room_type.into(), sdk_deprecation: Some(up_to_date) };
    PeerMessage { content: Some(Content::Authenticated(answer)) }.encode_to_vec().into()
}
