//! `roomtone people`: somebody in a room. In a sandbox it is a person who speaks a sound file; on any other Fishjam it is a
//! peer, whose token lets a browser or an app come in as it.

use std::path::Path;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::{
    ErrorCode, Failure,
    args::{PeopleArgs, PeopleCommand},
    explain, join, patiently, say,
};
use crate::{
    event::RoomId,
    fishjam::{
        Fishjam,
        rest::{
            RestErrorKind,
            model::{NewPeer, PersonOptions},
        },
    },
    net::{self, build_http},
};

#[derive(Deserialize)]
struct Speaker {
    peer: String,
}

pub(super) async fn run(args: PeopleArgs) -> Result<(), Failure> {
    let fishjam = join::fishjam(&args.fishjam)?;
    patiently(fishjam.rest().address(), carry_out(&fishjam, args.command)).await
}

async fn carry_out(fishjam: &Fishjam, command: PeopleCommand) -> Result<(), Failure> {
    match command {
        PeopleCommand::Add { room, file, repeat } => add(fishjam, &room, file.as_deref(), repeat).await,
        PeopleCommand::Remove { room, peer } => {
            let (room_id, peer_id) = (room.as_str().into(), peer.as_str().into());
            fishjam.rest().delete_peer(&room_id, &peer_id).await.map_err(|error| match error.kind {
                RestErrorKind::NotFound => {
                    Failure::new(ErrorCode::NoSuchRoom, format!("there is no peer {peer} in room {room}"))
                }
                kind => Failure::new(ErrorCode::of_fishjam(kind), error.to_string()),
            })?;
            say(&format_args!("peer {peer} has left room {room}"));
            Ok(())
        }
    }
}

async fn add(fishjam: &Fishjam, room: &str, file: Option<&Path>, repeat: bool) -> Result<(), Failure> {
    if let Some(speaker) = add_to_sandbox(fishjam, room, file, repeat).await? {
        say(&speaker.peer);
        return Ok(());
    }
    let room = RoomId::from(room);
    let made = fishjam.rest().create_peer(&room, &NewPeer::Webrtc(PersonOptions::default())).await;
    let made = made.map_err(|error| match error.kind {
        RestErrorKind::NotFound => {
            Failure::new(ErrorCode::NoSuchRoom, format!("there is no room {room}; `rooms list` shows those there are"))
        }
        kind => Failure::new(ErrorCode::of_fishjam(kind), error.to_string()),
    })?;
    if file.is_some() {
        explain(&"this Fishjam is no sandbox: the peer is made, and an app must speak for it with this token");
    }
    say(&format_args!("{} {}", made.peer.id, made.token));
    Ok(())
}

/// `None` where this is no sandbox.
async fn add_to_sandbox(
    fishjam: &Fishjam,
    room: &str,
    file: Option<&Path>,
    repeat: bool,
) -> Result<Option<Speaker>, Failure> {
    let file = file.map(|file| {
        file.canonicalize()
            .map_err(|error| Failure::new(ErrorCode::File, format!("{}: cannot be opened ({error})", file.display())))
    });
    let file = file.transpose()?;
    let rest = fishjam.rest();
    let url = rest.address().rest(&format!("sandbox/rooms/{room}/people"));
    let token = rest.credential().token();
    let body = json!({ "sound": file, "loop": repeat });
    let request = build_http(reqwest::Client::builder()).post(url).bearer_auth(token.expose_secret()).json(&body);
    let unreachable = |error: reqwest::Error| {
        Failure::new(
            ErrorCode::Unreachable,
            format!("nobody answers at {}: {}", rest.address(), net::explain(&net::root_cause(&error))),
        )
    };
    let answer = request.send().await.map_err(unreachable)?;
    let (status, text) = (answer.status(), answer.text().await.map_err(unreachable)?);
    if status.is_success() {
        return Ok(serde_json::from_str(&text).ok());
    }
    // Only a sandbox knows the path, and says in JSON what is wrong with the request.
    let why = serde_json::from_str::<serde_json::Value>(&text).ok();
    let why = why.and_then(|json| json["errors"].as_str().map(ToOwned::to_owned)).filter(|why| why != "Not Found");
    match why {
        Some(why) => Err(Failure::new(ErrorCode::SoundFile, why)),
        None => Ok(None),
    }
}
