//! What becomes of jobs.
