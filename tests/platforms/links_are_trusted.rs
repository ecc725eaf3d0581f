//! Feeds by TLS: of whom the platform's certificate is, and what is said where it is somebody else's.

use std::sync::Arc;

use roomtone::{
    feed::Feed,
    net::Trust,
    nkmedia::Nkmedia,
    platform::{Platform, PlatformErrorKind},
    sandbox::platforms::{FakeNkmedia, FakePlatform},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::common::serve;

/// A TLS end in front of a fake, with a certificate of its own making; its port and the certificate.
async fn with_tls(fake: &FakePlatform) -> (u16, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    let behind = fake.url().trim_start_matches("ws://").trim_end_matches('/').to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(behind).await.unwrap();
                copy_bidirectional(&mut stream, &mut server).await.ok();
            });
        }
    });
    (port, certified.cert.pem())
}

fn feed(port: u16, trust: Trust) -> Feed {
    let password = secrecy::SecretString::from("development").into();
    Nkmedia::new(format!("wss://localhost:{port}/"), "agent", password).trusting(trust).feed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_certificate_is_believed_where_somebody_vouches_for_it() {
    let fake = serve(FakeNkmedia::default()).await;
    let (port, pem) = with_tls(&fake).await;
    let error = feed(port, Trust::of_machine()).check().await.unwrap_err();
    assert_eq!(error.kind, PlatformErrorKind::Later, "{error}");
    assert!(error.message.contains("certificate"), "{error}");
    let file = std::env::temp_dir().join(format!("roomtone-ca-{port}-{}.pem", std::process::id()));
    std::fs::write(&file, pem).unwrap();
    let trust = Trust::with_ca_file(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    feed(port, trust).check().await.unwrap();
}
