//! Still pictures of people's video.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::notes::Request;
use crate::event::TrackId;

/// A still picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// The media type, `image/jpeg` in practice.
    pub content_type: String,
    /// The picture's file.
    pub data: Bytes,
}

impl std::fmt::Debug for Image {
    /// Says how large it is; whom it shows stays private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}, {} bytes)", self.content_type, self.data.len())
    }
}

/// Why there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// No peer publishes a track of this id.
    #[error("nobody publishes this track")]
    NoSuchTrack,
    /// The track carries sound.
    #[error("this track is not video")]
    NotVideo,
    /// No answer came in time; a Fishjam never says no.
    #[error("no picture came within 5 s")]
    Deadline,
    /// The link to the room is down, or broke while the picture was awaited.
    #[error("the link to the room is down")]
    LinkDown,
    /// Too many pictures are awaited already.
    #[error("too many pictures are awaited; wait for some of them")]
    Busy,
}

/// Asks for pictures. Cheap to clone, so a picture can be awaited in another task.
#[derive(Debug, Clone)]
pub struct Camera(mpsc::Sender<Request>);

/// A request on its way to the driver.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) track: TrackId,
    pub(crate) reply: oneshot::Sender<Result<Image, CaptureError>>,
}

impl Camera {
    pub(super) fn new(requests: mpsc::Sender<Request>) -> Camera {
        Camera(requests)
    }

    /// A picture of the video track `track`. A Fishjam gives one a second for each track, so a request within a second
    /// of the last waits for its turn, and requests for the same track share an answer.
    ///
    /// # Errors
    /// [`CaptureError`], at the latest 5 s after the request.
    pub async fn still(&self, track: &TrackId) -> Result<Image, CaptureError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Capture(Capture { track: track.clone(), reply });
        self.0.send(request).await.map_err(|_| CaptureError::LinkDown)?;
        answer.await.unwrap_or(Err(CaptureError::LinkDown))
    }
}
