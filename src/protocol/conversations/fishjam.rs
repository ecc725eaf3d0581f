//! A Fishjam's machine.

use prost::Message;

use super::{
    super::fishjam::{
        ServerSocket,
        wire::{
            ServerMessage,
            server_message::{
                Authenticated, Content, EventType, NotificationBatch, RoomCreated, RoomDeleted, SubscribeResponse,
            },
        },
    },
    *,
};

fn message(content: Content) -> Vec<u8> {
    ServerMessage { content: Some(content) }.encode_to_vec()
}

/// What it sends, what it tells, whether it is live, and why it closes.
fn drain(machine: &mut ServerSocket) -> (Vec<Content>, Vec<String>, bool, Option<Fault>) {
    let (mut sent, mut told, mut live, mut closed) = (Vec::new(), Vec::new(), false, None);
    while let Some(output) = machine.poll_output() {
        match output {
            Output::SendBytes(bytes) => sent.push(ServerMessage::decode(bytes).unwrap().content.unwrap()),
            Output::Event(event) => told.push(event.kind.name().to_owned()),
            Output::Live => live = true,
            Output::Close(fault) => closed = Some(fault),
            other => panic!("{other:?}"),
        }
    }
    (sent, told, live, closed)
}

#[test]
fn it_shows_the_token_subscribes_and_tells_batches_one_by_one() {
    let (now, mut machine) = (Instant::now(), ServerSocket::new("secret".to_owned().into()));
    machine.on_open(now, Duration::ZERO);
    let (sent, ..) = drain(&mut machine);
    assert!(matches!(&sent[..], [Content::AuthRequest(request)] if request.token == "secret"));
    machine.on_frame(now, Frame::Binary(&message(Content::Authenticated(Authenticated {}))));
    let (sent, _, live, _) = drain(&mut machine);
    assert!(
        matches!(&sent[..], [Content::SubscribeRequest(request)] if request.event_type() == EventType::ServerNotification)
    );
    assert!(!live);
    let response = SubscribeResponse { event_type: EventType::ServerNotification.into() };
    machine.on_frame(now, Frame::Binary(&message(Content::SubscribeResponse(response))));
    assert!(drain(&mut machine).2);
    assert_eq!(machine.poll_timeout(), None);
    let created = ServerMessage { content: Some(Content::RoomCreated(RoomCreated { room_id: "r".into() })) };
    let deleted = ServerMessage { content: Some(Content::RoomDeleted(RoomDeleted { room_id: "r".into() })) };
    let batch = Content::NotificationBatch(NotificationBatch { notifications: vec![created, deleted] });
    machine.on_frame(now, Frame::Binary(&message(batch)));
    assert_eq!(drain(&mut machine).1, ["room.opened", "room.closed"]);
}

#[test]
fn a_server_that_answers_nothing_is_left() {
    let (now, mut machine) = (Instant::now(), ServerSocket::new("secret".to_owned().into()));
    machine.on_open(now, Duration::ZERO);
    drain(&mut machine);
    let due = machine.poll_timeout().unwrap();
    assert_eq!(due, now + 10 * S);
    machine.on_time(due);
    assert!(drain(&mut machine).3.is_some_and(|fault| fault.kind == FaultKind::Broken));
}
