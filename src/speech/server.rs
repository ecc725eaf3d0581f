//! A server with OpenAI's interfaces, on this machine or elsewhere: what the engines that ask one have in common.

use std::{fmt, time::Duration};

use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use crate::{conversation::EngineError, net::build_http};

/// Where it is, and how one gets in.
#[derive(Clone)]
pub(super) struct Server {
    url: String,
    http: reqwest::Client,
}

impl Server {
    /// The server at a URL such as `http://127.0.0.1:8000`.
    pub(super) fn new(url: &str) -> Server {
        let http = build_http(reqwest::Client::builder().connect_timeout(CONNECTING));
        Server { url: url.trim_end_matches('/').to_owned(), http }
    }

    /// Posts what `fill` makes of a request to `path`. Gives an answer that is none of failure.
    ///
    /// # Errors
    /// [`EngineError::Failed`], which names the server and what to do.
    pub(super) async fn post(
        &self,
        path: &str,
        token: Option<&SecretString>,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, EngineError> {
        let mut request = fill(self.http.post(format!("{}{path}", self.url)));
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        let response = request.send().await.map_err(|error| self.lost(error))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(self.refused(status, path)),
        }
    }

    /// The connection did not last.
    pub(super) fn lost(&self, error: reqwest::Error) -> EngineError {
        self.failed(error.without_url())
    }

    /// The server's answer is of no use.
    pub(super) fn failed(&self, why: impl fmt::Display) -> EngineError {
        EngineError::Failed(format!("{}: {why}", self.url))
    }

    /// Why it does not do what it is asked for.
    fn refused(&self, status: StatusCode, path: &str) -> EngineError {
        let what = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "refuses the token".to_owned(),
            StatusCode::NOT_FOUND => format!("has no {path}, or no such model"),
            status => format!("answers {status}"),
        };
        EngineError::Failed(format!("{} {what}", self.url))
    }
}

const CONNECTING: Duration = Duration::from_secs(2);
