//! What a scribe writes down.
