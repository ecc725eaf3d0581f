//! When a session asks its platform who is in the room.
//!
//! Notifications tell what happens, and a list tells how it is. A list is asked for when nothing else will do: at the start,
//! after notifications were away, when sound comes of somebody whom nobody has announced, and now and then in any case, as a
//! notification may be lost without a trace. Lists that explain nothing are asked for less and less often: a platform in
//! trouble must not be asked by all of its sessions twice a second.

use std::time::{Duration, Instant};

use crate::event::{PeerId, Roster};

/// Who is in the room, and when to ask for it. It owns no clock and asks nobody itself.
#[derive(Debug)]
pub(crate) struct RoomWatch {
    /// Who is in the room, as far as that was told.
    pub(crate) roster: Roster,
    /// A list has been asked for.
    is_under_way: bool,
    /// The number of one that somebody else asks for, and that will be told.
    shared: Option<u64>,
    /// When one may be asked for next.
    next: Instant,
    /// Grows while lists explain nothing.
    pause: Duration,
    /// Notifications come; while they do not, the room is looked at more often.
    is_told: bool,
    was_untold: bool,
    /// The platform has removed the agent's peer; when that is taken for the end, if nothing else says what ended.
    removed_at: Option<Instant>,
    /// The agent has been told that the room is over.
    end_is_told: bool,
}

impl RoomWatch {
    pub(crate) fn new(me: PeerId, now: Instant) -> RoomWatch {
        RoomWatch {
            roster: Roster::new(me),
            is_under_way: false,
            shared: None,
            next: now,
            pause: PAUSE,
            is_told: false,
            was_untold: false,
            removed_at: None,
            end_is_told: false,
        }
    }

    /// A list is to be asked for at `now`: gives its number, which comes back with it.
    pub(crate) fn poll_ask(&mut self, now: Instant) -> Option<u64> {
        if !self.wants_list() || now < self.next {
            return None;
        }
        self.is_under_way = true;
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(self.roster.begin_snapshot())
    }

    /// A list of all rooms is being asked for by somebody else: it does as well, so nobody needs to ask for this room alone.
    pub(crate) fn on_listing(&mut self, now: Instant) {
        if !self.is_under_way {
            self.is_under_way = true;
            self.next = now + self.pause;
            self.shared = Some(self.roster.begin_snapshot());
        }
    }

    /// That list came, or did not, or does not know the room: gives its number, if it was waited for.
    pub(crate) fn take_listed(&mut self) -> Option<u64> {
        self.shared.take()
    }

    /// When [`poll_ask`](Self::poll_ask) or [`poll_removed`](Self::poll_removed) has something.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let ask = self.wants_list().then_some(self.next);
        ask.into_iter().chain(self.removed_at).min()
    }

    /// The list came, or did not.
    pub(crate) fn on_answer(&mut self, came: bool) {
        self.is_under_way = false;
        if !came {
            self.roster.on_snapshot_failed();
        }
    }

    /// Something was learnt: whoever asks soon again does so with reason.
    pub(crate) fn on_explained(&mut self) {
        self.pause = PAUSE;
    }

    /// Notifications come from now on; what happened before is not told. All sessions of a process hear that at once, and
    /// need not all ask at once: `spread` is this one's share of the time.
    pub(crate) fn on_told(&mut self, now: Instant, spread: f64) {
        self.is_told = true;
        if self.was_untold {
            self.next = self.next.max(now + SPREAD.mul_f64(spread));
        }
        self.roster.request_snapshot();
    }

    /// Notifications do not come any more.
    pub(crate) fn on_untold(&mut self, is_lost: bool) {
        self.is_told = false;
        self.was_untold |= is_lost;
    }

    /// A moment has passed: it may be time to look again.
    pub(crate) fn on_time(&mut self, now: Instant) {
        let patience = if self.is_told { LOOK_AGAIN } else { LOOK };
        if now >= self.next + patience {
            self.roster.request_snapshot();
        }
    }

    /// The agent's peer was removed. The room may be going, and all its peers before it: what ends is known when the
    /// connection has said so, or a moment later.
    pub(crate) fn on_removed(&mut self, now: Instant) {
        self.removed_at.get_or_insert(now + FAREWELL);
    }

    /// Whether the removal is to be taken for the end now.
    pub(crate) fn poll_removed(&mut self, now: Instant) -> bool {
        self.removed_at.take_if(|at| now >= *at).is_some()
    }

    /// Whether the agent is to be told of the room's end: the first of those that say so does it.
    pub(crate) fn tells_end(&mut self) -> bool {
        !std::mem::replace(&mut self.end_is_told, true)
    }

    fn wants_list(&self) -> bool {
        self.roster.wants_snapshot() && !self.is_under_way
    }
}

