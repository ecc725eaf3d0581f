//! The driver's view of the room: snapshots and notifications in, events for the agent out.

use std::{sync::Arc, time::Instant};

use tracing::Instrument;

use super::{Done, Driver, STILL_HEARD};
use crate::{
    agent::{Capture, CaptureError},
    event::{End, Event, EventKind, PeerEvent, PeerId, RoomEvent, Snapshot, Track, TrackEvent, TrackKind},
    fishjam::{
        notifier::NotifierEvent,
        rest::{RestError, RestErrorKind, model::Room},
    },
    session::{Ending, Input},
};

impl Driver {
    pub(super) fn ask_for_snapshot(&mut self, asked: u64) {
        let (rest, room) = (self.rest.clone(), self.room.clone());
        let look = async move { Done::Snapshot(asked, rest.room(&room).await) };
        self.sources.spawn(look.in_current_span());
    }

    pub(super) fn on_snapshot(&mut self, now: Instant, asked: u64, result: Result<Room, RestError>) {
        match result {
            Ok(room) => self.take_in(now, asked, room.snapshot()),
            Err(error) if error.kind == RestErrorKind::NotFound => self.on_room_end(now, false),
            Err(error) => {
                self.watch.on_answer(false);
                self.rest.troubles.rosters.begins(self.peer.as_str(), &error.to_string());
            }
        }
    }

    /// A list that somebody else asked for has come. A room that it does not name is asked for.
    fn on_listed(&mut self, now: Instant, listed: Option<Arc<Snapshot>>) {
        match (self.watch.take_listed(now), listed) {
            (Some(asked), Some(listed)) => self.take_in(now, asked, Snapshot::clone(&listed)),
            (Some(_), None) => self.watch.on_answer(false),
            (None, _) => {}
        }
    }

    fn take_in(&mut self, now: Instant, asked: u64, listed: Snapshot) {
        self.watch.on_answer(true);
        self.rest.troubles.rosters.ends(self.peer.as_str());
        self.keep_who_is_heard(now);
        if let Some(me) = listed.peers.iter().find(|peer| peer.id == self.peer) {
            self.on_tracks(now, me.tracks.iter().map(|track| &track.id));
        }
        let events = self.watch.roster.reconcile(asked, listed);
        self.on_room_events(now, events);
        if !self.inbound.holds_chunks() {
            self.watch.on_explained();
        }
    }

    pub(super) fn on_notifier(&mut self, now: Instant, event: NotifierEvent) {
        match event {
            NotifierEvent::Up => self.watch.on_told(now, fastrand::f64()),
            NotifierEvent::Down { reason } => {
                self.watch.on_untold(now, true);
                tracing::debug!("the server socket is down: {reason}");
            }
            NotifierEvent::Listing => self.watch.on_listing(now),
            NotifierEvent::Listed(listed) => self.on_listed(now, listed),
            NotifierEvent::ListFailed => self.watch.drop_listing(now, fastrand::f64()),
            NotifierEvent::Event(event) => self.on_notification(now, &event),
            NotifierEvent::Refused { reason } => {
                self.watch.on_untold(now, false);
                tracing::debug!("the server socket refuses the token: {reason}");
            }
        }
    }

    pub(super) fn on_notification(&mut self, now: Instant, said: &Event) {
        match &said.kind {
            EventKind::Room(RoomEvent::Closed { end }) => return self.on_room_end(now, end.is_failure()),
            // It is there, as we are.
            EventKind::Room(RoomEvent::Opened { .. }) => return,
            EventKind::Peer(PeerEvent::Removed { peer }) if peer.id == self.peer => {
                self.watch.on_removed(now);
            }
            EventKind::Track(TrackEvent::Added { track, .. }) => self.on_tracks(now, [&track.id]),
            _ => {}
        }
        let events = self.watch.roster.apply(said);
        self.on_room_events(now, events);
    }

    /// Sound that no notification has announced is proof enough of those who send it.
    pub(super) fn take_in_unannounced(&mut self, now: Instant) {
        for (peer, track) in self.inbound.take_overdue(now - self.begun) {
            tracing::warn!(%peer, %track, "heard, though no notification has announced it");
            let events = self.watch.roster.heard(&peer, track);
            self.on_room_events(now, events);
        }
    }

    fn keep_who_is_heard(&mut self, now: Instant) {
        let since = (now - self.begun).saturating_sub(STILL_HEARD);
        let heard = |track: &Track| self.inbound.has_heard(&track.id, since);
        let heard = self.watch.roster.peers().filter(|peer| peer.tracks.iter().any(heard)).map(|peer| peer.id.clone());
        heard.collect::<Vec<PeerId>>().iter().for_each(|peer| self.watch.roster.still_heard(peer));
    }

    pub(super) fn on_room_events(&mut self, now: Instant, events: Vec<Event>) {
        if !events.is_empty() {
            self.watch.on_explained();
        }
        for event in events {
            self.look_at_audience(&event);
            match &event.kind {
                EventKind::Track(TrackEvent::Added { track, .. }) => self.inbound.on_track_added(&track.id),
                EventKind::Track(TrackEvent::Removed { track, .. }) => {
                    if let Err(error) = self.inbound.on_track_removed(now - self.begun, &track.id, &mut self.port) {
                        self.give_up(now, error.to_string());
                    }
                }
                _ => {}
            }
            self.tell(event);
        }
        if let Err(error) = self.inbound.on_roster(now - self.begun, &mut self.watch.roster, &mut self.port) {
            self.give_up(now, error.to_string());
        }
    }

    pub(super) fn on_room_end(&mut self, now: Instant, crashed: bool) {
        self.tell_room_end(crashed);
        self.link.session.handle_input(now, Input::Leave(Ending::RoomEnded { crashed }));
    }

    /// Tells the agent that the room is over, whichever socket says so first.
    pub(super) fn tell_room_end(&mut self, crashed: bool) {
        if self.watch.tells_end() {
            let end = if crashed { End::Failed { reason: None } } else { End::Normal };
            self.tell(RoomEvent::Closed { end });
        }
    }

    pub(super) fn on_capture(&mut self, now: Instant, capture: Capture) {
        let known = self.watch.roster.peers().find_map(|peer| peer.track(&capture.track));
        let refusal = match known.map(|track| track.kind) {
            None => Some(CaptureError::NoSuchTrack),
            Some(TrackKind::Audio) => Some(CaptureError::NotVideo),
            Some(TrackKind::Video | TrackKind::Unknown) => None,
        };
        if let Some(error) = refusal {
            capture.reply.send(Err(error)).ok();
            return;
        }
        self.next_capture += 1;
        self.captures.insert(self.next_capture, capture.reply);
        self.link.session.handle_input(now, Input::Capture { id: self.next_capture, track: capture.track });
    }
}
