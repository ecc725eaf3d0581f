//! Messages that cannot be read are passed over; one that is too large costs the link, not the session.

use roomtone::sandbox::Fault;

use crate::common::House;

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_oversized() {
    let house = House::open().await;
    let (mut handle, mut end) = house.probe_in_the_room().await;
    let (room, peer) = (house.room.clone(), handle.peer.clone());
    house.sandbox.inject(Fault::Malformed { room: room.clone(), peer: peer.clone(), count: 5 }).unwrap();
    for _ in 0..20 {
        end.until_frame().await;
    }
    let mut lines = Vec::new();
    while let Ok(event) = handle.events.try_recv() {
        lines.push(format!("{:?}", event.kind));
    }
    assert!(lines.iter().any(|line| line.contains("(5 so far)")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("LinkLost")), "five are passed over");
    house.sandbox.inject(Fault::Malformed { room: room.clone(), peer: peer.clone(), count: 40 }).unwrap();
    end.until_told("link.up").await;
    end.until_frame().await;
    house.sandbox.inject(Fault::Oversized { room, peer, bytes: 20 << 20 }).unwrap();
    end.until_told("link.up").await;
    end.until_frame().await;
}

/// The sandbox's own interface tells everything that is wrong in the way of the rest of it, and takes no name that would do
/// something to a terminal or to a URL.
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_told_in_json() {
    let house = House::open().await;
    let http = reqwest::Client::new();
    let base = format!("{}/sandbox", house.sandbox.address().to_string().trim_end_matches('/'));
    let people = format!("rooms/{}/people", house.room);
    for (path, body, status, part) in [
        ("faults", "no JSON", 400, "expected"),
        ("faults", "", 422, "the body"),
        ("deprecation", r#"{"on":1}"#, 422, "expected true or false"),
        (&*people, r#"{"sounds":"x.wav"}"#, 422, "there is no key `sounds`"),
        (&*people, r#"{"delay_ms":-1}"#, 422, "0 or more"),
        ("rooms/a%1b%5b31mb", "", 400, "letters, digits"),
        ("rooms/..%2fx", "", 400, "letters, digits"),
        ("rooms/...", "", 400, "not dots alone"),
        ("rooms/%ff", "", 400, "UTF-8"),
        ("state", "", 405, "Not Allowed"),
        ("rooms/a%0ab", "", 400, "letters, digits"),
        (&format!("rooms/{}", house.room), "", 409, "already"),
    ] {
        let answer = http.post(format!("{base}/{path}")).bearer_auth(house.sandbox.token()).body(body.to_owned());
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path} {body}");
        let told: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(told["errors"].as_str().is_some_and(|told| told.contains(part)), "{path} {body}: {told}");
    }
}
