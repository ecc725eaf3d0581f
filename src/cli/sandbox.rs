//! `roomtone sandbox`.

use std::{net::SocketAddr, time::Duration};

use super::{ErrorCode, Failure, args::SandboxArgs, explain, say, signals::Endings};
use crate::{
    protocol::Protocol,
    sandbox::{
        Person, Sandbox, SandboxError, SandboxOptions, Speaks, TlsFiles,
        platforms::{FakeDubtrack, FakeNkmedia, FakePlatform, FakeSignalWire},
    },
};

pub(super) async fn run(args: SandboxArgs) -> Result<(), Failure> {
    let mut endings = Endings::listen();
    let listen = address(&args.listen).await?;
    let token = match &args.token_file {
        Some(_) => super::join::token("management token", "ROOMTONE_SANDBOX_TOKEN", args.token_file.as_deref())?,
        None => args.token,
    };
    if let Some(platform) = args.platform.filter(|platform| *platform != Protocol::Fishjam) {
        return fake(platform, listen, token, endings).await;
    }
    if !args.files.is_dir() {
        return Err(Failure::new(
            ErrorCode::File,
            format!("--files {}: there is no such folder", args.files.display()),
        ));
    }
    let options = SandboxOptions {
        listen,
        token,
        webhook_secret: args.webhook_secret,
        strict: args.strict,
        hosts: args.hosts,
        origins: args.origins,
        files: args.files,
        tls: args.cert_file.zip(args.key_file).map(|(certificate, key)| TlsFiles { certificate, key }),
    };
    let is_known_to_all = options.token == SandboxOptions::default().token;
    if !options.listen.ip().is_loopback() && is_known_to_all {
        explain(&"the sandbox listens beyond this machine with the token that everybody knows; give it --token-file");
    }
    let sandbox = start(options).await?;
    for name in &args.rooms {
        let room = sandbox.create_room(name, Default::default());
        let room = room.map_err(|error| Failure::new(ErrorCode::Flag, format!("--room {name:?}: {error}")))?;
        for file in &args.people {
            let sound = Some(Speaks::File(file.clone()));
            let person = Person { sound, looped: true, pause: BETWEEN, ..Person::default() };
            let added = sandbox.add_person(&room, person).await;
            added.map_err(|error| Failure::new(ErrorCode::SoundFile, format!("--person: {error}")))?;
        }
    }
    say(&sandbox.url());
    endings.next().await;
    sandbox.stop().await;
    Ok(())
}

pub(super) async fn start(options: SandboxOptions) -> Result<Sandbox, Failure> {
    Sandbox::start(options).await.map_err(|error| {
        let code = if matches!(error, SandboxError::Identity(_)) { ErrorCode::File } else { ErrorCode::Port };
        Failure::new(code, error.to_string())
    })
}

/// Another platform on this machine.
async fn fake(platform: Protocol, listen: SocketAddr, token: String, mut endings: Endings) -> Result<(), Failure> {
    let started = match platform {
        Protocol::SignalWire => FakePlatform::start(listen, FakeSignalWire::with_token(token)).await,
        Protocol::Nkmedia => FakePlatform::start(listen, FakeNkmedia::with_password(token)).await,
        Protocol::Dubtrack | Protocol::Fishjam => FakePlatform::start(listen, FakeDubtrack::with_password(token)).await,
    };
    let fake = started.map_err(|error| Failure::new(ErrorCode::Port, error.to_string()))?;
    say(&fake.url());
    endings.next().await;
    fake.stop().await;
    Ok(())
}

/// An address with a port; names are looked up.
async fn address(text: &str) -> Result<SocketAddr, Failure> {
    let fail = |why: &str| {
        Failure::new(
            ErrorCode::Port,
            format!("--listen {text:?}: {why}; write an address and a port, as in 127.0.0.1:5002"),
        )
    };
    let mut found = tokio::net::lookup_host(text).await.map_err(|error| fail(&error.to_string()))?;
    found.next().ok_or_else(|| fail("there is no such address"))
}

/// How long people are silent before they say the same again.
const BETWEEN: Duration = Duration::from_secs(2);
