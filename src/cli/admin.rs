//! The clients of a running host's admin interface: `sessions`, `top`, `reload`, `drain`.

use std::{io::Write, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Failure,
    args::{AdminArgs, SessionsArgs, SessionsCommand, TopArgs},
    say, token,
};
use crate::{
    fishjam::{Level, rest::build_http},
    host::{HostStatus, SessionStatus, State},
};

/// The admin interface of one host.
struct Admin {
    http: reqwest::Client,
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Sessions {
    sessions: Vec<SessionStatus>,
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
    fn new(args: &AdminArgs) -> Result<Admin, Failure> {
        let token = token("admin token", "ROOMTONE_ADMIN_TOKEN", args.token_file.as_deref())?;
        let http = build_http(reqwest::Client::builder().connect_timeout(CONNECT));
        Ok(Admin { http, url: args.admin.trim_end_matches('/').to_owned(), token })
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
            Failure::Fishjam(format!("no host answers at {}: {}; check --admin", self.url, error.without_url()))
        };
        let answer = request.send().await.map_err(unreachable)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let text = answer.json::<Problem>().await.map_or_else(|_| status.to_string(), |problem| problem.error);
        Err(Failure::Fishjam(format!("the host refuses: {text}")))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.call(reqwest::Method::GET, path, None).await?;
        let unreadable = |error: reqwest::Error| Failure::Fishjam(format!("{} is no roomtone host: {error}", self.url));
        answer.json().await.map_err(unreadable)
    }

    async fn post(&self, path: &str, body: Option<serde_json::Value>) -> Result<(), Failure> {
        self.call(reqwest::Method::POST, path, body).await.map(drop)
    }
}

pub(super) async fn sessions(args: SessionsArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin)?;
    match args.command {
        None => {
            let Sessions { sessions } = admin.get("/v1/sessions").await?;
            match args.json {
                true => say(&serde_json::to_string_pretty(&sessions).expect("plain JSON")),
                false => table(&sessions).iter().for_each(|line| say(line)),
            }
            Ok(())
        }
        Some(SessionsCommand::Join { room, deploy }) => {
            admin.post("/v1/sessions", Some(serde_json::json!({ "room": room, "deploy": deploy }))).await
        }
        Some(SessionsCommand::Leave { session }) => {
            admin.call(reqwest::Method::DELETE, &format!("/v1/sessions/{session}"), None).await.map(drop)
        }
        Some(SessionsCommand::Tap { session, seconds }) => tap(&admin, session, seconds).await,
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
    Admin::new(&args)?.post("/v1/host/reload", None).await
}

pub(super) async fn drain(args: AdminArgs) -> Result<(), Failure> {
    Admin::new(&args)?.post("/v1/host/drain", None).await
}

/// Shows the host again and again, until it ends or the user has seen enough.
pub(super) async fn top(args: TopArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin)?;
    let mut screens = 0;
    loop {
        let host: HostStatus = admin.get("/v1/host").await?;
        let Sessions { mut sessions } = admin.get("/v1/sessions").await?;
        sessions.sort_by_key(|session| (session.state != State::Running, session.deploy.clone()));
        let mut page = head(&host);
        page.extend(table(&sessions).into_iter().take(args.rows));
        if sessions.len() >= args.rows {
            page.push(format!("and {} more; --rows N shows more of them", sessions.len() + 1 - args.rows));
        }
        let begin = if args.screens == Some(1) { "" } else { "\x1b[H\x1b[2J" };
        writeln!(std::io::stdout(), "{begin}{}", page.join("\n")).ok();
        std::io::stdout().flush().ok();
        screens += 1;
        if args.screens.is_some_and(|most| screens >= most) {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = super::join::interrupted() => return Ok(()),
        }
    }
}

fn head(host: &HostStatus) -> Vec<String> {
    let how = match (host.draining, host.ready, host.news) {
        (true, ..) => "ending",
        (_, true, _) => "ready",
        (_, _, false) => "NOT READY: no news of the rooms",
        _ => "NOT READY: which rooms there are is not known",
    };
    let states = host.states.iter().filter(|(_, n)| **n > 0);
    let states: Vec<String> = states.map(|(state, n)| format!("{n} {state}")).collect();
    let limit = if host.max_sessions == 0 { "no limit".to_owned() } else { format!("limit {}", host.max_sessions) };
    vec![
        format!("roomtone {}  {}  up {}  {how}", host.version, host.fishjam, short(host.up_s)),
        format!(
            "{} rooms, sessions: {} ({limit})",
            host.rooms,
            if states.is_empty() { "none".into() } else { states.join(", ") }
        ),
        String::new(),
    ]
}

fn table(sessions: &[SessionStatus]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:>6}  {:36}  {:14}  {:8}  {:>6}  {:>9}  {:>9}  {}",
        "ID", "ROOM", "DEPLOY", "STATE", "FOR", "HEARD", "SAID", "NOTES"
    )];
    lines.extend(sessions.iter().map(|session| {
        let counters = session.counters.as_ref();
        let count =
            |get: fn(&crate::host::SessionCounters) -> u64| counters.map_or("-".to_owned(), |c| get(c).to_string());
        format!(
            "{:>6}  {:36}  {:14}  {:8}  {:>6}  {:>9}  {:>9}  {}",
            session.session.map_or("-".to_owned(), |id| id.to_string()),
            session.room,
            session.deploy,
            session.state.name(),
            session.for_s.map_or("-".to_owned(), short),
            count(|counters| counters.chunks),
            count(|counters| counters.packets),
            notes(session).join("; "),
        )
    }));
    lines
}

fn notes(session: &SessionStatus) -> Vec<String> {
    let mut notes = Vec::new();
    if session.blocking {
        notes.push("BLOCKS".to_owned());
    }
    if session.restarts > 0 {
        notes.push(format!("{} restarts", session.restarts));
    }
    if let Some(counters) = &session.counters {
        notes.extend(counters.lost.iter().map(|(what, n)| format!("lost {n} {what}")));
        if counters.reconnects > 0 {
            notes.push(format!("{} reconnects", counters.reconnects));
        }
    }
    notes.extend(session.why.clone());
    notes
}

/// `45s`, `12m`, `3h`, `5d`.
fn short(seconds: f64) -> String {
    match seconds as u64 {
        s @ 0..120 => format!("{s}s"),
        s @ 120..7_200 => format!("{}m", s / 60),
        s @ 7_200..172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
