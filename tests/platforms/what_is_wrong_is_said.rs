//! Wrong credentials, wrong versions, servers that are something else: each is a typed error that says what to do.

use roomtone::{
    agent::ActionError,
    platform::{Platform, PlatformErrorKind},
    protocol::{FaultKind, Frame, Machine, Output, Protocol, signalwire},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::common::{FAKED, fake, feed, feed_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wrong_credentials_are_refused_in_words_that_help() {
    for (protocol, advice) in [
        (Protocol::SignalWire, "check the project's id and token"),
        (Protocol::Nkmedia, "check user and password"),
        (Protocol::Dubtrack, "check the user and the password"),
    ] {
        let fake = fake(protocol).await;
        let error = feed(protocol, &fake, "wrong").check().await.unwrap_err();
        assert_eq!(error.kind, PlatformErrorKind::Unauthorized, "{error}");
        assert!(error.message.contains(advice), "{error}");
        assert!(!error.message.contains("wrong"), "{error}");
        fake.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_there_and_somebody_else_there_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // A web server that knows neither sockets nor calls.
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 1_024];
                let _some = stream.read(&mut request).await;
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await.ok();
            });
        }
    });
    for protocol in FAKED {
        let (url, api) = (format!("ws://{address}/"), format!("http://{address}"));
        let error = feed_of(protocol, &url, &api, "x").check().await.unwrap_err();
        assert!(error.message.contains("404"), "{protocol}: {error}");
        assert!(matches!(error.kind, PlatformErrorKind::Other | PlatformErrorKind::NotFound), "{protocol}: {error:?}");
    }
    server.abort();
    // A port that was closed a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for protocol in FAKED {
        let (url, api) = (format!("ws://{gone}/"), format!("http://{gone}"));
        let error = feed_of(protocol, &url, &api, "x").check().await.unwrap_err();
        assert_eq!(error.kind, PlatformErrorKind::Later, "{protocol}: {error}");
    }
}

/// Each of the fakes is a server of another platform to the others' clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_platforms_server_is_no_crash() {
    for protocol in FAKED {
        for other in FAKED.into_iter().filter(|other| *other != protocol) {
            let fake = fake(other).await;
            let error = feed(protocol, &fake, "development").check().await.unwrap_err();
            assert!(!error.message.is_empty(), "{protocol} at {other}");
            fake.stop().await;
        }
    }
}

#[test]
fn another_version_of_the_protocol_is_named() {
    let now = std::time::Instant::now();
    let credentials = signalwire::Credentials::Project { project: "p".into(), token: "t".into() };
    let mut client = signalwire::Client::new(credentials);
    client.on_open(now, std::time::Duration::ZERO);
    let Some(Output::Send(connect)) = client.poll_output() else { panic!("it connects") };
    let id = serde_json::from_str::<serde_json::Value>(&connect).unwrap()["id"].clone();
    let refusal = serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32602, "message": "Unsupported protocol version" } });
    client.on_frame(now, Frame::Text(&refusal.to_string()));
    let Some(Output::Close(fault)) = client.poll_output() else { panic!("it gives up") };
    assert_eq!(fault.kind, FaultKind::Version);
    assert!(fault.will_not_pass() && fault.message.contains("another version"), "{fault}");
}

#[test]
fn what_a_platform_cannot_do_has_a_reason() {
    use roomtone::agent::Action;

    let say = Action::Say { text: "hello".into() };
    let refusal = ActionError::unsupported(&say, "NkMEDIA").to_string();
    assert_eq!(refusal, "say: NkMEDIA has no message for that");
}
