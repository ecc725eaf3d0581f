//! From a reply's text to what is heard of it: text that comes in pieces becomes sentences, these become text that can be said
//! aloud, and of each sentence it is known which word is heard when.
//!
//! ```
//! use roomtone::conversation::speaking::{Sentences, speakable};
//! let mut sentences = Sentences::default();
//! let mut said: Vec<String> = sentences.push("It costs **$3.5").collect();
//! said.extend(sentences.push("0**, Mr. Smith. Any").collect::<Vec<_>>());
//! said.extend(sentences.finish());
//! assert_eq!(said, ["It costs **$3.50**, Mr. Smith.", "Any"]);
//! assert_eq!(speakable(&said[0]), "It costs $3.50, Mr. Smith.");
//! ```

mod audible;
mod sentences;
mod speakable;
mod words;

pub use audible::{leading_silence, trailing_silence};
pub use sentences::Sentences;
pub use speakable::speakable;
pub use words::{SpokenWord, SpokenWords};
