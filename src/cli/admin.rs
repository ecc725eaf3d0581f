//! The clients of a running host's admin interface: `sessions`, `reload`, `drain`; `top` stands on it, too.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    ErrorCode, Failure,
    args::{AdminArgs, SessionsArgs, SessionsCommand},
    join::token,
    patiently, say, say_lines,
};
use crate::{
    host::{HostStatus, Reloaded, SessionStatus},
    net::{build_http, explain, root_cause},
    session::Level,
    text::count,
};

/// The admin interface of one host.
pub(super) struct Admin {
    http: reqwest::Client,
    url: String,
    token: String,
}

#[derive(Deserialize)]
pub(super) struct Sessions {
    pub(super) sessions: Vec<SessionStatus>,
}

#[derive(Deserialize)]
struct Problem {
    error: String,
}

#[derive(Deserialize)]
struct Levels {
    levels: Vec<Level>,
}

impl Admin {
    pub(super) fn new(args: &AdminArgs) -> Result<Admin, Failure> {
        let token = token("admin token", "ROOMTONE_ADMIN_TOKEN", args.token_file.as_deref())?;
        let http = build_http(reqwest::Client::builder().connect_timeout(CONNECT));
        let url = args.admin.trim().trim_end_matches('/');
        if url.is_empty() {
            let advice = "give an address and a port, as in 127.0.0.1:9465";
            return Err(Failure::new(ErrorCode::Missing, format!("--admin (or ROOMTONE_ADMIN) is empty; {advice}")));
        }
        // An address and a port will do.
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        Ok(Admin { http, url, token })
    }

    async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<reqwest::Response, Failure> {
        let url = format!("{}{path}", self.url);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let unreachable = |error: reqwest::Error| {
            let why = match error.is_builder() {
                true => "it is no address; write one such as 127.0.0.1:9465".to_owned(),
                false => explain(&root_cause(&error)),
            };
            Failure::new(ErrorCode::NoHost, format!("no host answers at {}: {why}; check --admin", self.url))
        };
        let answer = request.send().await.map_err(unreachable)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        // Whatever else answers there does not speak like a host.
        let problem = answer.json::<Problem>().await.map_err(|error| self.unreadable(&error, status))?;
        Err(match status {
            reqwest::StatusCode::UNAUTHORIZED => Failure::new(
                ErrorCode::HostRefuses,
                format!(
                    "the host at {} refuses the admin token; check ROOMTONE_ADMIN_TOKEN or --token-file against the one that \
                 the host was started with",
                    self.url
                ),
            ),
            _ => Failure::of_lines(
                ErrorCode::HostRefuses,
                problem.error.lines().map(|line| format!("the host refuses: {line}")).collect(),
            ),
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.read(self.call(reqwest::Method::GET, path, None).await?).await
    }

    async fn read<T: DeserializeOwned>(&self, answer: reqwest::Response) -> Result<T, Failure> {
        let status = answer.status();
        answer.json().await.map_err(|error| self.unreadable(&error, status))
    }

    fn unreadable(&self, error: &reqwest::Error, status: reqwest::StatusCode) -> Failure {
        let advice = "check --admin, which is the `listen` of the host's [admin]";
        Failure::new(
            ErrorCode::NoHost,
            match error.is_decode() {
                true => {
                    format!("what answers at {} ({status}) is no roomtone host of this version; {advice}", self.url)
                }
                false => format!("the answer of {} ({status}) broke off: {}", self.url, root_cause(error)),
            },
        )
    }

    async fn post(&self, path: &str, body: Option<serde_json::Value>) -> Result<(), Failure> {
        self.call(reqwest::Method::POST, path, body).await.map(drop)
    }
}

pub(super) async fn sessions(args: SessionsArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin)?;
    if let Some(SessionsCommand::Tap { session, seconds }) = args.command {
        return tap(&admin, session, seconds).await;
    }
    patiently(&admin.url, carry_out(&admin, args.command, args.json)).await
}

async fn carry_out(admin: &Admin, command: Option<SessionsCommand>, json: bool) -> Result<(), Failure> {
    match command {
        None => {
            let Sessions { sessions } = admin.get("/v1/sessions").await?;
            match json {
                true => say_lines(&serde_json::to_string_pretty(&sessions).expect("plain JSON")),
                false => super::top::table(&sessions).iter().for_each(|line| say(line)),
            }
            Ok(())
        }
        Some(SessionsCommand::Join { room, deploy }) => {
            admin.post("/v1/sessions", Some(serde_json::json!({ "room": room, "deploy": deploy }))).await?;
            say(&format_args!("{deploy} goes into room {room}"));
            Ok(())
        }
        Some(SessionsCommand::Leave { session }) => {
            admin.call(reqwest::Method::DELETE, &format!("/v1/sessions/{session}"), None).await?;
            say(&format_args!("session {session} leaves its room, and does not come back by itself"));
            Ok(())
        }
        Some(SessionsCommand::Tap { session, seconds }) => tap(admin, session, seconds).await,
    }
}

/// Shows the levels of a session's tracks as bars.
async fn tap(admin: &Admin, session: u64, seconds: u64) -> Result<(), Failure> {
    let path = format!("/v1/sessions/{session}/levels?seconds={seconds}");
    let mut answer = admin.call(reqwest::Method::GET, &path, None).await?;
    let mut rest = Vec::new();
    while let Ok(Some(bytes)) = answer.chunk().await {
        rest.extend_from_slice(&bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let Ok(Levels { levels }) = serde_json::from_slice(&line) else { continue };
            for level in levels {
                let bar = "#".repeat(((level.rms_dbfs + 60.0).clamp(0.0, 60.0) / 2.0) as usize);
                say(&format_args!(
                    "{:36}  {:6.1} dB  peak {:6.1} dB  {bar}",
                    level.peer, level.rms_dbfs, level.peak_dbfs
                ));
            }
        }
    }
    Ok(())
}

pub(super) async fn reload(args: AdminArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args)?;
    let answer = patiently(&admin.url, admin.call(reqwest::Method::POST, "/v1/host/reload", None)).await?;
    let reloaded: Reloaded = admin.read(answer).await?;
    say(&format_args!("the configuration was taken over: {reloaded}"));
    Ok(())
}

pub(super) async fn drain(args: AdminArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args)?;
    let host: HostStatus = patiently(&admin.url, admin.get("/v1/host")).await?;
    admin.post("/v1/host/drain", None).await?;
    say(&format_args!("the host ends: {} may go on for {:.0} s", count(host.sessions, "session"), host.drain_s));
    Ok(())
}

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
