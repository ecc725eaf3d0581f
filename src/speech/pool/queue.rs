//! What waits for an engine, and in which order it is taken.
//!
//! Finals come first, the one with the earliest deadline before the others. Partials are taken when no final waits, the
//! one that has waited longest before the others; one that was not taken within its time is shed. Each speaker has one job
//! at a time, so nobody can crowd out the others.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

/// The queue of one engine, over any kind of job.
#[derive(Debug)]
pub(super) struct Queue<J> {
    finals: BTreeMap<(Instant, u64), J>,
    partials: VecDeque<(Instant, J)>,
    /// Tells jobs of one deadline apart, in the order in which they came.
    number: u64,
    most_finals: usize,
    most_partials: usize,
}

impl<J> Queue<J> {
    pub(super) fn new(most: usize) -> Queue<J> {
        Queue { finals: BTreeMap::new(), partials: VecDeque::new(), number: 0, most_finals: most, most_partials: most }
    }

    /// Takes a final, or gives it back if too many wait.
    pub(super) fn push_final(&mut self, deadline: Instant, job: J) -> Result<(), J> {
        if self.finals.len() >= self.most_finals {
            return Err(job);
        }
        self.number += 1;
        self.finals.insert((deadline, self.number), job);
        Ok(())
    }

    /// Takes a partial that is worth something until `deadline`, or gives it back if too many wait.
    pub(super) fn push_partial(&mut self, deadline: Instant, job: J) -> Result<(), J> {
        if self.partials.len() >= self.most_partials {
            return Err(job);
        }
        self.partials.push_back((deadline, job));
        Ok(())
    }

    /// Takes out all that is too late: finals, and partials.
    pub(super) fn take_late(&mut self, now: Instant) -> (Vec<J>, Vec<J>) {
        let in_time = self.finals.split_off(&(now, 0));
        let late = std::mem::replace(&mut self.finals, in_time).into_values().collect();
        let (in_time, shed): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.partials).into_iter().partition(|(deadline, _)| *deadline >= now);
        self.partials = in_time;
        (late, shed.into_iter().map(|(_, job)| job).collect())
    }

    /// The next job.
    pub(super) fn pop(&mut self) -> Option<J> {
        let last = || self.partials.pop_front().map(|(_, job)| job);
        self.finals.pop_first().map(|(_, job)| job).or_else(last)
    }

    pub(super) fn drain(&mut self) -> Vec<J> {
        std::iter::from_fn(|| self.pop()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes in which order: each job comes out once, finals by deadline, all before any partial.
        #[test]
        fn finals_come_by_deadline_and_before_partials(jobs in proptest::collection::vec((any::<bool>(), 0_u64..50), 0..60)) {
            let now = Instant::now();
            let mut queue = Queue::new(1_000);
            for (n, (is_final, wait)) in jobs.iter().enumerate() {
                let deadline = now + Duration::from_millis(*wait);
                let job = (*is_final, *wait, n);
                match is_final {
                    true => queue.push_final(deadline, job).unwrap(),
                    false => queue.push_partial(deadline, job).unwrap(),
                }
            }
            let (late, shed) = queue.take_late(now + Duration::from_millis(10));
            prop_assert!(late.iter().all(|(is_final, wait, _)| *is_final && *wait < 10));
            prop_assert!(shed.iter().all(|(is_final, wait, _)| !*is_final && *wait < 10));
            let mut taken = queue.drain();
            prop_assert_eq!(taken.len() + late.len() + shed.len(), jobs.len());
            let in_order = |(is_final, wait, n): &(bool, u64, usize)| (!is_final, if *is_final { *wait } else { 0 }, *n);
            prop_assert!(taken.is_sorted_by_key(in_order), "{:?}", taken);
            taken.extend(late.into_iter().chain(shed));
            taken.sort_by_key(|(_, _, n)| *n);
            prop_assert!(taken.iter().enumerate().all(|(n, job)| job.2 == n));
        }
    }

    #[test]
    fn what_finds_it_full_is_given_back() {
        let mut queue = Queue::new(1);
        let now = Instant::now();
        assert_eq!((queue.push_final(now, 1), queue.push_partial(now, 2)), (Ok(()), Ok(())));
        assert_eq!((queue.push_final(now, 3), queue.push_partial(now, 4)), (Err(3), Err(4)));
    }
}
