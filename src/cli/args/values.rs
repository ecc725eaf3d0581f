//! Values, and what is said of those that make no sense.

use std::{fmt::Display, str::FromStr};

/// Reads a whole number from `low` to `high`.
pub(super) fn between<T>(low: T, high: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
{
    move |text| match text.parse() {
        Ok(number) if low <= number && number <= high => Ok(number),
        _ => Err(format!("give a whole number from {low} to {high}")),
    }
}
