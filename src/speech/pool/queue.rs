//! What waits for an engine, and in which order it is taken.
//!
//! Finals come first, the one with the earliest deadline before the others, and those of speakers who were not understood
//! lately before all: under a load that is too much everybody is understood at times. One that cannot be done by its deadline
//! any more is not begun, or each would be just too late for the next one. Partials are taken when no final waits, the one that
//! has waited longest first; one that cannot be done within its time is shed. Each speaker has one partial at a time, so nobody
//! can crowd out the others.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// The queue of one engine, over any kind of job.
#[derive(Debug)]
pub(super) struct Queue<J> {
    finals: BTreeMap<(Instant, u64), Waiting<J>>,
    partials: VecDeque<Waiting<J>>,
    /// Tells jobs of one deadline apart, in the order in which they came.
    number: u64,
    most: usize,
}

#[derive(Debug)]
struct Waiting<J> {
    deadline: Instant,
    /// How much speech it is.
    lasts: Duration,
    job: J,
}

/// What is to be done next, and what is not going to be done.
#[derive(Debug)]
pub(super) struct Next<J> {
    pub(super) job: Option<J>,
    /// Finals that would be too late, and partials that waited for too long.
    pub(super) late: Vec<J>,
    pub(super) shed: Vec<J>,
}

impl<J> Queue<J> {
    pub(super) fn new(most: usize) -> Queue<J> {
        Queue { finals: BTreeMap::new(), partials: VecDeque::new(), number: 0, most }
    }

    /// Takes a final of so much speech, by a speaker of whom so many in a row were not understood, or gives it back if too
    /// many wait.
    pub(super) fn push_final(&mut self, deadline: Instant, lasts: Duration, losses: u32, job: J) -> Result<(), J> {
        if self.finals.len() >= self.most {
            return Err(job);
        }
        self.number += 1;
        let place = deadline.checked_sub(LEAD * losses.min(MOST_LOSSES)).unwrap_or(deadline);
        self.finals.insert((place, self.number), Waiting { deadline, lasts, job });
        Ok(())
    }

    /// Takes a partial that is worth something until `deadline`, or gives it back if too many wait.
    pub(super) fn push_partial(&mut self, deadline: Instant, lasts: Duration, job: J) -> Result<(), J> {
        if self.partials.len() >= self.most {
            return Err(job);
        }
        self.partials.push_back(Waiting { deadline, lasts, job });
        Ok(())
    }

    /// The next job, for an engine that takes `factor` of the time that speech lasts.
    pub(super) fn pop(&mut self, now: Instant, factor: f64) -> Next<J> {
        let is_in_time = |waiting: &Waiting<J>| now + waiting.lasts.mul_f64(factor.max(0.0)) <= waiting.deadline;
        let mut next = Next { job: None, late: Vec::new(), shed: Vec::new() };
        while let Some((_, waiting)) = self.finals.pop_first() {
            if is_in_time(&waiting) {
                next.job = Some(waiting.job);
                return next;
            }
            next.late.push(waiting.job);
        }
        while let Some(waiting) = self.partials.pop_front() {
            if is_in_time(&waiting) {
                next.job = Some(waiting.job);
                return next;
            }
            next.shed.push(waiting.job);
        }
        next
    }

    /// Whether the end of an utterance waits.
    pub(super) fn has_finals(&self) -> bool {
        !self.finals.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.finals.clear();
        self.partials.clear();
    }
}

/// By how much each loss brings a speaker forward, and how many count.
const LEAD: Duration = Duration::from_secs(2);
const MOST_LOSSES: u32 = 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes in which order: each job comes out once, finals by deadline and losses, all before any partial, and
        /// none that is too late.
        #[test]
        fn finals_come_by_deadline_and_before_partials(jobs in proptest::collection::vec((any::<bool>(), 0_u64..50, 0_u32..3), 0..60)) {
            let begun = Instant::now() + Duration::from_secs(60);
            let mut queue = Queue::new(1_000);
            for (n, (is_final, wait, losses)) in jobs.iter().enumerate() {
                let deadline = begun + Duration::from_millis(*wait);
                let job = (*is_final, *wait, *losses, n);
                match is_final {
                    true => queue.push_final(deadline, Duration::from_millis(100), *losses, job).unwrap(),
                    false => queue.push_partial(deadline, Duration::ZERO, job).unwrap(),
                }
            }
            // A final of 100 ms takes 5 ms.
            let now = begun + Duration::from_millis(10);
            let (mut taken, mut left_out) = (Vec::new(), Vec::new());
            loop {
                let Next { job, late, shed } = queue.pop(now, 0.05);
                prop_assert!(late.iter().all(|(is_final, wait, ..)| *is_final && *wait < 15));
                prop_assert!(shed.iter().all(|(is_final, wait, ..)| !*is_final && *wait < 10));
                left_out.extend(late.into_iter().chain(shed));
                match job {
                    Some(job) => taken.push(job),
                    None => break,
                }
            }
            let order = |(is_final, wait, losses, n): &(bool, u64, u32, usize)| match is_final {
                true => (false, std::cmp::Reverse(*losses), *wait, *n),
                false => (true, std::cmp::Reverse(0), 0, *n),
            };
            prop_assert!(taken.is_sorted_by_key(order), "{:?}", taken);
            let least = |is_final: bool| if is_final { 15 } else { 10 };
            prop_assert!(taken.iter().all(|(is_final, wait, ..)| *wait >= least(*is_final)));
            taken.extend(left_out);
            taken.sort_by_key(|(.., n)| *n);
            prop_assert!(taken.len() == jobs.len() && taken.iter().enumerate().all(|(n, job)| job.3 == n));
        }
    }

    #[test]
    fn what_finds_it_full_is_given_back() {
        let mut queue = Queue::new(1);
        let (now, none) = (Instant::now(), Duration::ZERO);
        assert_eq!((queue.push_final(now, none, 0, 1), queue.push_partial(now, none, 2)), (Ok(()), Ok(())));
        assert_eq!((queue.push_final(now, none, 0, 3), queue.push_partial(now, none, 4)), (Err(3), Err(4)));
    }

    /// Six times too much for an engine that does ten utterances a second: as many are done as can be, and everybody's are.
    #[test]
    fn under_far_too_much_everybody_is_understood_at_times() {
        let begun = Instant::now();
        let (mut queue, mut losses, mut done) = (Queue::new(1_000), [0_u32; 60], [0_u32; 60]);
        let (utterance, factor) = (Duration::from_secs(5), 0.02);
        for round in 0..30_u32 {
            // Everybody says something once a second, and wants it understood within two.
            let second = begun + Duration::from_secs(round.into());
            for (speaker, losses) in losses.iter().enumerate() {
                queue.push_final(second + Duration::from_secs(2), utterance, *losses, speaker).unwrap();
            }
            for tenth in 0..10 {
                let next = queue.pop(second + Duration::from_millis(100 * tenth), factor);
                next.late.iter().for_each(|speaker| losses[*speaker] += 1);
                if let Some(speaker) = next.job {
                    done[speaker] += 1;
                    losses[speaker] = 0;
                }
            }
        }
        assert!(done.iter().sum::<u32>() >= 290, "{done:?}");
        assert!(done.iter().all(|n| (2..=9).contains(n)), "{done:?}");
    }
}
