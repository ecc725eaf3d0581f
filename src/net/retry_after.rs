//! `Retry-After`: for how long a server wants to be left alone.

use std::time::{Duration, SystemTime};

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

/// What an answer of 429 or 503 asks for: at most five minutes, whatever it says, and up to a tenth more, so that not
/// all come back at once. Seconds and dates are read (RFC 9110); what is neither asks for nothing.
pub(crate) fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let may_say = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let text = headers.get(RETRY_AFTER).filter(|_| may_say)?.to_str().ok()?;
    parse(text, SystemTime::now()).map(|wait| wait.mul_f64(1.0 + fastrand::f64() / 10.0))
}

fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are a long time, too.
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    // A date that has passed asks for no wait.
    Some(at.duration_since(now).unwrap_or_default().min(LONGEST))
}

const LONGEST: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        let now = httpdate::parse_http_date("Fri, 27 Nov 2026 10:00:00 GMT").unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 60 ", Some(60)),
            ("86400", Some(300)),
            ("18446744073709551615", Some(300)),
            ("99999999999999999999999", Some(300)),
            ("Fri, 27 Nov 2026 10:00:42 GMT", Some(42)),
            ("Friday, 27-Nov-26 10:00:42 GMT", Some(42)),
            ("Fri, 27 Nov 2026 09:00:00 GMT", Some(0)),
            ("Sat, 28 Nov 2026 10:00:00 GMT", Some(300)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse(text, now), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn only_a_server_that_does_not_serve_is_obeyed() {
        let headers: HeaderMap = [(RETRY_AFTER, "20".parse().unwrap())].into_iter().collect();
        assert_eq!(retry_after(StatusCode::OK, &headers), None);
        let wait = retry_after(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap();
        assert!((20.0..=22.0).contains(&wait.as_secs_f64()), "{wait:?}");
    }
}
