//! Whether somebody speaks, as far as loudness tells.

/// Whether there is nothing but a quiet room in these samples: their root mean square is below -45 dBFS. Speech into a
/// microphone lies at -35 to -15 dBFS, an open microphone in a quiet room at -80 to -50.
///
/// ```
/// use roomtone::audio::is_silent;
/// assert!(is_silent(&[60, -60].repeat(160)) && is_silent(&[]));
/// assert!(!is_silent(&[600, -600].repeat(160)));
/// ```
pub fn is_silent(samples: &[i16]) -> bool {
    let squares: u64 = samples.iter().map(|sample| u64::from(i32::from(*sample).pow(2) as u32)).sum();
    squares <= LOUDEST_SILENCE * samples.len() as u64
}

/// The mean square of -45 dBFS.
const LOUDEST_SILENCE: u64 = 33_955;
