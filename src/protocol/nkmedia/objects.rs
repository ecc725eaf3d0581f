//! NkMEDIA's events, as its wire has them.

use serde_json::Value;

use crate::protocol::object::wire_objects;

wire_objects! {
    /// `session/answer`, `call/answer` and `call/ringing`
    Answered {
        class: String,
        subclass: String,
        kind "type": String,
        obj_id: String,
        service: String,
        body: AnsweredBody,
    }
    /// What they bring.
    AnsweredBody { answer: SessionDescription }
    /// An offer or an answer.
    SessionDescription {
        sdp: String,
        sdp_type: String,
        use_audio: Option<bool>,
        use_stereo: Option<bool>,
        use_video: Option<bool>,
        use_screen: Option<bool>,
        use_data: Option<bool>,
    }

    /// `session/stop`, `room/destroyed` and `call/hangup`
    Ended {
        class: String,
        subclass: String,
        kind "type": String,
        obj_id: String,
        service: String,
        body: EndedBody,
    }
    /// Why.
    EndedBody { code: Option<i64>, reason: String, error: String }

    /// `session/updated_type`
    TypeUpdated {
        class: String,
        subclass: String,
        kind "type": String,
        obj_id: String,
        service: String,
        body: TypeUpdatedBody,
    }
    /// What the session does now. Which of the fields are there depends on it.
    TypeUpdatedBody {
        kind "type": String,
        room_id: String,
        publisher_id: String,
        peer: String,
        room: String,
        room_type: String,
        mcu_layout: String,
    }

    /// `room/started`
    RoomStarted {
        class: String,
        subclass: String,
        kind "type": String,
        obj_id: String,
        service: String,
        body: RoomStartedBody,
    }
    /// What carries it.
    RoomStartedBody {
        class: String,
        backend: String,
        audio_codec: String,
        video_codec: String,
        bitrate: Option<i64>,
    }

    /// `room/started_publisher`, `room/started_listener` and the two that end them
    MemberChanged {
        class: String,
        subclass: String,
        kind "type": String,
        obj_id: String,
        service: String,
        body: MemberBody,
    }
    /// Who. Newer servers write `user_id` and `peer_id`, and name the role.
    MemberBody {
        session_id: String,
        user: String,
        user_id: String,
        peer: String,
        peer_id: String,
        role: String,
    }

    /// `session/candidate`
    Candidate {
        class: String,
        subclass: String,
        kind "type": String,
        obj_id: String,
        service: String,
        body: Value,
    }
}
