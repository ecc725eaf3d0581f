//! When the driver has something to do, and what comes round again.

use std::time::{Duration, Instant};

use super::Driver;
use crate::session::Input;

impl Driver {
    pub(super) fn set_alarm(&mut self, now: Instant) {
        self.due = self.next_deadline(now);
        self.wake_next(now);
    }

    fn wake_next(&mut self, now: Instant) {
        let due = self.due_beside_voice();
        let deadline = self.next_of_voice(now).map_or(due, |next| next.min(due));
        self.sources.wake_next(now, deadline);
    }

    /// When something is due, apart from the voice. Sound may have been held since `due` was worked out.
    fn due_beside_voice(&self) -> Instant {
        self.held_until().map_or(self.due, |held| held.min(self.due))
    }

    /// The alarm has rung. If it was for the voice and nothing else, the voice has its due.
    pub(super) fn is_voices_time(&mut self, now: Instant) -> bool {
        if now >= self.due_beside_voice() || self.sources.agent_is_done() {
            return false;
        }
        self.speak(now);
        self.wake_next(now);
        true
    }

    /// When something is due, apart from the voice and sound that is held.
    fn next_deadline(&self, now: Instant) -> Instant {
        let behind = self.port.is_behind().then_some(now + LOOK_AGAIN);
        let snapshot = self.wants_snapshot().then_some(self.next_snapshot);
        let heard_out = self.heard_out_at.filter(|at| *at > now);
        let due = [self.session.poll_timeout(), behind, snapshot, heard_out, self.removed_at];
        due.into_iter().flatten().fold(self.next_check, Instant::min)
    }

    /// When sound that is held is to be passed on.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.inbound.poll_timeout().map(|at| self.begun + at)
    }

    pub(super) fn next_of_voice(&self, now: Instant) -> Option<Instant> {
        let outbound = self.outbound.as_ref().filter(|_| self.session.voice_track().is_some());
        let next = outbound.and_then(|outbound| outbound.poll_timeout(now, &self.port.voice));
        next.map(|at| at.max(self.voice_opens))
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        self.session.handle_input(now, Input::Time);
        if now >= self.next_check {
            self.next_check = now + CHECK;
            if let Some(reason) = self.socket.as_mut().and_then(|socket| socket.check(now)) {
                self.socket = None;
                self.session.handle_input(now, Input::Closed(reason));
            }
            let patience = if self.notifier_is_up { LOOK_AGAIN_INTO_ROOM } else { LOOK_INTO_ROOM };
            if now >= self.next_snapshot + patience {
                self.roster.request_snapshot();
            }
            self.sources.listen_again(now);
            if self.inbound.holds_chunks() {
                self.on_room_events(now, Vec::new());
            }
            self.subscribe_to_heard();
            self.port.stamp(now);
            self.link.monitor.publish(self.counters());
            self.is_tapped = self.link.monitor.is_tapped();
        }
    }
}

/// How often links are looked after.
const CHECK: Duration = Duration::from_secs(1);
/// How soon an agent that is behind is looked at again: a block.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often the room is looked at while the server socket is down.
const LOOK_INTO_ROOM: Duration = Duration::from_secs(10);
/// How often it is looked at in any case: a notification may have been lost.
const LOOK_AGAIN_INTO_ROOM: Duration = Duration::from_secs(60);
