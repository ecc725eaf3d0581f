//! When the agent's voice may be sent on its track.
//!
//! A platform drops sound that comes before a new track is wired, and a Fishjam's media engine may crash over an interrupt of
//! one. It says when the track is wired, and that may be lost. So the first packet waits for its word or for half a second,
//! and an interrupt for its word or for three seconds more.

use std::time::{Duration, Instant};

/// See the module's head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VoiceWiring {
    opens: Instant,
    is_wired: bool,
}

impl VoiceWiring {
    pub(crate) fn new(now: Instant) -> VoiceWiring {
        VoiceWiring { opens: now, is_wired: false }
    }

    /// The platform was asked for a new track.
    pub(crate) fn on_published(&mut self, now: Instant) {
        *self = VoiceWiring { opens: now + WIRING, is_wired: false };
    }

    /// The platform has the track.
    pub(crate) fn on_wired(&mut self, now: Instant) {
        *self = VoiceWiring { opens: self.opens.min(now), is_wired: true };
    }

    /// When the voice may be sent.
    pub(crate) fn opens(&self) -> Instant {
        self.opens
    }

    /// Whether it may be sent.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        now >= self.opens
    }

    /// Whether the track survives an interrupt.
    pub(crate) fn survives_interrupt(&self, now: Instant) -> bool {
        self.is_wired || now > self.opens + WIRED_FOR_SURE
    }
}

/// How long a platform takes to wire a new track, if it does not say when it has.
const WIRING: Duration = Duration::from_millis(500);
/// How long after that a track is wired for sure.
const WIRED_FOR_SURE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_platforms_word_opens_it_and_without_one_time_does() {
        let now = Instant::now();
        let mut wiring = VoiceWiring::new(now);
        wiring.on_published(now);
        assert!(!wiring.is_open(now + 499 * MS) && wiring.is_open(now + 500 * MS));
        assert!(!wiring.survives_interrupt(now + 3_500 * MS) && wiring.survives_interrupt(now + 3_501 * MS));
        wiring.on_wired(now + 40 * MS);
        assert!(wiring.is_open(now + 40 * MS) && wiring.survives_interrupt(now + 40 * MS));
        // A link that came back has another track.
        wiring.on_published(now + 1_000 * MS);
        assert!(!wiring.is_open(now + 1_499 * MS) && !wiring.survives_interrupt(now + 1_600 * MS));
    }
}
