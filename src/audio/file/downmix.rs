//! From many channels to one, as players do it: each by what it is, the bass channel left out.

use symphonia::core::audio::{Channels, Position};

/// How much of each channel goes into the one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Downmix(Vec<f32>);

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    Front,
    Centre,
    Surround,
    Bass,
}

impl Downmix {
    /// Of channels of which nothing is known: all alike.
    pub(super) fn average(channels: usize) -> Downmix {
        Downmix(vec![1.0 / channels.max(1) as f32; channels.max(1)])
    }

    /// Of so many channels in the order that Vorbis and Opus have.
    #[cfg(feature = "opus")]
    pub(super) fn vorbis(channels: usize) -> Downmix {
        use Role::{Bass, Centre, Front, Surround};
        let roles: &[Role] = match channels {
            3 => &[Front, Centre, Front],
            4 => &[Front, Front, Surround, Surround],
            5 => &[Front, Centre, Front, Surround, Surround],
            6 => &[Front, Centre, Front, Surround, Surround, Bass],
            7 => &[Front, Centre, Front, Surround, Surround, Surround, Bass],
            8 => &[Front, Centre, Front, Surround, Surround, Surround, Surround, Bass],
            _ => return Downmix::average(channels),
        };
        Downmix::of_roles(roles)
    }

    /// Of so many channels in the order that WAV has.
    pub(super) fn wav(channels: usize) -> Downmix {
        use Role::{Bass, Centre, Front, Surround};
        let roles: &[Role] = match channels {
            3 => &[Front, Front, Centre],
            4 => &[Front, Front, Surround, Surround],
            5 => &[Front, Front, Centre, Surround, Surround],
            6 => &[Front, Front, Centre, Bass, Surround, Surround],
            7 => &[Front, Front, Centre, Bass, Surround, Surround, Surround],
            8 => &[Front, Front, Centre, Bass, Surround, Surround, Surround, Surround],
            _ => return Downmix::average(channels),
        };
        Downmix::of_roles(roles)
    }

    /// Of the channels that a decoder names.
    pub(super) fn of(channels: &Channels) -> Downmix {
        let count = channels.count();
        let Channels::Positioned(positions) = channels else { return Downmix::average(count) };
        if count <= 2 {
            return Downmix::average(count);
        }
        let role = |position: Position| {
            let is = |others: Position| others.intersects(position);
            match () {
                () if is(Position::FRONT_LEFT | Position::FRONT_RIGHT) => Role::Front,
                () if is(Position::FRONT_CENTER) => Role::Centre,
                () if is(Position::LFE1 | Position::LFE2) => Role::Bass,
                () => Role::Surround,
            }
        };
        Downmix::of_roles(&positions.iter().map(role).collect::<Vec<Role>>())
    }

    fn of_roles(roles: &[Role]) -> Downmix {
        let weight = |role: &Role| match role {
            Role::Front => std::f32::consts::FRAC_1_SQRT_2,
            Role::Centre => 1.0,
            Role::Surround => 0.5,
            Role::Bass => 0.0,
        };
        let sum: f32 = roles.iter().map(weight).sum();
        Downmix(roles.iter().map(|role| weight(role) / sum).collect())
    }

    pub(super) fn channels(&self) -> usize {
        self.0.len()
    }

    /// Appends one sample for each frame.
    pub(super) fn mix_into(&self, interleaved: &[f32], mono: &mut Vec<f32>) {
        let frames = interleaved.chunks_exact(self.0.len());
        mono.extend(frames.map(|frame| frame.iter().zip(&self.0).map(|(sample, weight)| sample * weight).sum::<f32>()));
    }
}
