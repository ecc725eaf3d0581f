//! A sandbox by TLS: rooms are `https` and `wss`, as a Fishjam's are.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use roomtone::{
    audio::Hz,
    fishjam::{
        Fishjam,
        rest::{Client, model::RoomConfig},
    },
    net::{Credential, Trust},
    sandbox::{Sandbox, SandboxError, SandboxOptions, TlsFiles},
};

use crate::{
    common::{House, eventually, noise},
    echoes_are_exact::Echo,
};

/// A certificate for this machine and its key, in a folder that goes with the test.
struct Files(PathBuf);

impl Files {
    fn new() -> Files {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("roomtone-tls-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Files(folder)
    }

    fn options(&self) -> SandboxOptions {
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| self.0.join(name));
        SandboxOptions { tls: Some(TlsFiles { certificate, key }), ..SandboxOptions::default() }
    }

    fn trust(&self) -> Trust {
        Trust::with_ca_file(&self.0.join("cert.pem")).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_goes_both_ways() {
    let files = Files::new();
    let sandbox = Sandbox::start(files.options()).await.unwrap();
    assert!(sandbox.url().starts_with("https://127.0.0.1:"));
    let credential = Credential::fixed(sandbox.token().into());
    let fishjam = Fishjam::of(Client::with(sandbox.address(), credential, files.trust()));
    let room = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
    let house = House { sandbox, fishjam, room };
    let handle = house.join(Echo).await;
    house.sandbox.record(&house.room, &handle.peer, Hz::K16, Instant::now()).unwrap();
    house.talker(noise(16_000)).await;
    let echo = || house.sandbox.recording(&house.room, &handle.peer).unwrap().samples;
    eventually("it says back what it hears", || echo().iter().any(|sample| *sample != 0)).await;
    handle.leave();
    assert_eq!(handle.ended().await.counters.inbound.broken_chunks, 0);
}

#[tokio::test]
async fn who_is_not_vouched_for_is_not_believed() {
    let files = Files::new();
    let sandbox = Sandbox::start(files.options()).await.unwrap();
    let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
    let error = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn files_that_hold_no_certificate_are_named() {
    let files = Files::new();
    let mut options = files.options();
    options.tls.as_mut().unwrap().key = files.0.join("cert.pem");
    let Err(error @ SandboxError::Identity(_)) = Sandbox::start(options).await else { panic!("it started") };
    assert!(error.to_string().contains("cert.pem"), "{error}");
}
