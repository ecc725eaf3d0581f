//! Who may come in. A web page on this machine's browser can send requests here, under whatever name it makes resolve to
//! this machine: so the name that is asked for, and the page that asks, must be ones that somebody allowed.

use std::{
    io::ErrorKind,
    net::IpAddr,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

use super::{rest::Refused, world::World};

/// What is allowed beyond the usual.
#[derive(Debug, Clone, Default)]
pub(super) struct Doors {
    /// Names by which the sandbox may be asked for, beside addresses and this machine's own.
    pub(super) hosts: Vec<String>,
    /// Pages of other origins, such as `https://app.example`.
    pub(super) origins: Vec<String>,
}

impl Doors {
    /// Whether a request with these headers may come in; the error says why not.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), String> {
        let host = text(headers, header::HOST);
        if !host.is_empty() && !self.is_host(name_of(host)) {
            let name = crate::text::printable(name_of(host), 100);
            return Err(format!("this sandbox is not called {name}; start it with --host {name}, or use its address"));
        }
        let origin = text(headers, header::ORIGIN);
        match origin.is_empty() || self.is_origin(origin, host) {
            true => Ok(()),
            false => {
                let origin = crate::text::printable(origin, 100);
                Err(format!("pages of {origin} may not come in; start the sandbox with --allow-origin {origin}"))
            }
        }
    }

    fn is_host(&self, name: &str) -> bool {
        name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || is_loopback(name)
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn is_origin(&self, origin: &str, host: &str) -> bool {
        if self.origins.iter().any(|known| known.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
            return true;
        }
        let Ok(url) = Url::parse(origin) else { return false };
        // Its own page; an app under development on any port of this machine.
        is_own(origin, host) || url.host_str().is_some_and(is_loopback)
    }
}

/// Whether the request comes from a page that the sandbox itself served.
pub(super) fn is_from_own_page(headers: &HeaderMap) -> bool {
    let origin = text(headers, header::ORIGIN);
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    is_own(origin, text(headers, header::HOST)) || origin.is_empty() && site == Some("same-origin")
}

fn is_own(origin: &str, host: &str) -> bool {
    !host.is_empty() && origin.split_once("://").is_some_and(|(_, own)| own.eq_ignore_ascii_case(host))
}

/// Lets in who may come, and lets pages read the answers.
pub(super) async fn guard(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    if let Err(why) = world.doors.check(request.headers()) {
        return Refused(StatusCode::FORBIDDEN, why).into_response();
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let is_preflight =
        *request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match is_preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let Some(origin) = origin else { return response };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if is_preflight {
        let any = HeaderValue::from_static("authorization, content-type");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(any));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// A file that a request names: only what lies in `folder` may be read. One that is not there, and would lie in it, is
/// left to whoever reads it, to say so.
pub(super) fn file_in(folder: &Path, path: &Path) -> Result<PathBuf, String> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let shown = crate::text::printable(&path.display().to_string(), 200);
    // An absolute path takes the folder's place.
    let whole = folder.join(path);
    let climbs = whole.components().any(|part| part == Component::ParentDir);
    let real = match whole.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound && !climbs => whole,
        real => real.map_err(|error| format!("{shown}: {error}"))?,
    };
    match real.starts_with(&folder) {
        true => Ok(real),
        false => Err(format!("{shown} is not in {}; start the sandbox with --files DIR", folder.display())),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A host's name without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback(name: &str) -> bool {
    let name = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pages_that_nobody_allowed_stay_outside() {
        let doors = Doors { hosts: vec!["sandbox.lan".into()], origins: vec!["https://app.example".into()] };
        for (host, origin, may) in [
            ("127.0.0.1:5002", None, true),
            ("[::1]:5002", None, true),
            ("localhost:5002", None, true),
            ("203.0.113.7:5002", None, true),
            ("sandbox.lan", None, true),
            ("rebound.evil.example:5002", None, false),
            ("127.0.0.1:5002", Some("http://127.0.0.1:5002"), true),
            ("127.0.0.1:5002", Some("http://localhost:3000"), true),
            ("127.0.0.1:5002", Some("https://app.example"), true),
            ("sandbox.lan", Some("http://sandbox.lan"), true),
            ("127.0.0.1:5002", Some("https://evil.example"), false),
            ("127.0.0.1:5002", Some("http://localhost.evil.example"), false),
            ("127.0.0.1:5002", Some("http://203.0.113.7"), false),
            ("127.0.0.1:5002", Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(doors.check(&headers).is_ok(), may, "{host} {origin:?}");
        }
    }

    #[test]
    fn only_files_of_the_folder_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        assert!(file_in(&folder, Path::new("speech.wav")).is_ok());
        assert!(file_in(&folder, &folder.join("odd/say.aiff")).is_ok());
        assert!(file_in(&folder, Path::new("missing.wav")).is_ok(), "whoever reads it says that it is not there");
        for outside in ["../../Cargo.toml", "/etc/passwd", "odd/../../../README.md", "/missing.wav", "../missing.wav"] {
            assert!(file_in(&folder, Path::new(outside)).is_err(), "{outside}");
        }
    }
}
