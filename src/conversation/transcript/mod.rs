//! What was said: captions as they come, lines in one order, files that people and players read.

mod caption;
mod order;
mod redact;
mod write;

pub use caption::{Caption, Lost, Quality};
pub use order::Order;
pub use redact::Redaction;
pub use write::{VTT_HEAD, cue, text_line, timestamp};
