//! `roomtone events`: what happens on a platform, live or out of a file, and the table of all events.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
};

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{ErrorCode, Failure, args::EventsArgs, explain, say, say_json, signals::Endings};
use crate::{
    dubtrack::Dubtrack,
    event::{ChatEvent, Event, EventKind, Place},
    fishjam::{Address, Fishjam},
    net::{Credential, SecretError, SecretSource, Trust},
    nkmedia::Nkmedia,
    platform::{Platform, PlatformErrorKind, WatchEvent},
    protocol::{CatalogEntry, Frame, Protocol, catalog, decode},
    signalwire::{Bridge, SignalWire},
    text,
};

pub(super) async fn run(args: EventsArgs) -> Result<(), Failure> {
    if args.catalog {
        print_catalog(args.all, args.json);
        return Ok(());
    }
    let Some(protocol) = args.source else {
        return Err(Failure::new(
            ErrorCode::Missing,
            "say whose events they are: --source fishjam, signalwire, nkmedia or dubtrack",
        ));
    };
    match &args.decode {
        Some(path) => decode_file(protocol, path, &args),
        None => follow(protocol, &args).await,
    }
}

fn print_catalog(with_all: bool, as_json: bool) {
    let entries = catalog().into_iter().filter(|entry| with_all || entry.is_documented);
    let entries: Vec<CatalogEntry> = entries.collect();
    if as_json {
        return entries.iter().for_each(say_json);
    }
    let head = ["platform", "event", "wire", "meaning", "fields"].map(str::to_owned);
    let rows: Vec<[String; 5]> = [head].into_iter().chain(entries.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2), width(3)];
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        say(&format_args!("{}{}", cells.collect::<String>(), row[4]));
    }
}

fn row(entry: &CatalogEntry) -> [String; 5] {
    let wire = entry.wire.clone().unwrap_or_else(|| "in a page alone".to_owned());
    [entry.platform.to_string(), entry.event.clone(), wire, entry.meaning.to_owned(), entry.fields.join(" ")]
}

/// Lines of a file as frames. One that is none costs itself; that there was one is the end's word.
fn decode_file(protocol: Protocol, path: &Path, args: &EventsArgs) -> Result<(), Failure> {
    let name = path.display();
    let fail = |error: std::io::Error| Failure::new(ErrorCode::File, format!("--decode {name}: {error}"));
    let file: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(fail)?),
    };
    let (mut lines, mut broken) = (BufReader::new(file), 0);
    for number in 1.. {
        let mut line = Vec::new();
        if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(fail)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        match decode_line(protocol, text) {
            Ok(events) => events.iter().for_each(|event| print(event, args)),
            Err(why) => {
                broken += 1;
                explain(&format_args!("{name}, line {number}: {why}"));
            }
        }
    }
    match broken {
        0 => Ok(()),
        1 => Err(Failure::new(ErrorCode::Frames, format!("--decode {name}: a line is no frame of {protocol}"))),
        _ => {
            Err(Failure::new(ErrorCode::Frames, format!("--decode {name}: {broken} lines are no frames of {protocol}")))
        }
    }
}

fn decode_line(protocol: Protocol, line: &str) -> Result<Vec<Event>, String> {
    // Samples carry their frame under a key.
    let wrapped = serde_json::from_str::<Value>(line).ok().and_then(|mut line| Some(line.get_mut("frame")?.take()));
    let unwrapped = wrapped.map(|frame| frame.as_str().map_or_else(|| frame.to_string(), str::to_owned));
    let frame = unwrapped.as_deref().unwrap_or(line);
    let decoded = match protocol {
        Protocol::Fishjam => decode(protocol, Frame::Binary(&unhex(frame)?)),
        _ => decode(protocol, Frame::Text(frame)),
    };
    Ok(decoded.map_err(|error| error.to_string())?.into_iter().map(Event::identified).collect())
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    bytes.ok_or_else(|| "is not hexadecimal, as a frame of a Fishjam is written here".to_owned())
}

