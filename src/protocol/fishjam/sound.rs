//! The two messages that carry sound, without an allocation: they pass fifty times a second in each direction of each
//! track. All else is left to the generated code.

use bytes::{BufMut, BytesMut};
use prost::{decode_length_delimiter, encode_length_delimiter, length_delimiter_len};

use crate::{event::TrackId, signal::IncomingSound};

/// Looks at a message of the agent socket and gives the sound it carries. `None` says nothing about the message but
/// that it is not the plain form of a chunk: [`decode_response`](super::decode_response) knows what it is then.
///
/// ```
/// use roomtone::protocol::fishjam::{peek_track_data, wire::AgentResponse};
/// use prost::Message;
/// let message = b"\x12\x0d\x0a\x01p\x12\x04\x0a\x02t1\x1a\x02\x01\x02";
/// let sound = peek_track_data(message).unwrap();
/// assert_eq!((sound.peer, sound.track, sound.data), ("p", "t1", &[1, 2][..]));
/// ```
pub fn peek_track_data(message: &[u8]) -> Option<IncomingSound<'_>> {
    let mut message = Fields(message);
    let body = message.next_if(TRACK_DATA_IN)?;
    message.0.is_empty().then_some(())?;
    let mut body = Fields(body);
    let peer = body.next_if(PEER_ID).map_or(Some(""), as_text)?;
    let mut track = Fields(body.next_if(TRACK)?);
    let data = body.next_if(DATA_IN).unwrap_or_default();
    body.0.is_empty().then_some(())?;
    let id = track.next_if(ID).map_or(Some(""), as_text)?;
    if let [TYPE, kind, rest @ ..] = track.0 {
        // A type that takes more than a byte is not one of ours.
        (*kind < 0x80).then_some(())?;
        track.0 = rest;
    }
    // Whatever it is: nobody's sound depends on it.
    track.next_if(METADATA);
    track.0.is_empty().then_some(IncomingSound { peer, track: id, data })
}

/// What is left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next field's bytes, if it has this key.
    fn next_if(&mut self, key: u8) -> Option<&'a [u8]> {
        let mut rest = self.0.strip_prefix(&[key])?;
        let length = decode_length_delimiter(&mut rest).ok()?;
        let (bytes, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Appends the message that sends `data` on a track: as [`AgentRequest::track_data`](super::wire::AgentRequest), but into a buffer that is used
/// again, since this happens fifty times a second for each voice.
///
/// ```
/// use roomtone::protocol::fishjam::{encode_track_data, wire::AgentRequest};
/// use prost::Message;
/// let mut out = bytes::BytesMut::new();
/// encode_track_data(&"t1".into(), &[1, 2, 3], &mut out);
/// assert_eq!(out, AgentRequest::track_data(&"t1".into(), vec![1, 2, 3].into()).encode_to_vec());
/// ```
pub fn encode_track_data(id: &TrackId, data: &[u8], out: &mut BytesMut) {
    let field = |length: usize| if length == 0 { 0 } else { 1 + length_delimiter_len(length) + length };
    let inner = field(id.as_str().len()) + field(data.len());
    out.reserve(1 + length_delimiter_len(inner) + inner);
    put_length(TRACK_DATA, inner, out);
    for (tag, bytes) in [(TRACK_ID, id.as_str().as_bytes()), (DATA, data)] {
        if !bytes.is_empty() {
            put_length(tag, bytes.len(), out);
            out.extend_from_slice(bytes);
        }
    }
}

fn put_length(tag: u8, length: usize, out: &mut BytesMut) {
    out.put_u8(tag);
    encode_length_delimiter(length, out).expect("a BytesMut grows");
}

/// A key is a field's number and whether it has a length (2) or is a number itself (0). These are of
/// `AgentRequest.track_data`,
const TRACK_DATA: u8 = 4 << 3 | 2;
const TRACK_ID: u8 = 1 << 3 | 2;
const DATA: u8 = 2 << 3 | 2;
/// and these of `AgentResponse.track_data` and of its track.
const TRACK_DATA_IN: u8 = 2 << 3 | 2;
const PEER_ID: u8 = 1 << 3 | 2;
const TRACK: u8 = 2 << 3 | 2;
const DATA_IN: u8 = 3 << 3 | 2;
const ID: u8 = 1 << 3 | 2;
const TYPE: u8 = 2 << 3;
const METADATA: u8 = 3 << 3 | 2;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::protocol::fishjam::wire::{
        AgentRequest, AgentResponse,
        agent_response::{Content, TrackData},
        notifications::Track,
    };

    fn response(peer: &str, track: &str, kind: i32, metadata: &str, data: &[u8]) -> Vec<u8> {
        let track = Track { id: track.into(), r#type: kind, metadata: metadata.into() };
        let content = TrackData { peer_id: peer.into(), track: Some(track), data: data.to_vec().into() };
        AgentResponse { content: Some(Content::TrackData(content)) }.encode_to_vec()
    }

    proptest! {
        #[test]
        fn every_chunk_is_seen_and_nothing_is_seen_that_is_not_there(
            (peer, track, metadata) in (".{0,40}", ".{0,40}", ".{0,200}"),
            kind in 0i32..3,
            data in proptest::collection::vec(any::<u8>(), 0..2_000),
            flip in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut bytes = response(&peer, &track, kind, &metadata, &data);
            if let Some((place, value)) = flip {
                let place = place.index(bytes.len());
                bytes[place] = value;
            } else {
                prop_assert_eq!(peek_track_data(&bytes), Some(IncomingSound { peer: &peer, track: &track, data: &data }));
            }
            // Metadata that is no text is passed over here, and refused there.
            if let Some(seen) = peek_track_data(&bytes)
                && let Ok(message) = AgentResponse::decode(&bytes[..])
            {
                let AgentResponse { content: Some(Content::TrackData(sound)) } = message
                else { panic!("the generated code sees no sound") };
                let track = sound.track.unwrap();
                prop_assert_eq!((seen.peer, seen.track, seen.data), (&sound.peer_id[..], &track.id[..], &sound.data[..]));
            }
        }

        #[test]
        fn what_is_sent_is_what_the_generated_code_sends(
            id in ".{0,200}", data in proptest::collection::vec(any::<u8>(), 0..20_000),
        ) {
            let (id, mut out) = (TrackId::from(id), BytesMut::new());
            encode_track_data(&id, &data, &mut out);
            prop_assert_eq!(out, AgentRequest::track_data(&id, Bytes::from(data)).encode_to_vec());
        }
    }
}
