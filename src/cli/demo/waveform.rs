//! A recording as a shape: the highest and lowest sample of each slice of time, as an SVG path.

use std::fmt::Write;

/// The outline of `samples` in a box of `width` by `height`, centred on its middle line; `full` is the sample that
/// reaches the edge.
pub(super) fn path(samples: &[i16], full: f64, width: usize, height: f64) -> String {
    let slice = samples.len().div_ceil(width).max(1);
    let middle = height / 2.0;
    let y = |sample: i16| middle - f64::from(sample) / full * middle;
    let mut path = String::new();
    for (x, chunk) in samples.chunks(slice).enumerate() {
        let (low, high) = chunk.iter().fold((i16::MAX, i16::MIN), |(low, high), s| (low.min(*s), high.max(*s)));
        let x = x as f64 + 0.5;
        // A line of no length is not drawn: silence still shows as a thin line.
        let (top, bottom) = (y(high), y(low).max(y(high) + 0.6));
        write!(path, "M{x} {top:.1}V{bottom:.1}").expect("writing to a String");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn every_slice_has_one_stroke_from_its_highest_to_its_lowest() {
        assert_eq!(path(&[0, 16_384, -16_384, 0], 32_768.0, 2, 100.0), "M0.5 25.0V50.0M1.5 50.0V75.0");
    }
}
