//! An agent sees stills of a camera, one a second, and gets a typed answer where there is none.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use roomtone::{
    agent::{Agent, AgentError, CaptureError, Image, Input, Room},
    event::{EventKind, TrackEvent, TrackId},
    sandbox::Person,
};
use tokio::sync::mpsc;

use crate::common::{House, PATIENCE};

/// Asks for a picture of each track it hears of, three times.
struct Photographer(mpsc::Sender<(TrackId, Duration, Result<Image, CaptureError>)>);

#[async_trait]
impl Agent for Photographer {
    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        while let Some(input) = room.next().await {
            let Input::Event(event) = input else { continue };
            let EventKind::Track(TrackEvent::Added { track, .. }) = event.kind else { continue };
            let (camera, tell) = (room.camera.clone(), self.0.clone());
            tokio::spawn(async move {
                let begun = Instant::now();
                for _ in 0..3 {
                    let result = camera.still(&track.id).await;
                    tell.send((track.id.clone(), begun.elapsed(), result)).await.ok();
                }
                let nobody = camera.still(&"nobody's".into()).await;
                tell.send(("nobody's".into(), begun.elapsed(), nobody)).await.ok();
            });
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_a_camera_and_none_of_a_microphone() {
    let house = House::open().await;
    let picture = Bytes::from_static(b"\xff\xd8 a very small picture");
    let still = Some(("image/jpeg", picture.clone()));
    let person = house.sandbox.add_person(&house.room, Person { still, ..Person::default() }).await.unwrap();
    let (tell, mut told) = mpsc::channel(16);
    let _stay = house.join(Photographer(tell)).await;
    let (mut pictures, mut refusals, mut unknown) = (Vec::new(), 0, 0);
    while pictures.len() + refusals + unknown < 8 {
        let (track, at, result) = tokio::time::timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
        match result {
            Ok(image) => {
                assert_eq!(Some(track), person.video);
                assert_eq!((image.content_type.as_str(), image.data), ("image/jpeg", picture.clone()));
                pictures.push(at);
            }
            Err(CaptureError::NotVideo) => {
                assert_eq!(track, person.audio);
                refusals += 1;
            }
            Err(CaptureError::NoSuchTrack) => unknown += 1,
            Err(other) => panic!("{track}: {other}"),
        }
    }
    assert_eq!((pictures.len(), refusals, unknown), (3, 3, 2));
    let took = pictures[2] - pictures[0];
    assert!(took >= Duration::from_secs(2), "one a second: {pictures:?}");
}
