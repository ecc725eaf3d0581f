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
        let heard_out = self.voice.heard_out_at.filter(|at| *at > now);
        let due = [self.link.session.poll_timeout(), behind, self.watch.poll_timeout(), heard_out];
        due.into_iter().flatten().fold(self.next_check, Instant::min)
    }

    /// When sound that is held is to be passed on.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.inbound.poll_timeout().map(|at| self.begun + at)
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        self.link.session.handle_input(now, Input::Time);
        if now >= self.next_check {
            self.next_check = now + CHECK;
            if let Some(reason) = self.link.socket.as_mut().and_then(|socket| socket.check(now)) {
                self.link.socket = None;
                self.link.session.handle_input(now, Input::Closed(reason));
            }
            self.watch.on_time(now);
            self.sources.listen_again(now);
            if self.inbound.holds_chunks() {
                self.on_room_events(now, Vec::new());
            }
            self.subscribe_to_heard();
            self.port.stamp(now);
            self.observers.monitor.publish(self.counters());
            self.is_tapped = self.observers.monitor.is_tapped();
        }
    }
}

/// How often links are looked after.
const CHECK: Duration = Duration::from_secs(1);
/// How soon an agent that is behind is looked at again: a block.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
