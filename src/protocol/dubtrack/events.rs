//! Dubtrack's table: what each event means.
//!
//! The documents name the callbacks of a library; the wire's names are those of a message within a message. Some of the latter
//! are known from other clients alone.

use std::time::Duration;

use serde_json::{Value, json};

use super::objects::*;
use crate::{
    event::{
        Changes, ChatEvent, EventKind, LinkEvent, Metadata, Other, Peer, PeerEvent, PeerKind, Place, Plane,
        Presence as PresenceState, QueueEvent, Role, RoomEvent, Song as QueuedSong, Vote,
    },
    protocol::spec::{EventSpec, Said, event_table},
};

/// The platform's name in [`Native::platform`](crate::event::Native::platform).
pub const PLATFORM: &str = "dubtrack";

/// The line of an event. Some names end in the id of whom they are about.
pub(super) fn spec(name: &str) -> Option<&'static EventSpec> {
    EVENTS.iter().find(|spec| is_named(spec.wire, name))
}

fn is_named(wire: &str, name: &str) -> bool {
    match wire.strip_suffix("<userid>") {
        Some(prefix) => name.len() > prefix.len() && name.starts_with(prefix),
        None => wire == name,
    }
}

event_table! {
    PLATFORM, is_named;
    Connected {
        documented "on_ready" "connected" "link.up" Platform => |said, _| {
            let me = Some(said.client_id).filter(|id| !id.is_empty()).map(Into::into);
            Said::new(LinkEvent::Up { plane: Plane::Signal, me, after: None }, None)
        };
    }
    Attached {
        documented "on_joined_room" "attached" "room.entered" Platform => |said, _| {
            let me = Some(said.client_id).filter(|id| !id.is_empty()).map(Into::into);
            let place = place_of(&said.channel);
            // Our own channel for private messages is no room.
            if let Some(Place::User(_)) = place {
                return Said::new(Other {}, place);
            }
            Said::new(RoomEvent::Entered { me, info: Metadata::default(), roster: None, running: Vec::new() }, place)
        };
    }
    PresenceChanged {
        documented "on_member_presence" "presence" "peer.presence" Platform => |said, _| {
            let Presence { action, client_id, connection_id, .. } = said.presence;
            let state = match action {
                Some(1) => PresenceState::Leave,
                Some(2) => PresenceState::Update,
                _ => PresenceState::Enter,
            };
            let connection = Some(connection_id).filter(|id| !id.is_empty());
            let peer = Peer::new(client_id.into(), PeerKind::Person);
            Said::new(PeerEvent::Presence { peer, state, connection }, place_of(&said.channel))
        };
    }
    ChatMessage {
        documented "on_chat" "chat-message" "chat.said" Platform => |said, _| {
            let author = Box::new(user(&said.user));
            let text = text_of_html(&said.message);
            let time_s = said.time.map(|ms| ms as f64 / 1_000.0);
            let event = ChatEvent::Said { id: said.chatid, author, text: text.as_str().into() };
            Said { time_s, ..in_room(said.queue_object.roomid, event) }
        };
    }
    ChatMessageDeleted {
        documented "on_chat_delete" "delete-chat-message" "chat.deleted" Platform => |said, _| {
            let by = Some(said.user.id).filter(|id| !id.is_empty()).map(Into::into);
            Said::new(ChatEvent::Deleted { id: said.chatid, by }, None)
        };
    }
    Dub {
        documented "on_dub" "room_playlist-dub" "queue.voted" Platform => |said, _| {
            let vote = if said.dubtype == "downdub" { Vote::Down } else { Vote::Up };
            let room = said.playlist.roomid.clone();
            let song = Box::new(song(said.playlist, None));
            in_room(room, QueueEvent::Voted { song, by: said.user.id.into(), vote })
        };
    }
    PlaylistUpdate {
        documented "on_playlist_song_add" "room_playlist-update" "queue.current" Platform => |said, _| {
            let elapsed = said.start_time.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
            let room = said.song.roomid.clone();
            in_room(room, QueueEvent::Current { song: Box::new(song(said.song, said.song_info)), elapsed })
        };
    }
    UserJoin {
        documented "on_member_join" "user-join" "peer.joined" Platform => |said, payload| {
            let peer = Peer {
                role: role_of(&said.room_user.roleid),
                metadata: Metadata::new(payload["roomUser"].clone()),
                ..user(&said.user)
            };
            in_room(said.room_user.roomid, PeerEvent::joined(peer))
        };
    }
    UserUpdate {
        documented "on_member_update" "user_update_<userid>" "peer.updated" Platform => |said, payload| {
            let metadata = Metadata::new(payload["user"].clone());
            let peer = Peer {
                role: role_of(&said.user.roleid),
                metadata: metadata.clone(),
                ..Peer::new(said.user.userid.into(), PeerKind::Person)
            };
            in_room(said.user.roomid, PeerEvent::Updated { peer, changes: Changes::Whole(metadata) })
        };
    }
    NewMessage {
        documented "on_private_message" "new-message" "chat.direct" Platform => |said, _| {
            Said::new(ChatEvent::Direct { conversation: said.messageid, from: said.userid.into() }, None)
        };
    }
    UserLeave {
        later "user-leave" "user-leave" "peer.left" Platform => |said, _| Said::new(PeerEvent::left(user(&said.user)), None);
    }
    UserModerated {
        later "user-kick" "user-kick" "peer.removed" Platform => |said, _| {
            Said::new(PeerEvent::Removed { peer: user(&said.kicked_user) }, None)
        };
        later "user-ban" "user-ban" "peer.removed" Platform => |said, _| {
            Said::new(PeerEvent::Removed { peer: user(&said.kicked_user) }, None)
        };
        later "user-setrole" "user-setrole" "peer.role" Platform => |said, _| {
            let role = role_of(&said.role_object);
            Said::new(PeerEvent::Role { peer: Peer { role, ..user(&said.mod_user) }, grants: Metadata::new(said.role_object) }, None)
        };
        later "user-unsetrole" "user-unsetrole" "peer.role" Platform => |said, _| {
            Said::new(PeerEvent::Role { peer: user(&said.mod_user), grants: Metadata::default() }, None)
        };
        later "user-mute" "user-mute" "peer.updated" Platform => |said, _| muted(&said.muted_user, true);
        later "user-unmute" "user-unmute" "peer.updated" Platform => |said, _| muted(&said.muted_user, false);
    }
    RoomUpdate {
        later "room-update" "room-update" "room.updated" Platform => |said, _| {
            Said::new(RoomEvent::Updated { changes: Changes::Whole(Metadata::new(said.room)) }, None)
        };
    }
}

