//! Values with units, as text: `"30s"`, `"1MiB"`. Options of agents read them with `#[serde(with = "roomtone::units::duration")]`.
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Deserialize)]
//! struct Options {
//!     #[serde(deserialize_with = "roomtone::units::duration::deserialize")]
//!     patience: Duration,
//! }
//!
//! let options: Options = toml::from_str(r#"patience = "1m 30s""#).unwrap();
//! assert_eq!(options.patience, Duration::from_secs(90));
//! assert!(toml::from_str::<Options>("patience = 90").is_err());
//! ```

use std::time::Duration;

/// `"30s"`, `"1m 30s"`, `"200ms"`.
///
/// # Errors
/// A line that says what to write.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) | Err(humantime::DurationError::NumberOverflow) => {
            Err(format!("{text:?} is longer than a year, which is the most"))
        }
        Err(_) => {
            Err(format!("{text:?} is not a duration; write a number with its unit, as in \"30s\", \"5m\" or \"200ms\""))
        }
    }
}

/// Points in time that are further away than this make no sense, and some of them cannot be counted.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// `"64KiB"`, `"1MiB"`.
///
/// # Errors
/// A line that says what to write.
pub fn parse_size(text: &str) -> Result<usize, String> {
    match parse_bytes(text)? {
        bytes if bytes > LARGEST as u64 => Err(format!("{text:?} is more than 1GiB, the most that is read at once")),
        bytes => Ok(bytes as usize),
    }
}

/// The same of what is not read at once: a disk, a program's memory.
///
/// # Errors
/// A line that says what to write.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let fail = || format!("{text:?} is not a size; write a number with its unit, as in \"64KiB\" or \"1MiB\"");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| fail())?;
    let unit = match text[digits..].trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(fail()),
    };
    number.checked_mul(unit).ok_or_else(fail)
}

const LARGEST: usize = 1 << 30;

/// Whether something can be sent there.
pub fn is_http_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Reads text, and says what to write in place of a bare number.
macro_rules! as_text {
    ($name:ident, $type:ty, $parse:ident, $expecting:literal) => {
        #[doc = concat!("Reads ", $expecting, ".")]
        pub mod $name {
            use super::*;

            struct Reader;

            impl serde::de::Visitor<'_> for Reader {
                type Value = $type;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str($expecting)
                }

                fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                    $parse(text).map_err(E::custom)
                }
            }

            /// See the module.
            ///
            /// # Errors
            /// The reader's, with what to write.
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<$type, D::Error> {
                reader.deserialize_str(Reader)
            }

            /// The same of what need not be given.
            ///
            /// # Errors
            /// The reader's, with what to write.
            pub fn deserialize_some<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<$type>, D::Error> {
                deserialize(reader).map(Some)
            }
        }
    };
}

as_text!(duration, Duration, parse_duration, "a duration in quotes with its unit, such as \"30s\"");
as_text!(size, usize, parse_size, "a size in quotes with its unit, such as \"1MiB\"");
as_text!(bytes, u64, parse_bytes, "a size in quotes with its unit, such as \"4GiB\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_its_unit_is_refused() {
        assert_eq!(parse_duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        for text in ["30", "", "s", "-1s", "30 parsecs", "500000000000y", "367days"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        for text in ["584942417355y", "500000000000y", "99999999999999999999s", "367days"] {
            assert!(parse_duration(text).unwrap_err().contains("longer than a year"), "{text:?}");
        }
        for text in ["30", "", "MiB", "99999999999999999999B", "20000000000GiB", "1 MB"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }
}
