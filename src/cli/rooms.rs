//! `roomtone rooms`: the rooms of a Fishjam, whichever it is.

use super::{
    ErrorCode, Failure,
    args::{RoomsArgs, RoomsCommand},
    join, patiently, say, say_lines,
};
use crate::{
    event::RoomId,
    fishjam::rest::{
        RestError, RestErrorKind,
        model::{PeerType, Room, RoomConfig, Status},
    },
};

pub(super) async fn run(args: RoomsArgs) -> Result<(), Failure> {
    let fishjam = join::fishjam(&args.fishjam)?;
    let rest = fishjam.rest();
    match args.command {
        RoomsCommand::List { json } => {
            let rooms = patiently(rest.address(), rest.rooms()).await.map_err(|error| failure(&error))?;
            match json {
                true => say_lines(&serde_json::to_string_pretty(&rooms).expect("plain JSON")),
                false => table(&rooms).iter().for_each(|line| say(line)),
            }
        }
        RoomsCommand::Create { max_peers } => {
            let config = RoomConfig { max_peers, ..RoomConfig::default() };
            let room = patiently(rest.address(), rest.create_room(&config)).await.map_err(|error| failure(&error))?;
            say(&room.id);
        }
        RoomsCommand::Delete { rooms } => {
            for room in rooms.iter().map(|room| RoomId::from(room.as_str())) {
                patiently(rest.address(), rest.delete_room(&room)).await.map_err(|error| match error.kind {
                    RestErrorKind::NotFound => Failure::new(ErrorCode::NoSuchRoom, format!("there is no room {room}")),
                    _ => failure(&error),
                })?;
                say(&format_args!("room {room} is deleted"));
            }
        }
    }
    Ok(())
}

fn failure(error: &RestError) -> Failure {
    Failure::new(ErrorCode::of_fishjam(error.kind), error.to_string())
}

fn table(rooms: &[Room]) -> Vec<String> {
    if rooms.is_empty() {
        return vec!["there are no rooms; `rooms create` makes one".to_owned()];
    }
    let width = rooms.iter().map(|room| room.id.as_str().chars().count()).max().unwrap_or(0).clamp(4, 60);
    let mut lines = vec![format!("{:width$}  PEOPLE  AGENTS  TYPE", "ROOM")];
    lines.extend(rooms.iter().map(|room| {
        let connected = |is: fn(PeerType) -> bool| {
            room.peers.iter().filter(|peer| peer.status == Status::Connected && is(peer.kind)).count()
        };
        let (agents, people) = (connected(|kind| kind == PeerType::Agent), connected(|kind| kind == PeerType::Webrtc));
        let kind = serde_json::to_value(room.config.room_type).unwrap_or_default();
        let id = crate::text::printable(room.id.as_str(), width);
        format!("{id:width$}  {people:>6}  {agents:>6}  {}", kind.as_str().unwrap_or("unknown"))
    }));
    lines
}
