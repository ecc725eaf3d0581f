//! One REST call: send, read, try again where that is safe.

use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode, header::RETRY_AFTER};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};

use tracing::Instrument;

use super::{Client, RestError, RestErrorKind};
use crate::session::Backoff;

/// How long a connection may take to open.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// How long a whole answer may take.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// Connections that are kept for the next calls, and for how long: a host that has hundreds of rooms at once does not need
/// hundreds from then on.
pub(super) const IDLE: usize = 16;
pub(super) const IDLE_FOR: Duration = Duration::from_secs(10);
/// How often a call is made in all.
const ATTEMPTS: u32 = 3;
/// A server that wants to be left alone for longer is told to the caller.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A call in the making.
pub(super) struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<serde_json::Value>,
}

impl Client {
    pub(super) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call { client: self, method, path: path.into(), query: Vec::new(), body: None }
    }
}

impl Call<'_> {
    pub(super) fn query(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }

    pub(super) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_value(body).expect("request models are plain JSON"));
        self
    }

    /// Sends and reads the answer's JSON.
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, RestError> {
        let name = self.name();
        let bytes = self.send().await?;
        serde_json::from_slice(&bytes).map_err(|error| RestError::unreadable(name, &error.to_string()))
    }

    /// Sends and passes over what the answer holds.
    pub(super) async fn done(self) -> Result<(), RestError> {
        self.send().await.map(drop)
    }

    fn name(&self) -> String {
        format!("{} /{}", self.method, self.path)
    }

    async fn send(self) -> Result<bytes::Bytes, RestError> {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        loop {
            let begun = Instant::now();
            let span = tracing::info_span!("rest", call = %self.name());
            let result = self.attempt().instrument(span).await;
            let status = match &result {
                Ok((status, _)) => Some(*status),
                Err(error) => error.status,
            };
            self.client.stats.note(self.method.as_str(), &self.path, status, begun.elapsed());
            let error = match result.map(|(_, bytes)| bytes) {
                Ok(bytes) => return Ok(bytes),
                // An earlier attempt has done it, and its answer was lost.
                Err(error)
                    if error.kind == RestErrorKind::NotFound
                        && self.method == Method::DELETE
                        && backoff.attempts() > 0 =>
                {
                    return Ok(bytes::Bytes::new());
                }
                Err(error) => error,
            };
            let wait = backoff.next_wait().max(error.retry_after.unwrap_or_default());
            let repeatable = error.nothing_was_done() || self.is_idempotent() && error.may_pass();
            if backoff.attempts() == ATTEMPTS || !repeatable || wait > LONGEST_PAUSE {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn is_idempotent(&self) -> bool {
        matches!(self.method, Method::GET | Method::DELETE)
    }

    async fn attempt(&self) -> Result<(u16, bytes::Bytes), RestError> {
        let url = self.client.address.rest(&self.path);
        let mut request = self.client.http.request(self.method.clone(), url);
        request = request
            .bearer_auth(self.client.token.expose_secret())
            .header("x-fishjam-api-client", concat!("roomtone/", env!("CARGO_PKG_VERSION")));
        if !self.query.is_empty() {
            request = request.query(&self.query);
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let transport = |error| RestError::transport(self.name(), &self.client.address, &error);
        let response = request.send().await.map_err(transport)?;
        if let Some(notice) = response.headers().get("x-fishjam-api-deprecated").and_then(|value| value.to_str().ok()) {
            self.client.on_deprecation(notice);
        }
        let (status, retry_after) = (response.status(), retry_after(&response));
        let bytes = response.bytes().await.map_err(transport)?;
        match status.is_success() {
            true => Ok((status.as_u16(), bytes)),
            false => Err(RestError::status(self.name(), status, &bytes, retry_after)),
        }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let may_say = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = response.headers().get(RETRY_AFTER).filter(|_| may_say)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
