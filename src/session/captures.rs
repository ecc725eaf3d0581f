//! Still pictures that are asked for and awaited.
//!
//! A Fishjam gives one picture a second for each track and says nothing when it gives none, so the pace is kept here,
//! requests for one track share an answer, and every request has a deadline.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    agent::{CaptureError, Image},
    event::TrackId,
};

/// What is awaited, track by track. It owns no clock.
#[derive(Debug, Default)]
pub struct Captures {
    tracks: BTreeMap<TrackId, Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    last_sent: Option<Instant>,
    in_flight: bool,
    waiting: Vec<(u64, Instant)>,
}

/// An answer for the request of this number.
pub(super) type Answer = (u64, Result<Image, CaptureError>);

impl Captures {
    /// The agent asks for a picture of `track`; `id` tells the request from others.
    pub fn on_request(&mut self, now: Instant, id: u64, track: TrackId) -> Result<(), CaptureError> {
        let waiting: usize = self.tracks.values().map(|pending| pending.waiting.len()).sum();
        if waiting >= MOST_WAITING {
            return Err(CaptureError::Busy);
        }
        self.tracks.entry(track).or_default().waiting.push((id, now + DEADLINE));
        Ok(())
    }

    /// A picture came: everyone who waits for this track gets it.
    pub fn on_image(&mut self, track: &str, image: &Image, answers: &mut Vec<Answer>) {
        if let Some(pending) = self.tracks.get_mut(track) {
            pending.in_flight = false;
            answers.extend(pending.waiting.drain(..).map(|(id, _)| (id, Ok(image.clone()))));
        }
    }

    /// The link broke: nothing that was asked will be answered.
    pub fn on_link_down(&mut self, answers: &mut Vec<Answer>) {
        for pending in std::mem::take(&mut self.tracks).into_values() {
            answers.extend(pending.waiting.into_iter().map(|(id, _)| (id, Err(CaptureError::LinkDown))));
        }
    }

    /// Gives up what is past its deadline and forgets tracks that nobody asks for any more.
    pub fn on_time(&mut self, now: Instant, answers: &mut Vec<Answer>) {
        self.tracks.retain(|_, pending| {
            let expired = pending.waiting.extract_if(.., |(_, deadline)| *deadline <= now);
            answers.extend(expired.map(|(id, _)| (id, Err(CaptureError::Deadline))));
            // The answer is lost, or was never to come: ask again.
            let lost = pending.last_sent.is_some_and(|sent| now >= sent + LOST);
            pending.in_flight &= !pending.waiting.is_empty() && !lost;
            !pending.waiting.is_empty() || pending.last_sent.is_some_and(|sent| now < sent + SPACING)
        });
    }

    /// The next track to ask the server for at `now`, if one is due.
    pub fn poll_request(&mut self, now: Instant) -> Option<TrackId> {
        let (track, pending) =
            self.tracks.iter_mut().find(|(_, pending)| pending.due_at().is_some_and(|at| at <= now))?;
        pending.in_flight = true;
        pending.last_sent = Some(now);
        Some(track.clone())
    }

    /// When something is due next; while there is no link nothing can be asked, and only deadlines count.
    pub fn poll_timeout(&self, live: bool) -> Option<Instant> {
        let deadlines = self.tracks.values().flat_map(|pending| pending.waiting.iter().map(|(_, deadline)| *deadline));
        let losses = self.tracks.values().filter(|pending| pending.in_flight).filter_map(Pending::lost_at);
        let dues = self.tracks.values().filter_map(Pending::due_at).chain(losses).filter(|_| live);
        deadlines.chain(dues).min()
    }
}

impl Pending {
    /// When a request that is on its way counts as lost.
    fn lost_at(&self) -> Option<Instant> {
        self.last_sent.map(|sent| sent + LOST)
    }

    /// When the server may be asked, if somebody waits and it has not been.
    fn due_at(&self) -> Option<Instant> {
        let (_, deadline) = self.waiting.iter().find(|_| !self.in_flight)?;
        let asked = *deadline - DEADLINE;
        Some(self.last_sent.map_or(asked, |sent| (sent + SPACING).max(asked)))
    }
}

/// As long as the official SDK waits.
const DEADLINE: Duration = Duration::from_secs(5);
/// The limit is one a second as the server counts; the tenth more keeps clear of it when the network bunches two.
const SPACING: Duration = Duration::from_millis(1_100);
/// How long an answer is waited for before the server is asked again.
const LOST: Duration = Duration::from_secs(2);
/// Requests that may wait at once; more than an agent can use.
const MOST_WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_shared_by_all_who_ask() {
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let image = Image { content_type: "image/jpeg".into(), data: bytes::Bytes::from_static(b"x") };
        let (mut captures, mut answers) = (Captures::default(), Vec::new());
        captures.on_request(ms(0), 1, "v".into()).unwrap();
        assert_eq!(captures.poll_request(ms(0)), Some("v".into()));
        captures.on_request(ms(50), 2, "v".into()).unwrap();
        assert_eq!(captures.poll_request(ms(60)), None, "one is on its way");
        captures.on_image("v", &image, &mut answers);
        assert_eq!(answers, [(1, Ok(image.clone())), (2, Ok(image))]);
        captures.on_request(ms(200), 3, "v".into()).unwrap();
        assert_eq!(captures.poll_request(ms(1_099)), None, "too soon after the last");
        assert_eq!(captures.poll_timeout(true), Some(ms(1_100)));
        assert_eq!(captures.poll_request(ms(1_100)), Some("v".into()));
        answers.clear();
        captures.on_time(ms(5_199), &mut answers);
        assert!(answers.is_empty());
        captures.on_time(ms(5_200), &mut answers);
        assert_eq!(answers, [(3, Err(CaptureError::Deadline))]);
        assert_eq!(captures.poll_timeout(true), None);
    }

    #[test]
    fn a_lost_answer_does_not_starve_those_who_ask_later() {
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let (mut captures, mut answers) = (Captures::default(), Vec::new());
        captures.on_request(ms(0), 1, "v".into()).unwrap();
        assert!(captures.poll_request(ms(0)).is_some());
        captures.on_request(ms(1_500), 2, "v".into()).unwrap();
        assert_eq!(captures.poll_timeout(true), Some(ms(2_000)));
        captures.on_time(ms(2_000), &mut answers);
        assert!(captures.poll_request(ms(2_000)).is_some(), "the server is asked again");
    }

    #[test]
    fn a_broken_link_answers_at_once() {
        let (mut captures, mut answers) = (Captures::default(), Vec::new());
        captures.on_request(Instant::now(), 9, "v".into()).unwrap();
        captures.on_link_down(&mut answers);
        assert_eq!(answers, [(9, Err(CaptureError::LinkDown))]);
    }
}
