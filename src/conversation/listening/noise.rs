//! Taking noise away before it is heard whether somebody speaks.

/// Takes noise out of one speaker's sound.
pub trait NoiseFilter: Send {
    /// Takes samples at [`Spoken::RATE`](crate::conversation::Spoken::RATE), appends what is left of them to `out`, which may
    /// be later by the filter's delay.
    fn filter(&mut self, samples: &[i16], out: &mut Vec<i16>);

    /// What follows has nothing to do with what came before.
    fn reset(&mut self);
}
