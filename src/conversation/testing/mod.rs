//! Sounds to try listening on: what is no voice (call tones, hold music), and what becomes of a voice on its way (a telephone
//! line, noise). Made up on the spot, 16 kHz mono, the same samples each time.
//!
//! ```
//! use roomtone::conversation::testing::{CALL_TONES, hold_music, through_telephone};
//! let sound = through_telephone(&hold_music("guitar", 2.0));
//! assert_eq!((sound.len(), CALL_TONES.len()), (32_000, 13));
//! ```

mod music;
mod tones;
mod way;

pub use music::{HOLD_MUSIC, hold_music};
pub use tones::{CALL_TONES, call_tone};
pub use way::{in_noise, louder, noise, through_telephone};

const RATE: f32 = 16_000.0;

/// A small generator of noise (xorshift).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// Even between -1 and 1.
    fn sample(&mut self) -> f32 {
        self.bits() as f32 / (1_u64 << 52) as f32 - 1.0
    }

    fn pick(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}
