//! What the benches of conversations share.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

/// What stands behind `--name` on the command line.
pub(crate) fn argument<T: FromStr>(name: &str, otherwise: T) -> T {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    match arguments.nth(1) {
        Some(value) => value.parse().unwrap_or_else(|_| panic!("{name} {value} cannot be")),
        None => otherwise,
    }
}

/// Where `tests/speech/set-up` puts things, where it has run.
pub(crate) fn place() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/speech");
    let is_there = place.join("voices/done").is_file();
    if !is_there {
        eprintln!("{} is not there; tests/speech/set-up makes it", place.display());
    }
    is_there.then_some(place)
}

/// Prints the spread of milliseconds.
pub(crate) fn print_spread(name: &str, values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        return;
    }
    let at = |share: f64| percentile(values, share).unwrap_or_default();
    println!("  {name:<36} median {:5.0} ms, p95 {:5.0}, most {:5.0}", at(0.5), at(0.95), at(1.0));
}

/// The one behind which this share of the sorted values lies.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize).copied()
}
