//! Samples and nothing else: formats, rings, codecs, resampling, pacing, mixing and files.
//!
//! Sound inside roomtone is mono, signed 16-bit. That is what the wire carries and what codecs take, so equal rates
//! pass sample for sample; work that needs more range (resampling, mixing) widens inside and comes back.

pub mod clock;
pub mod codec;
pub mod compare;
pub mod file;
pub mod format;
mod level;
pub mod mix;
#[cfg(feature = "opus")]
pub mod ogg;
#[cfg(feature = "opus")]
pub mod opus;
pub(crate) mod overflow;
pub mod pace;
pub mod pcm16;
pub mod playhead;
pub mod resample;
pub mod ring;
pub(crate) mod scratch;
pub mod wav;
mod window;

pub use clock::SampleClock;
pub use file::{Sound, SoundFile};
pub use format::{BLOCK, Hz};
pub use level::{Loudness, is_silent, level_dbfs};
pub use mix::Mixer;
pub use pace::Pacer;
pub use playhead::Playhead;
pub use resample::Resampler;
pub(crate) use window::hann;
