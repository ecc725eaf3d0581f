//! What becomes of frames.