async fn follow(protocol: Protocol, args: &EventsArgs) -> Result<(), Failure> {
    let mut endings = Endings::listen();
    let platform = platform(protocol, args)?;
    let mut watch = platform.watch();
    if let Err(error) = platform.check().await {
        return match error.kind {
            PlatformErrorKind::BadRequest | PlatformErrorKind::NotFound => {
                Err(Failure::new(ErrorCode::NoSuchRoom, error.to_string()))
            }
            kind => Err(Failure::new(ErrorCode::of_platform(kind), format!("{}: {error}", platform.address()))),
        };
    }
    loop {
        let told = tokio::select! {
            _ = endings.next() => return Ok(()),
            told = watch.next() => told,
        };
        match told {
            Some(WatchEvent::Event(event)) => print(&event, args),
            Some(WatchEvent::Up) => explain(&format_args!("{}: the link is up", platform.address())),
            Some(WatchEvent::Down { reason }) => {
                explain(&format_args!("{}: the link is down: {reason}", platform.address()))
            }
            Some(WatchEvent::Refused { reason }) => return Err(Failure::new(ErrorCode::Refused, reason)),
            Some(WatchEvent::Listing | WatchEvent::Listed(_) | WatchEvent::ListFailed) => {}
            None => return Ok(()),
        }
        if super::lost().is_some() {
            return Ok(());
        }
    }
}

fn platform(protocol: Protocol, args: &EventsArgs) -> Result<Arc<dyn Platform>, Failure> {
    let missing = |flag: &str, what: &str| Failure::new(ErrorCode::Missing, format!("say {what}: {flag}"));
    let needed = |value: &Option<String>, flag, what| value.clone().ok_or_else(|| missing(flag, what));
    let trust = match &args.ca_file {
        Some(path) => {
            Trust::with_ca_file(path).map_err(|error| Failure::new(ErrorCode::File, format!("--ca-file: {error}")))?
        }
        None => Trust::of_machine(),
    };
    Ok(match protocol {
        Protocol::Fishjam => {
            let id = needed(&args.url, "--url", "which Fishjam, by its id or URL")?;
            let address: Address =
                id.parse().map_err(|error| Failure::new(ErrorCode::Flag, format!("--url: {error}")))?;
            let rest = crate::fishjam::rest::Client::with(
                address,
                secret("management token", "FISHJAM_MANAGEMENT_TOKEN", args)?,
                trust,
            );
            Arc::new(Fishjam::of(rest))
        }
        Protocol::SignalWire => {
            let project = needed(&args.project, "--project", "which project")?;
            let source = SignalWire::new(project, secret("SignalWire token", "SIGNALWIRE_TOKEN", args)?);
            let source = with_bridge(source.trusting(trust), args)?;
            Arc::new(match &args.url {
                Some(url) => source.at(socket_url(url)?).feed(),
                None => source.feed(),
            })
        }
        Protocol::Nkmedia => {
            let url = socket_url(&needed(&args.url, "--url", "where the server is")?)?;
            let user = needed(&args.user, "--user", "as whom")?;
            Arc::new(
                Nkmedia::new(url, user, secret("NkMEDIA password", "NKMEDIA_PASSWORD", args)?).trusting(trust).feed(),
            )
        }
        Protocol::Dubtrack => {
            let user = needed(&args.user, "--user", "as whom")?;
            if args.rooms.is_empty() {
                return Err(missing("--room", "which rooms, by the names in their addresses"));
            }
            let password = secret("Dubtrack password", "DUBTRACK_PASSWORD", args)?;
            let source = Dubtrack::new(user, password, args.rooms.clone()).trusting(trust);
            Arc::new(match &args.url {
                Some(url) => {
                    let url = socket_url(url)?;
                    let api = args.api.clone().unwrap_or_else(|| origin_of(&url));
                    source.at(api, url).feed()
                }
                None => source.feed(),
            })
        }
    })
}

/// Calls go to the host of the socket, unless said.
fn origin_of(socket: &str) -> String {
    let http = socket.replacen("ws", "http", 1);
    url::Url::parse(&http).map_or(http, |url| url.origin().ascii_serialization())
}

