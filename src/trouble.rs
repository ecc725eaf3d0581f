//! Trouble that many share, told once: a line when it begins, a count while it lasts, a line when it is over. Three
//! hundred sessions whose server goes away are one fact, not three hundred.

use std::{
    collections::HashSet,
    sync::Mutex,
    time::{Duration, Instant},
};

/// One kind of trouble, and whom it concerns at the moment.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// What it is, as a line begins.
    name: &'static str,
    state: Mutex<Option<Lasting>>,
}

#[derive(Debug)]
struct Lasting {
    since: Instant,
    told: Instant,
    open: HashSet<String>,
    concerned: usize,
    times: u64,
}

impl Trouble {
    pub(crate) fn new(name: &'static str) -> Trouble {
        Trouble { name, state: Mutex::new(None) }
    }

    /// `who` is in it, for this reason. May be said again and again.
    pub(crate) fn begins(&self, who: &str, why: &str) {
        if let Some(line) = self.note(Instant::now(), who, why) {
            tracing::warn!("{line}");
        }
    }

    /// `who` is out of it, whether or not it was in.
    pub(crate) fn ends(&self, who: &str) {
        if let Some(line) = self.note_end(Instant::now(), who) {
            tracing::warn!("{line}");
        }
    }

    fn note(&self, now: Instant, who: &str, why: &str) -> Option<String> {
        let mut state = self.state.lock().expect("no holder panics");
        let Some(lasting) = state.as_mut() else {
            let open = HashSet::from([who.to_owned()]);
            *state = Some(Lasting { since: now, told: now, open, concerned: 1, times: 1 });
            return Some(format!("{}: {who}: {why}", self.name));
        };
        lasting.times += 1;
        lasting.concerned += usize::from(lasting.open.insert(who.to_owned()));
        if now < lasting.told + BETWEEN_COUNTS {
            return None;
        }
        lasting.told = now;
        let (open, times) = (lasting.open.len(), lasting.times);
        let lasts = (now - lasting.since).as_secs();
        Some(format!("{}: for {lasts} s, now {open} of them, {times} times in all; last {who}: {why}", self.name))
    }

    fn note_end(&self, now: Instant, who: &str) -> Option<String> {
        let mut state = self.state.lock().expect("no holder panics");
        let lasting = state.as_mut()?;
        if !lasting.open.remove(who) || !lasting.open.is_empty() {
            return None;
        }
        let (after, concerned, times) = ((now - lasting.since).as_secs_f64(), lasting.concerned, lasting.times);
        *state = None;
        Some(format!("{}: over after {after:.1} s; it concerned {concerned}, {times} times in all", self.name))
    }
}

/// Something that happens again and again: told the first time, and then with its count once a minute at most.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// It happened. Gives how often since it was told last, if it is to be told now.
    pub(crate) fn happens(&self) -> Option<u64> {
        self.note(Instant::now())
    }

    fn note(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().expect("no holder panics");
        state.1 += 1;
        let is_due = state.0.is_none_or(|told| now >= told + BETWEEN_LINES);
        is_due.then(|| {
            state.0 = Some(now);
            std::mem::take(&mut state.1)
        })
    }
}

/// ` (12 times since it was told last)`, where that is more than once.
pub(crate) fn times(count: u64) -> String {
    if count > 1 { format!(" ({count} times since it was told last)") } else { String::new() }
}

/// How often a count is told while trouble lasts.
const BETWEEN_COUNTS: Duration = Duration::from_secs(30);
/// How often the same thing is told.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_in_the_same_trouble_are_three_lines() {
        let (trouble, begun) = (Trouble::new("agents' links"), Instant::now());
        let mut lines = Vec::new();
        for ms in (0..60_000).step_by(100) {
            let who = format!("room {}", ms / 100 % 300);
            lines.extend(trouble.note(begun + Duration::from_millis(ms), &who, "refused"));
        }
        for n in 0..300 {
            lines.extend(trouble.note_end(begun + Duration::from_secs(61), &format!("room {n}")));
        }
        assert_eq!(lines[0], "agents' links: room 0: refused");
        assert_eq!(lines[1], "agents' links: for 30 s, now 300 of them, 301 times in all; last room 0: refused");
        assert_eq!(lines[2], "agents' links: over after 61.0 s; it concerned 300, 600 times in all");
        assert_eq!(lines.len(), 3);
        assert_eq!(trouble.note_end(begun, "room 7"), None);
    }

    #[test]
    fn what_happens_again_is_counted() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        let told: Vec<u64> = (0..1_200).filter_map(|n| seldom.note(begun + Duration::from_millis(n * 100))).collect();
        assert_eq!(told, [1, 600]);
    }
}
