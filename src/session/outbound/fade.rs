//! How a voice that is cut off swings out, in place of breaking off with a click.
//!
//! Whatever the agent had queued is dropped at once, so nothing is known of how the sound would have gone on. But its last
//! samples have left: played backwards from there they continue it smoothly in value, and grow quieter to nothing.
//!
//! ```text
//! left:   ... /\  /\  /\  /|                a fade behind it:   |\  /\  ~--
//!                                 cut                          its last 10 ms backwards, times a half cosine
//! ```

use std::{f32::consts::PI, time::Duration};

/// How long it takes.
pub(super) const FADE: Duration = Duration::from_millis(10);

/// The last samples that left: what a fade continues.
pub(super) struct Fade {
    tail: Vec<i16>,
}

impl Fade {
    /// One over so many samples, of a voice that has said nothing.
    pub(super) fn over(samples: usize) -> Fade {
        Fade { tail: vec![0; samples] }
    }

    /// A packet left.
    pub(super) fn follow(&mut self, packet: &[i16]) {
        let tail = packet.len() - self.tail.len();
        self.tail.copy_from_slice(&packet[tail..]);
    }

    /// What comes next does not go on from what left last.
    pub(super) fn forget(&mut self) {
        self.tail.fill(0);
    }

    /// Appends a packet that swings out, and says how much of it is silence.
    pub(super) fn stage(&self, packet_samples: usize, staged: &mut Vec<i16>) -> usize {
        let length = self.tail.len();
        let gain = |n: usize| (1.0 + (PI * (n as f32 + 1.0) / length as f32).cos()) / 2.0;
        let back = self.tail.iter().rev().enumerate();
        staged.extend(back.map(|(n, sample)| (f32::from(*sample) * gain(n)) as i16));
        staged.resize(packet_samples, 0);
        packet_samples - length
    }
}
