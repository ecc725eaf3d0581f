//! However `join` is told to end, and whether or not anybody reads what it prints: its peer leaves the room.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use crate::common::{House, eventually};

/// A disk that is full, a reader that has gone, or nobody at all.
fn printing_to(house: &House, output: &str) -> Child {
    let sink = || match output {
        "nobody" => Stdio::null(),
        "a closed pipe" => Stdio::piped(),
        file => Stdio::from(File::options().write(true).open(file).unwrap()),
    };
    // Whoever runs the tests may have SIGHUP ignored, which would be inherited.
    let mut child = Command::new("env")
        .args(["--default-signal=HUP", env!("CARGO_BIN_EXE_roomtone")])
        .args(["join", "--agent", "echo", "--room", house.room.as_str(), "--fishjam"])
        .arg(house.sandbox.address().to_string())
        .env("FISHJAM_MANAGEMENT_TOKEN", house.sandbox.token())
        .stdout(sink())
        .stderr(sink())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child
}

/// Whoever says `nohup` wants it to go on when the terminal closes.
#[tokio::test(flavor = "multi_thread")]
async fn not_by_a_signal_that_is_ignored() {
    let house = House::open().await;
    let mut child = Command::new("nohup")
        .args([env!("CARGO_BIN_EXE_roomtone"), "join", "--agent", "echo", "--room", house.room.as_str(), "--fishjam"])
        .arg(house.sandbox.address().to_string())
        .env("FISHJAM_MANAGEMENT_TOKEN", house.sandbox.token())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    house.until_connected(1).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let hangup_is_in = |mask: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap().trim();
        u64::from_str_radix(mask, 16).unwrap() & 1 == 1
    };
    assert!(hangup_is_in("SigIgn:") && !hangup_is_in("SigCgt:"), "{status}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_every_signal_and_on_every_output() {
    let house = House::open().await;
    for output in ["nobody", "a closed pipe", "/dev/full"] {
        for signal in ["-INT", "-TERM", "-HUP"] {
            let mut child = printing_to(&house, output);
            house.until_connected(1).await;
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            let mut status = None;
            eventually("it ends", || {
                status = child.try_wait().unwrap();
                status.is_some()
            })
            .await;
            // On a full disk what it had to say could not be said, and that is told.
            let code = if output == "/dev/full" { 3 } else { 0 };
            assert_eq!(status.unwrap().code(), Some(code), "{signal}, {output}: {status:?}");
            let peers = house.fishjam.rest().room(&house.room).await.unwrap().peers;
            assert!(peers.is_empty(), "{signal}, {output}: {peers:?}");
        }
    }
}