/// The shortest time between two questions for who is in the room.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest time between two questions that explained nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Within what time the sessions of one process look into their rooms once notifications are back.
const SPREAD: Duration = Duration::from_secs(1);
/// How often the room is looked at while no notifications come.
const LOOK: Duration = Duration::from_secs(10);
/// How often it is looked at in any case: a notification may have been lost.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How long the connections have to say why the agent's peer was removed.
const FAREWELL: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Snapshot;

    const MS: Duration = Duration::from_millis(1);

    /// Asks whenever that is due, until `until`, and says when, in milliseconds.
    fn asked(
        watch: &mut RoomWatch,
        begun: Instant,
        until: Duration,
        answer: impl Fn(&mut RoomWatch, u64),
    ) -> Vec<u128> {
        let mut times = Vec::new();
        for ms in 0..until.as_millis() as u32 {
            let now = begun + ms * MS;
            watch.on_time(now);
            if let Some(number) = watch.poll_ask(now) {
                times.push((now - begun).as_millis());
                answer(watch, number);
            }
        }
        times
    }

    #[test]
    fn lists_that_explain_nothing_are_asked_for_ever_less_often() {
        let begun = Instant::now();
        let mut watch = RoomWatch::new("me".into(), begun);
        let times = asked(&mut watch, begun, Duration::from_secs(40), |watch, _| watch.on_answer(false));
        assert_eq!(times, [0, 500, 1_500, 3_500, 7_500, 15_500, 25_500, 35_500]);
        watch.on_explained();
        let later = begun + Duration::from_secs(50);
        assert!(watch.poll_ask(later).is_some());
        watch.on_answer(false);
        assert_eq!(watch.poll_timeout(), Some(later + 500 * MS));
    }

    #[test]
    fn a_room_that_is_told_of_is_looked_at_each_minute_and_more_often_where_nothing_is_told() {
        let answer = |watch: &mut RoomWatch, number| {
            watch.on_answer(true);
            watch.roster.reconcile(number, Snapshot::default());
            watch.on_explained();
        };
        for (is_told, expected) in [(true, vec![0, 60_500, 121_000]), (false, (0..=14).map(|n| n * 10_500).collect())] {
            let begun = Instant::now();
            let mut watch = RoomWatch::new("me".into(), begun);
            if is_told {
                watch.on_told(begun, 0.5);
            }
            assert_eq!(asked(&mut watch, begun, Duration::from_secs(150), answer), expected);
        }
    }

    #[test]
    fn whoever_is_told_of_lists_asks_for_none() {
        let begun = Instant::now();
        let mut watch = RoomWatch::new("me".into(), begun);
        watch.on_told(begun, 0.0);
        let number = watch.poll_ask(begun).unwrap();
        watch.on_answer(true);
        watch.roster.reconcile(number, Snapshot::default());
        let mut asked = 0;
        for second in 1..=3_600 {
            let now = begun + Duration::from_secs(second);
            watch.on_time(now);
            asked += usize::from(watch.poll_ask(now).is_some());
            if second % 60 == 0 {
                watch.on_listing(now);
                assert!(watch.poll_ask(now + 10 * MS).is_none(), "one is on its way");
                let number = watch.take_listed().unwrap();
                watch.on_answer(true);
                watch.roster.reconcile(number, Snapshot::default());
                watch.on_explained();
            }
        }
        assert_eq!((asked, watch.take_listed()), (0, None));
        // One that did not come is asked for.
        watch.on_listing(begun + Duration::from_secs(3_660));
        watch.take_listed().unwrap();
        watch.on_answer(false);
        assert!(watch.poll_ask(begun + Duration::from_secs(3_661)).is_some());
    }

    #[test]
    fn after_notifications_were_away_sessions_ask_at_different_times() {
        let begun = Instant::now();
        let asks_at = |spread: f64| {
            let mut watch = RoomWatch::new("me".into(), begun);
            watch.poll_ask(begun);
            watch.on_answer(true);
            watch.on_untold(true);
            let back = begun + Duration::from_secs(5);
            watch.on_told(back, spread);
            watch.poll_timeout().unwrap() - back
        };
        assert_eq!((asks_at(0.0), asks_at(0.25), asks_at(0.9)), (Duration::ZERO, 250 * MS, 900 * MS));
    }

    #[test]
    fn a_removal_is_the_end_unless_something_else_says_what_ended() {
        let begun = Instant::now();
        let mut watch = RoomWatch::new("me".into(), begun);
        watch.on_removed(begun);
        watch.on_removed(begun + 200 * MS);
        assert!(!watch.poll_removed(begun + 299 * MS) && watch.poll_removed(begun + 300 * MS));
        assert!(!watch.poll_removed(begun + 400 * MS), "once");
        assert!(watch.tells_end() && !watch.tells_end());
    }
}
