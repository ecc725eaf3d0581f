//! `roomtone doctor`: looks at what a machine may lack, and says what to do about it.

use std::{
    fs,
    net::TcpListener,
    process::Command,
    time::{Duration, SystemTime},
};

use serde::Serialize;
use tokio::time::timeout;

use super::{ErrorCode, Failure, args::DoctorArgs, join, say, say_json};
use crate::{
    platform::Platform,
    speech::engines::{ENGINES, Folder},
};

pub(super) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    let mut findings = vec![clock(), open_files(), data_folder(), python()];
    findings.extend(PORTS.iter().map(|(port, what)| free_port(*port, what)));
    findings.extend(devices());
    findings.push(engines());
    findings.push(fishjam(&args).await);
    for finding in &findings {
        match args.json {
            true => say_json(finding),
            false => say(&finding.line()),
        }
    }
    match findings.iter().filter(|finding| finding.state == State::Wrong).count() {
        0 => Ok(()),
        n => Err(Failure::new(
            ErrorCode::Doctor,
            format!("{}; what to do stands in its line", crate::text::count(n, "thing is wrong")),
        )),
    }
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
    /// What to do about it; none where it is fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Fine,
    /// Some of what roomtone can do is not there.
    Missing,
    Wrong,
}

impl Finding {
    fn fine(what: &str, found: impl Into<String>) -> Finding {
        Finding { what: what.to_owned(), state: State::Fine, found: found.into(), advice: None }
    }

    fn other(state: State, what: &str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { what: what.to_owned(), state, found: found.into(), advice: Some(advice.into()) }
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Fine => "fine",
            State::Missing => "missing",
            State::Wrong => "WRONG",
        };
        let advice = self.advice.as_ref().map_or(String::new(), |advice| format!("; {advice}"));
        format!("{:<12} {state:<8} {}{advice}", self.what, self.found)
    }
}

/// Tokens and certificates are believed by the clock.
fn clock() -> Finding {
    let now = SystemTime::now();
    let shown = httpdate::fmt_http_date(now);
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since > BUILT => Finding::fine("clock", shown),
        _ => Finding::other(State::Wrong, "clock", shown, "set it: no certificate and no token is valid at that time"),
    }
}

fn open_files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let found = limit.map_or("no limit".to_owned(), |limit| format!("{limit} at most"));
    match limit {
        Some(limit) if limit < FEW_FILES => {
            let advice = format!("a session takes three; raise it where a host has many (LimitNOFILE={FEW_FILES})");
            Finding::other(State::Missing, "open files", found, advice)
        }
        _ => Finding::fine("open files", found),
    }
}

/// Engines and what they need are put there.
fn data_folder() -> Finding {
    let folder = Folder::of_user().path().to_owned();
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let tried = fs::create_dir_all(&folder).and_then(|()| fs::write(&probe, ""));
    fs::remove_file(&probe).ok();
    match tried {
        Ok(()) => Finding::fine("data", folder.display().to_string()),
        Err(error) => {
            let found = format!("{} cannot be written ({error})", folder.display());
            Finding::other(State::Wrong, "data", found, "set ROOMTONE_DATA to a folder that can")
        }
    }
}

/// Engines come through it, and some run in it.
fn python() -> Finding {
    let asked = Command::new("python3").args(["-m", "pip", "--version"]).output();
    match asked {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            Finding::fine("python", said.split(" from ").next().unwrap_or_default().to_owned())
        }
        Ok(_) => {
            Finding::other(State::Missing, "python", "python3 has no pip", "install python3-pip for `engines install`")
        }
        Err(_) => {
            Finding::other(State::Missing, "python", "there is none", "install python3 and python3-pip for engines")
        }
    }
}

fn free_port(port: u16, what: &str) -> Finding {
    let name = format!("port {port}");
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Finding::fine(&name, format!("free for {what}")),
        Err(error) => {
            let advice = format!("{what} needs another address, or end what listens there");
            Finding::other(State::Missing, &name, error.to_string(), advice)
        }
    }
}

#[cfg(feature = "console")]
fn devices() -> Vec<Finding> {
    use crate::console::{Direction, devices};

    let advice = "`console` works with files: --input-file, --output-file";
    let listed = match devices() {
        Ok(listed) => listed,
        Err(error) => return vec![Finding::other(State::Missing, "sound", error.to_string(), advice)],
    };
    let of = |direction: Direction| {
        let what = direction.noun();
        let default = listed.iter().find(|device| device.direction == direction && device.is_default);
        match default {
            Some(device) if device.rate_hz.is_some() => {
                Finding::fine(what, format!("{} ({} Hz)", device.name, device.rate_hz.unwrap_or_default()))
            }
            Some(device) => {
                let found = format!("{} cannot be opened", device.name);
                Finding::other(State::Missing, what, found, format!("is a sound system running? {advice}"))
            }
            None => Finding::other(State::Missing, what, "there is none", advice),
        }
    };
    vec![of(Direction::Input), of(Direction::Output)]
}

#[cfg(not(feature = "console"))]
fn devices() -> Vec<Finding> {
    Vec::new()
}

fn engines() -> Finding {
    let folder = Folder::of_user();
    let installed = ENGINES.iter().filter(|engine| engine.is_installable() && folder.of(engine).is_some());
    let installed: Vec<&str> = installed.map(|engine| engine.name).collect();
    match installed.is_empty() {
        false => Finding::fine("engines", installed.join(", ")),
        true => Finding::other(
            State::Missing,
            "engines",
            "none is installed",
            "`engines install moonshine hibari` lets agents hear words and answer",
        ),
    }
}

async fn fishjam(args: &DoctorArgs) -> Finding {
    if args.fishjam.fishjam.is_none() {
        let advice = "set FISHJAM_ID, or try agents without one: `console`, `demo`, `sandbox`";
        return Finding::other(State::Missing, "fishjam", "none is named", advice);
    }
    let fishjam = match join::fishjam(&args.fishjam) {
        Ok(fishjam) => fishjam,
        Err(failure) => return Finding::other(State::Wrong, "fishjam", failure.to_string(), "see `rooms --help`"),
    };
    let address = Platform::address(&fishjam);
    match timeout(ASK, Platform::check(&fishjam)).await {
        Ok(Ok(())) => Finding::fine("fishjam", format!("{address} lets us in")),
        Ok(Err(error)) => {
            Finding::other(State::Wrong, "fishjam", format!("{address}: {error}"), "check its id or URL, and the token")
        }
        Err(_) => {
            let found = format!("{address} has not answered for {} s", ASK.as_secs());
            Finding::other(State::Wrong, "fishjam", found, "check its URL, and the proxy if there is one")
        }
    }
}

/// Ports that are taken where none is named.
const PORTS: [(u16, &str); 3] = [(5_002, "`sandbox`"), (9_464, "a host's metrics"), (9_465, "a host's admin side")];
/// A clock before this was never set: the beginning of 2026.
const BUILT: Duration = Duration::from_secs(1_767_225_600);
/// For a thousand sessions.
const FEW_FILES: u64 = 4_096;
/// How long a Fishjam may take.
const ASK: Duration = Duration::from_secs(10);