fn with_bridge(source: SignalWire, args: &EventsArgs) -> Result<SignalWire, Failure> {
    let Some(listen) = args.bridge else { return Ok(source) };
    let fail = |error: std::io::Error| Failure::new(ErrorCode::Port, format!("--bridge {listen}: {error}"));
    let source_of_token = SecretSource { what: "token of pages", env: "ROOMTONE_BRIDGE_TOKEN".into(), file: None };
    let token =
        source_of_token.read_token().map_err(|error| Failure::new(ErrorCode::Secret, error.to_string()))?.into();
    let bridge = Bridge::bind(listen, token, args.bridge_origins.clone()).map_err(fail)?;
    explain(&format_args!("pages forward to http://{}/", bridge.address().map_err(fail)?));
    Ok(source.bridged(bridge))
}

fn socket_url(url: &str) -> Result<String, Failure> {
    match url::Url::parse(url) {
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => Err(Failure::new(
            ErrorCode::Flag,
            "--url holds a user or a password, which would be shown with it; give them by themselves",
        )),
        Ok(parsed) if matches!(parsed.scheme(), "ws" | "wss") => Ok(url.to_owned()),
        _ => Err(Failure::new(
            ErrorCode::Flag,
            format!("--url {url:?} is no address of a socket; write ws:// or wss://"),
        )),
    }
}

fn secret(what: &'static str, env: &str, args: &EventsArgs) -> Result<Credential, Failure> {
    let source = SecretSource { what, env: env.to_owned(), file: args.token_file.clone() };
    let advice = |error: SecretError| match error {
        SecretError::Missing(why) => format!("{why}; set {env}, or give --token-file with a file that holds it"),
        SecretError::Bad(why) => why,
    };
    source.read().map_err(|error| Failure::new(ErrorCode::Secret, advice(error)))?;
    Credential::read_by(move || source.read().map_err(|error| error.to_string()))
        .map_err(|text| Failure::new(ErrorCode::Secret, text))
}

fn print(event: &Event, args: &EventsArgs) {
    match (args.json, args.native) {
        (true, true) => say_json(&event.json_with_native()),
        (true, false) => say_json(event),
        (false, with_native) => {
            say(&line(event));
            if let Some(native) = event.native.as_ref().filter(|_| with_native) {
                let payload = native.json().unwrap_or_default();
                say(&format_args!("    {} {payload}", text::printable(native.name(), 80)));
            }
        }
    }
}

/// An event for people: where, what, who, and what else an agent would act on.
fn line(event: &Event) -> String {
    let place = match &event.place {
        Some(Place::Room(room)) => format!("room {room}"),
        Some(Place::Stream(id)) => format!("stream {id}"),
        Some(Place::Session(id)) => format!("session {id}"),
        Some(Place::Call(id)) => format!("call {id}"),
        Some(Place::User(id)) => format!("user {id}"),
        None => "here".to_owned(),
    };
    let detail = match &event.kind {
        EventKind::Peer(event) => {
            let peer = event.peer();
            let name = if peer.name.is_empty() { String::new() } else { format!(" ({})", peer.name.as_str()) };
            let user = peer.user.as_deref().map(|user| format!(" ({user})")).unwrap_or_default();
            format!(" {}{name}{user}", peer.id)
        }
        EventKind::Track(event) => format!(" {}", event.track().id),
        EventKind::Voice(voice) => format!(" {} {}", voice.peer, if voice.speaking { "speaks" } else { "is silent" }),
        EventKind::Chat(ChatEvent::Said { author, text, .. }) => {
            format!(" {}: {}", author.name.as_str(), text.as_str())
        }
        EventKind::Other(_) => event.native.as_ref().map(|native| format!(" {}", native.name())).unwrap_or_default(),
        kind => details(kind),
    };
    text::line(&format!("{place} {}{detail}", event.kind.name()))
}

/// The fields of the rarer events, as their JSON has them.
fn details(kind: &EventKind) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(kind) else { return String::new() };
    fields.remove("event");
    fields.retain(|_, value| !value.is_null() && *value != json!([]));
    if fields.is_empty() { String::new() } else { format!(" {}", Value::Object(fields)) }
}

/// What is longer is no frame.
const LONGEST_LINE: u64 = 8 << 20;
