//! What installing does when it cannot.
