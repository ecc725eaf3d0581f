//! One REST call: send, read, try again where that is safe.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};
use tracing::Instrument;

use super::{
    Client, RestError, RestErrorKind,
    body::{Body, Elementwise, Whole},
    lenient::Lenient,
};
use crate::{
    net::{self, limits},
    session::Backoff,
};

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
    url: Option<String>,
    within: Duration,
}

impl Client {
    pub(super) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call {
            client: self,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            url: None,
            within: limits::ANSWER,
        }
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

    /// Of a service beside the Fishjam's rooms, at this URL.
    pub(super) fn at(mut self, url: String) -> Self {
        self.url = Some(url);
        self
    }

    /// Sends and reads the answer's JSON.
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, RestError> {
        let name = self.name();
        let text = self.send(Whole::default).await?;
        serde_json::from_str(&text).map_err(|error| RestError::unreadable(name, &error.to_string()))
    }

    /// The same for an answer in `{"data": …}`.
    pub(super) async fn data<T: DeserializeOwned>(self) -> Result<T, RestError> {
        #[derive(serde::Deserialize)]
        struct Data<T> {
            data: T,
        }
        self.json::<Data<T>>().await.map(|answer| answer.data)
    }

    /// The same for what may be unreadable in parts, in `{"data": …}`.
    pub(super) async fn lenient<T: Lenient>(self) -> Result<T, RestError> {
        #[derive(serde::Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            data: &'a serde_json::value::RawValue,
        }
        let (name, client) = (self.name(), self.client);
        let text = self.send(Whole::default).await?;
        let mut faults = Vec::new();
        let data = serde_json::from_str::<Data<'_>>(&text).map_err(|error| error.to_string());
        let read = data.and_then(|answer| T::read(answer.data.get(), &mut faults));
        client.unreadable.note(&name, faults);
        read.map_err(|why| RestError::unreadable(name, &why))
    }

    /// Sends and reads a list, element by element as they come.
    pub(super) async fn list<T: Lenient>(mut self) -> Result<Vec<T>, RestError> {
        let (name, client) = (self.name(), self.client);
        self.within = limits::LIST;
        let (list, faults) = self.send(Elementwise::default).await?;
        client.unreadable.note(&name, faults);
        Ok(list)
    }

    /// Sends and passes over what the answer holds.
    pub(super) async fn done(self) -> Result<(), RestError> {
        self.send(Whole::default).await.map(drop)
    }

    fn name(&self) -> String {
        format!("{} /{}", self.method, self.path)
    }

    async fn send<B: Body>(self, body: impl Fn() -> B) -> Result<B::Out, RestError> {
        let mut backoff = Backoff::with_seed(fastrand::u64(..));
        let mut has_new_token = false;
        loop {
            let token = self.client.credential.token();
            let error = match self.timed_attempt(token.expose_secret(), body()).await {
                Ok(out) => return Ok(out),
                Err(error) => error,
            };
            // An earlier attempt has done it, and its answer was lost.
            if error.kind == RestErrorKind::NotFound && self.method == Method::DELETE && backoff.attempts() > 0 {
                return body().finish().map_err(|why| RestError::unreadable(self.name(), &why));
            }
            let is_refused = error.kind == RestErrorKind::Unauthorized;
            if is_refused && !has_new_token && self.client.credential.has_other_than(token.expose_secret()) {
                has_new_token = true;
                continue;
            }
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

    async fn timed_attempt<B: Body>(&self, token: &str, body: B) -> Result<B::Out, RestError> {
        // Peers are removed in any case: whoever leaves makes the server's life easier.
        if self.method != Method::DELETE
            && let Some(wait) = self.client.pause.left()
        {
            return Err(RestError::left_alone(self.name(), wait));
        }
        let begun = Instant::now();
        let span = tracing::info_span!("rest", call = %self.name());
        let result = self.attempt(token, body).instrument(span).await;
        let status = match &result {
            Ok((status, _)) => Some(*status),
            Err(error) => error.status,
        };
        self.client.stats.note(self.method.as_str(), &self.path, status, begun.elapsed());
        // Another service's trouble is not this one's.
        if self.url.is_none() {
            self.client.health.note(result.as_ref().err());
        }
        if let Err(error) = &result
            && let Some(wait) = error.retry_after
        {
            self.client.pause.until(begun + wait);
        }
        result.map(|(_, out)| out)
    }

    async fn attempt<B: Body>(&self, token: &str, mut body: B) -> Result<(u16, B::Out), RestError> {
        let url = self.url.clone().unwrap_or_else(|| self.client.address.rest(&self.path));
        let mut request = self.client.http.request(self.method.clone(), url).timeout(self.within);
        request =
            request.bearer_auth(token).header("x-fishjam-api-client", concat!("roomtone/", env!("CARGO_PKG_VERSION")));
        if !self.query.is_empty() {
            request = request.query(&self.query);
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let transport = |error| RestError::transport(self.name(), &self.client.address, &error);
        let mut response = request.send().await.map_err(transport)?;
        if let Some(notice) = response.headers().get("x-fishjam-api-deprecated").and_then(|value| value.to_str().ok()) {
            self.client.on_deprecation(notice);
        }
        let status = response.status();
        if !status.is_success() {
            let wait = net::retry_after(status, response.headers());
            let text = beginning_of(&mut response).await;
            return Err(RestError::status(self.name(), status, &text, wait));
        }
        let unreadable = |why: String| RestError::unreadable(self.name(), &why);
        while let Some(bytes) = response.chunk().await.map_err(transport)? {
            body.push(&bytes).map_err(unreadable)?;
        }
        Ok((status.as_u16(), body.finish().map_err(unreadable)?))
    }
}

/// As much of an error's text as is worth reading.
async fn beginning_of(response: &mut Response) -> Vec<u8> {
    let mut text = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        text.extend_from_slice(&bytes);
        if text.len() >= ERROR_TEXT {
            text.truncate(ERROR_TEXT);
            break;
        }
    }
    text
}

/// The most that is read of an answer that says what is wrong.
const ERROR_TEXT: usize = 16 << 10;
