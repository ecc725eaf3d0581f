//! What the server answers to the connection's own requests.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, BAD_CREDENTIALS, Client, Credentials, FARTHEST_S, INTERNAL, NOT_FOUND, RENEW_AGAIN, RENEW_BEFORE};
use crate::{
    agent::ActionError,
    event::{End, Event, Metadata, RoomEvent, RoomId},
    protocol::{
        FaultKind, Output,
        requests::Request,
        signalwire::{events::member, frame::Refusal, objects::Member},
    },
};

impl Client {
    pub(super) fn on_answer(&mut self, now: Instant, id: &str, result: Result<Value, Refusal>) {
        let asked = match self.requests.take(&id.to_owned()) {
            None => return,
            Some(Request::Own(asked) | Request::Look(asked)) => asked,
            Some(Request::Act(number, action)) => {
                let result = result.map(drop).map_err(|refusal| ActionError::refused(&action, refusal.message));
                return self.outputs.push_back(Output::Acted(number, result));
            }
        };
        match (asked, result) {
            (Asked::Connect { .. }, Ok(result)) => self.on_connected(now, &result),
            (Asked::Connect { with_protocol }, Err(refusal)) => self.on_refused(now, with_protocol, &refusal),
            (Asked::SubscribeRooms, Ok(_)) => self.outputs.push_back(Output::Live),
            (Asked::SubscribeRooms, Err(refusal)) => {
                let message = format!("the rooms cannot be followed: {}", refusal.message);
                self.close(FaultKind::Unauthorized, message);
            }
            (Asked::SubscribeRoom(room), Ok(_)) => {
                self.rooms.get_mut(&room).into_iter().for_each(|room| room.is_taken = true);
            }
            (Asked::SubscribeRoom(room), Err(refusal)) => {
                self.rooms.remove(&room);
                let why = format!("room {room} cannot be followed: {}", refusal.message);
                self.outputs.push_back(Output::Trouble(why));
                let closed = Event::derived(RoomEvent::Closed { end: End::Normal }).in_room(room);
                self.outputs.push_back(Output::Event(Box::new(closed)));
            }
            (Asked::Members(room), Ok(result)) => self.on_members(room, &result),
            // It ended while nothing was told.
            (Asked::Members(room), Err(Refusal { code: NOT_FOUND, .. })) => {
                self.rooms.remove(&room);
                let closed = Event::derived(RoomEvent::Closed { end: End::Normal }).in_room(room);
                self.outputs.push_back(Output::Event(Box::new(closed)));
            }
            (Asked::Members(room), Err(refusal)) => {
                let why = format!("who is in room {room} is not told: {}", refusal.message);
                self.outputs.push_back(Output::Trouble(why));
            }
            (Asked::Reauthenticate, Ok(result)) => self.note_expiry(now, &result),
            (Asked::Reauthenticate, Err(refusal)) => {
                self.close(FaultKind::Unauthorized, format!("the new token is refused: {}", refusal.message));
            }
        }
    }

    pub(super) fn on_connected(&mut self, now: Instant, result: &Value) {
        let protocol = result["protocol"].as_str().map(str::to_owned);
        let is_kept = protocol.is_some() && protocol == self.protocol;
        self.protocol = protocol;
        self.note_expiry(now, result);
        if !is_kept {
            self.rooms.values_mut().for_each(|room| room.is_taken = false);
        }
        // Also where subscriptions are kept: rooms that have begun meanwhile are told in answer to it.
        self.subscribe(now, Asked::SubscribeRooms, "video.rooms", &["video.room.started", "video.room.ended"]);
        let rooms: Vec<(RoomId, bool)> = self.rooms.iter().map(|(id, room)| (id.clone(), room.is_taken)).collect();
        for (room, is_taken) in rooms {
            match is_taken {
                true => {
                    let params = json!({ "room_session_id": room.as_str() });
                    self.request(now, Request::Look(Asked::Members(room)), "video.members.get", params);
                }
                false => self.subscribe_room(now, &room),
            }
        }
    }

    pub(super) fn on_refused(&mut self, now: Instant, with_protocol: bool, refusal: &Refusal) {
        // What was kept of the last connection may be what is refused.
        if with_protocol {
            (self.protocol, self.authorization_state) = (None, None);
            return self.connect(now);
        }
        let kind = match refusal.code {
            BAD_CREDENTIALS => FaultKind::Unauthorized,
            _ if refusal.message.to_lowercase().contains("version") => FaultKind::Version,
            INTERNAL => FaultKind::Broken,
            _ => FaultKind::Unauthorized,
        };
        let advice = match kind {
            FaultKind::Unauthorized => "check the project's id and token",
            FaultKind::Version => "it speaks another version than 3.0",
            _ => "it is tried again",
        };
        self.close(
            kind,
            format!("SignalWire refuses the connection ({}: {}); {advice}", refusal.code, refusal.message),
        );
    }

    /// A page's token says when it ends; another one is asked for before that.
    pub(super) fn note_expiry(&mut self, now: Instant, result: &Value) {
        let Credentials::Jwt { .. } = self.credentials else { return };
        let (Some(expires_at), Some((opened, since_1970))) =
            (result["authorization"]["expires_at"].as_f64(), self.opened)
        else {
            return;
        };
        let passes = Duration::from_secs_f64((expires_at - since_1970.as_secs_f64()).clamp(0.0, FARTHEST_S));
        self.renew_at = Some((opened + passes.saturating_sub(RENEW_BEFORE)).max(now + RENEW_AGAIN));
    }

    pub(super) fn on_members(&mut self, room: RoomId, result: &Value) {
        let Some(listed) = result["members"].as_array() else {
            return self
                .outputs
                .push_back(Output::Trouble(format!("who is in room {room} is not told: there is no list")));
        };
        // One that cannot be read costs itself.
        let members = listed.iter().filter_map(|listed| Member::deserialize(listed).ok());
        let roster = Some(members.map(|listed| member(&listed)).collect());
        let entered = RoomEvent::Entered { me: None, info: Metadata::default(), roster, running: Vec::new() };
        self.outputs.push_back(Output::Event(Box::new(Event::derived(entered).in_room(room))));
    }
}
