//! Whatever Fishjam's agent socket says: an error or a message, never a panic; and the quick look at sound sees what the
//! generated code sees.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomtone::protocol::fishjam::{decode_response, peek_track_data, wire::agent_response::Content};

fuzz_target!(|data: &[u8]| {
    let message = decode_response(data.to_vec().into());
    if let Some(seen) = peek_track_data(data) {
        let Ok(Some(Content::TrackData(sound))) = message.map(|message| message.content) else { panic!("no sound") };
        let track = sound.track.expect("a track");
        assert_eq!((seen.peer, seen.track, seen.data), (&sound.peer_id[..], &track.id[..], &sound.data[..]));
    }
});
