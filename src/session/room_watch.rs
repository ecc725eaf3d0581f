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
    /// One that somebody else asks for, and that will be told.
    shared: Option<Shared>,
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

    /// A list of all rooms is being asked for by somebody else: it does as well, so nobody needs to ask for this room alone,
    /// for as long as an answer of its own would take.
    pub(crate) fn on_listing(&mut self, now: Instant) {
        if !self.is_under_way {
            let was_wanted = self.roster.wants_snapshot();
            self.is_under_way = true;
            self.shared = Some(Shared { number: self.roster.begin_snapshot(), until: now + SHARED, was_wanted });
        }
    }

    /// That list came: gives its number, if it was waited for.
    pub(crate) fn take_listed(&mut self, now: Instant) -> Option<u64> {
        let shared = self.shared.take()?;
        self.next = now + self.pause;
        Some(shared.number)
    }

    /// That list did not come, or is waited for no longer: whoever wanted to ask may, each at a time of its own.
    pub(crate) fn drop_listing(&mut self, now: Instant, spread: f64) {
        let Some(shared) = self.shared.take() else { return };
        self.is_under_way = false;
        self.roster.on_snapshot_dropped();
        if shared.was_wanted {
            self.next = self.next.max(now + SPREAD.mul_f64(spread));
            self.roster.request_snapshot();
        }
    }

    /// When a list of all rooms is waited for no longer.
    fn shared_until(&self) -> Option<Instant> {
        self.shared.as_ref().map(|shared| shared.until)
    }

    /// When [`poll_ask`](Self::poll_ask) or [`poll_removed`](Self::poll_removed) has something.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let ask = self.wants_list().then_some(self.next);
        ask.into_iter().chain(self.removed_at).chain(self.shared_until()).min()
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

    /// Notifications do not come any more, and what was to be told by them neither.
    pub(crate) fn on_untold(&mut self, now: Instant, is_lost: bool) {
        self.drop_listing(now, 0.0);
        self.is_told = false;
        self.was_untold |= is_lost;
    }

    /// A moment has passed: it may be time to look again.
    pub(crate) fn on_time(&mut self, now: Instant) {
        if self.shared_until().is_some_and(|until| now >= until) {
            self.drop_listing(now, 0.0);
        }
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

/// A list of all rooms.
#[derive(Debug)]
struct Shared {
    number: u64,
    until: Instant,
    /// This session wanted a list anyway.
    was_wanted: bool,
}

/// How long a list of all rooms is waited for: a question of one's own takes no longer.
const SHARED: Duration = Duration::from_secs(10);
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
                let number = watch.take_listed(now).unwrap();
                watch.on_answer(true);
                watch.roster.reconcile(number, Snapshot::default());
                watch.on_explained();
            }
        }
        let end = begun + Duration::from_secs(3_605);
        assert_eq!((asked, watch.take_listed(end)), (0, None));
        // One that did not come is nothing to whoever did not want any, and asked for by who did, at a time of its own.
        watch.on_listing(end);
        watch.drop_listing(end + MS, 0.5);
        assert!(watch.poll_ask(end + SPREAD).is_none());
        watch.roster.request_snapshot();
        watch.on_listing(end);
        watch.drop_listing(end + MS, 0.5);
        assert_eq!(watch.poll_timeout(), Some(end + MS + SPREAD / 2));
        // Nor is it waited for longer than an answer of one's own.
        watch.on_listing(end + 2 * SPREAD);
        assert_eq!(watch.poll_timeout(), Some(end + 2 * SPREAD + SHARED));
        watch.on_time(end + 2 * SPREAD + SHARED);
        assert!(watch.poll_ask(end + 2 * SPREAD + SHARED).is_some());
    }

    #[test]
    fn after_notifications_were_away_sessions_ask_at_different_times() {
        let begun = Instant::now();
        let asks_at = |spread: f64| {
            let mut watch = RoomWatch::new("me".into(), begun);
            watch.poll_ask(begun);
            watch.on_answer(true);
            watch.on_untold(begun, true);
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