fn in_room(room: String, kind: impl Into<EventKind>) -> Said {
    Said::new(kind, (!room.is_empty()).then(|| Place::Room(room.into())))
}

/// Where a channel is.
pub(super) fn place_of(channel: &str) -> Option<Place> {
    match channel.split_once(':')? {
        ("room", room) => Some(Place::Room(room.into())),
        ("user", user) => Some(Place::User(user.to_owned())),
        _ => None,
    }
}

/// A user as a peer, whose id is the account's.
pub(crate) fn user(user: &User) -> Peer {
    Peer { name: user.username.as_str().into(), ..Peer::new(user.id.as_str().into(), PeerKind::Person) }
}

fn muted(who: &User, muted: bool) -> Said {
    let changes = Changes::Named(Metadata::new(json!({ "muted": muted })));
    Said::new(PeerEvent::Updated { peer: user(who), changes }, None)
}

/// A role by its id, or by an object that has it. The ids are the same in all rooms.
pub(crate) fn role_of(role: &Value) -> Role {
    let id = role.as_str().or_else(|| role["_id"].as_str()).unwrap_or_default();
    match ROLES.iter().find(|(known, _)| *known == id) {
        Some((_, name)) => Role::Named((*name).into()),
        None => Role::Member,
    }
}

fn song(song: Song, info: Option<SongInfo>) -> QueuedSong {
    let ms =
        |length: Option<i64>| Duration::from_millis(length.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default());
    let count = |votes: Option<i64>| u32::try_from(votes.unwrap_or_default()).unwrap_or_default();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let (title, source) = match info {
        Some(info) => (some(info.name), some(info.fkid).map(|id| (info.kind, id))),
        None => (None, None),
    };
    QueuedSong {
        entry: song.id,
        media: some(song.songid),
        title,
        source,
        length: ms(song.song_length),
        added_by: some(song.userid),
        up: count(song.updubs),
        down: count(song.downdubs),
    }
}

/// Chat is escaped for a page.
fn text_of_html(text: &str) -> String {
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""), ("&amp;", "&")];
    escapes.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

const ROLES: [(&str, &str); 5] = [
    ("5615feb8e596154fc2000002", "resident-dj"),
    ("5615fe1ee596154fc2000001", "vip"),
    ("52d1ce33c38a06510c000001", "mod"),
    ("5615fd84e596150061000003", "manager"),
    ("5615fa9ae596154a5c000000", "co-owner"),
];
