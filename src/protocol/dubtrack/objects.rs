//! Dubtrack's objects (QueUp's since 2020), as its wire has them.

use serde_json::Value;

use crate::protocol::object::wire_objects;

wire_objects! {
    /// Somebody with an account.
    User {
        id "_id": String,
        username: String,
        created: Option<i64>,
        status: Option<i64>,
        roleid: Value,
        dubs: Option<i64>,
        user_info "userInfo": Value,
        profile_image "profileImage": Value,
    }

    /// A user as a member of a room.
    RoomUser {
        id "_id": String,
        userid: String,
        user "_user": Value,
        roomid: String,
        roleid: Value,
        dubs: Option<i64>,
        order: Option<i64>,
        wait_line "waitLine": Option<i64>,
        skipped_count "skippedCount": Option<i64>,
        played_count "playedCount": Option<i64>,
        songs_in_queue "songsInQueue": Option<i64>,
        active: Option<bool>,
        authorized: Option<bool>,
        queue_paused "queuePaused": Option<bool>,
        updated: Option<i64>,
        banned: Option<bool>,
        banned_time "bannedTime": Value,
        banned_until "bannedUntil": Value,
        ot_token: Value,
    }

    /// An entry of a room's queue; times and lengths are milliseconds.
    Song {
        id "_id": String,
        songid: String,
        song "_song": Value,
        userid: String,
        user "_user": Value,
        roomid: String,
        created: Option<i64>,
        played: Option<i64>,
        song_length "songLength": Option<i64>,
        order: Option<i64>,
        updubs: Option<i64>,
        downdubs: Option<i64>,
        grabs: Option<i64>,
        is_active "isActive": Option<bool>,
        is_played "isPlayed": Option<bool>,
        skipped: Option<bool>,
    }

    /// What such an entry plays.
    SongInfo {
        id "_id": String,
        name: String,
        kind "type": String,
        fkid: String,
        song_length "songLength": Option<i64>,
        created: Value,
        images: Value,
    }

    /// Action 4: the connection is up.
    Connected { client_id "clientId": String, connection_id "connectionId": String, socket_id "socketId": String }
    /// Action 11: a channel is heard from now on.
    Attached { channel: String, client_id "clientId": String, connection_id "connectionId": String }
    /// Action 14: who is on a channel.
    PresenceChanged { channel: String, presence: Presence }
    /// What changed.
    Presence {
        action: Option<i64>,
        client_id "clientId": String,
        connection_id "connectionId": String,
        data: Value,
    }

    /// `chat-message`; the text is written for HTML.
    ChatMessage {
        chatid: String,
        message: String,
        time: Option<i64>,
        user: User,
        queue_object: RoomUser,
    }
    /// `delete-chat-message`; the user is who took it away, and no wire says `deleted`.
    ChatMessageDeleted { chatid: String, deleted: Option<bool>, user: User }
    /// `room_playlist-dub`
    Dub { dubtype: String, playlist: Song, user: User }
    /// `room_playlist-update`: the song that is played, whatever has changed; its start in seconds, -1 if it has just begun.
    PlaylistUpdate { song: Song, song_info "songInfo": Option<SongInfo>, start_time "startTime": Option<i64> }
    /// `user-join`
    UserJoin { user: User, room_user "roomUser": RoomUser }
    /// `user_update_<userid>`; the field called user is a member.
    UserUpdate { user: RoomUser }
    /// `new-message`: the conversation and who wrote, without the text.
    NewMessage { messageid: String, userid: String }
    /// `user-leave`
    UserLeave { user: User, room: Value }
    /// `user-kick`, `user-ban` and the like: a moderator and whom it concerns.
    UserModerated {
        user: User,
        kicked_user "kickedUser": User,
        muted_user "mutedUser": User,
        mod_user "modUser": User,
        role_object: Value,
        message: String,
    }
    /// `room-update`
    RoomUpdate { room: Value }
}
