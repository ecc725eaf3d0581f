//! Behind an HTTP proxy: REST calls and sockets go through it, and errors name it.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use roomtone::{fishjam::rest::model::RoomConfig, sandbox::SandboxOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::common::{House, eventually};

/// A name that nobody resolves: whoever reaches it does so through the proxy.
const NAME: &str = "fishjam.invalid";

/// A proxy that leads everything to one server, and counts what it was asked for.
struct Proxy {
    url: String,
    tunnels: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Proxy {
    async fn to(server: std::net::SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tunnels, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let proxy = Proxy { url, tunnels: tunnels.clone(), requests: requests.clone() };
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (tunnels, requests) = (tunnels.clone(), requests.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                        if client.read_buf(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let mut server = TcpStream::connect(server).await.unwrap();
                    if head.starts_with(format!("CONNECT {NAME}:80 ").as_bytes()) {
                        tunnels.fetch_add(1, Ordering::Relaxed);
                        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                    } else {
                        requests.fetch_add(1, Ordering::Relaxed);
                        server.write_all(&head).await.unwrap();
                    }
                    copy_bidirectional(&mut client, &mut server).await.ok();
                });
            }
        });
        proxy
    }
}

fn join(proxy: &str, house: &House) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomtone"));
    command
        .args(["join", "--agent", "echo", "--room", house.room.as_str(), "--fishjam", &format!("http://{NAME}")])
        .env("FISHJAM_MANAGEMENT_TOKEN", house.sandbox.token())
        .env("HTTP_PROXY", proxy)
        .env("http_proxy", proxy)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env_remove("ALL_PROXY")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_sockets_go_through_it() {
    let options = SandboxOptions { hosts: vec![NAME.into()], ..SandboxOptions::default() };
    let house = House::with(RoomConfig::default(), options).await;
    let proxy = Proxy::to(house.sandbox.socket_address()).await;
    let mut child = join(&proxy.url, &house).spawn().unwrap();
    house.until_connected(1).await;
    // The agent's socket and that of the notifications.
    eventually("both sockets go through it", || proxy.tunnels.load(Ordering::Relaxed) >= 2).await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success());
    assert!(proxy.requests.load(Ordering::Relaxed) >= 1, "the peer is made and removed by calls");
    assert!(house.fishjam.rest().room(&house.room).await.unwrap().peers.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_it() {
    let house = House::open().await;
    // Bound, so that nobody else gets it, and not listened to.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = format!("http://{}", socket.local_addr().unwrap());
    let output = tokio::task::spawn_blocking({
        let mut command = join(&nobody, &house);
        move || command.output().unwrap()
    });
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains(nobody.trim_start_matches("http://")) && text.contains("proxy"), "{text}");
}
