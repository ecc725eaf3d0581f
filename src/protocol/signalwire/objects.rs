//! SignalWire's objects, as its wire has them.

use serde_json::Value;

use crate::protocol::object::wire_objects;

wire_objects! {
    /// Somebody, or something, in a room.
    Member {
        id: String,
        room_id: String,
        room_session_id: String,
        name: String,
        kind "type": String,
        parent_id: String,
        requested_position: String,
        current_position: String,
        visible: Option<bool>,
        audio_muted: Option<bool>,
        video_muted: Option<bool>,
        deaf: Option<bool>,
        input_volume: Option<f64>,
        output_volume: Option<f64>,
        input_sensitivity: Option<f64>,
        handraised: Option<bool>,
        talking: Option<bool>,
        meta: Value,
        scope_id: String,
        updated: Vec<String>,
    }

    /// A room while people are in it. Its id is in `id`, or, in its older twin, in `room_session_id`.
    RoomSession {
        id: String,
        room_session_id: String,
        room_id: String,
        event_channel: Value,
        name: String,
        display_name: String,
        layout_name: String,
        recording: Option<bool>,
        streaming: Option<bool>,
        hide_video_muted: Option<bool>,
        locked: Option<bool>,
        prioritize_handraise: Option<bool>,
        logos_visible: Option<bool>,
        blind_mode: Option<bool>,
        silent_mode: Option<bool>,
        meeting_mode: Option<bool>,
        music_on_hold: Option<bool>,
        preview_url: String,
        meta: Value,
        members: Vec<Member>,
        recordings: Vec<Recording>,
        playbacks: Vec<Playback>,
        streams: Vec<Stream>,
        updated: Vec<String>,
    }

    /// How a room is shown.
    Layout {
        id: String,
        name: String,
        room_id: String,
        room_session_id: String,
        layers: Vec<Layer>,
    }

    /// A rectangle of a layout, in percent of the canvas.
    Layer {
        layer_index: Option<i64>,
        z_index: Option<i64>,
        x: Option<f64>,
        y: Option<f64>,
        width: Option<f64>,
        height: Option<f64>,
        position: String,
        reservation: String,
        member_id: String,
        playing_file: Option<bool>,
        visible: Option<bool>,
    }

    /// A recording of a room; times are seconds since 1970, the duration is seconds.
    Recording {
        id: String,
        state: String,
        duration: Option<f64>,
        started_at: Option<f64>,
        ended_at: Option<f64>,
    }

    /// A file that is played to a room; its position is in milliseconds.
    Playback {
        id: String,
        state: String,
        url: String,
        position: Option<f64>,
        seekable: Option<bool>,
        volume: Option<f64>,
        started_at: Option<f64>,
        ended_at: Option<f64>,
    }

    /// A room that is streamed elsewhere by RTMP.
    Stream {
        id: String,
        state: String,
        url: String,
        duration: Option<f64>,
        started_at: Option<f64>,
        ended_at: Option<f64>,
    }

    /// A device of the page that holds it.
    PageDevice {
        id "deviceId": String,
        label: String,
    }

    /// `layout.changed`
    LayoutChanged { room_id: String, room_session_id: String, layout: Layout }
    /// `member.joined`, `member.left`, `member.updated` and `member.talking`
    MemberChanged { room_id: String, room_session_id: String, member: Member }
    /// `member.promoted` and `member.demoted`
    MemberRoleChanged { room_id: String, room_session_id: String, member_id: String, authorization: Value }
    /// `playback.started`, `playback.updated` and `playback.ended`
    PlaybackChanged { room_id: String, room_session_id: String, playback: Playback }
    /// `recording.started`, `recording.updated` and `recording.ended`
    RecordingChanged { room_id: String, room_session_id: String, recording: Recording }
    /// `stream.started` and `stream.ended`
    StreamChanged { room_id: String, room_session_id: String, stream: Stream }
    /// `room.audience_count`
    AudienceCount { room_id: String, room_session_id: String, total: Option<u64> }
    /// `room.subscribed`, which SDKs call `room.joined`
    RoomSubscribed { call_id: String, member_id: String, room: RoomSession, room_session: RoomSession }
    /// `room.started`, `room.updated` and `room.ended`
    RoomChanged { room_id: String, room_session_id: String, room: RoomSession, room_session: RoomSession }
    /// `camera.updated`, `microphone.updated` and `speaker.updated`
    DeviceSwitched { current: PageDevice, previous: PageDevice }
    /// `media.connected`, `media.disconnected` and `media.reconnecting`
    MediaChanged {}
    /// `memberList.updated`
    MemberList { members: Vec<Member> }
    /// `room.left`
    RoomLeft { reason: String }
    /// `webrtc.message` and others of the call that carries a page's media
    VertoMessage { method: String, params: VertoParams }
    /// What such a message is about.
    VertoParams { call_id "callID": String, cause: String, cause_code "causeCode": Value }
}
