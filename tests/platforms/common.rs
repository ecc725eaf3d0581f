//! What the tests of platforms share: samples, fakes at ports, feeds of them.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use roomtone::{
    dubtrack::Dubtrack,
    event::Event,
    feed::Feed,
    nkmedia::Nkmedia,
    platform::{Platform, Watch, WatchEvent},
    protocol::Protocol,
    sandbox::platforms::{FakeDubtrack, FakeNkmedia, FakePlatform, FakeServer, FakeSignalWire},
    signalwire::SignalWire,
};
use tokio::time::timeout;

/// Nothing here takes so long, whatever else the machine does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const FAKED: [Protocol; 3] = [Protocol::SignalWire, Protocol::Nkmedia, Protocol::Dubtrack];

/// The hand-made frames of a platform's documented events.
pub(crate) fn samples(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Fishjam => include_str!("../data/platforms/fishjam.jsonl"),
        Protocol::SignalWire => include_str!("../data/platforms/signalwire.jsonl"),
        Protocol::Nkmedia => include_str!("../data/platforms/nkmedia.jsonl"),
        Protocol::Dubtrack => include_str!("../data/platforms/dubtrack.jsonl"),
    }
}

pub(crate) async fn serve(fake: impl FakeServer) -> FakePlatform {
    FakePlatform::start(([127, 0, 0, 1], 0).into(), fake).await.unwrap()
}

pub(crate) async fn fake(protocol: Protocol) -> FakePlatform {
    match protocol {
        Protocol::SignalWire => serve(FakeSignalWire::default()).await,
        Protocol::Nkmedia => serve(FakeNkmedia::default()).await,
        _ => serve(FakeDubtrack::default()).await,
    }
}

/// A feed of a fake, by its secret or by another.
pub(crate) fn feed(protocol: Protocol, fake: &FakePlatform, secret: &str) -> Feed {
    feed_of(protocol, &fake.url(), &fake.http_url(), secret)
}

pub(crate) fn feed_of(protocol: Protocol, url: &str, api: &str, secret: &str) -> Feed {
    let secret = || secrecy::SecretString::from(secret).into();
    match protocol {
        Protocol::SignalWire => SignalWire::new("project", secret()).at(url).feed(),
        Protocol::Nkmedia => Nkmedia::new(url, "agent", secret()).feed(),
        _ => Dubtrack::new("agent", secret(), [ROOM.to_owned()]).at(api, url).feed(),
    }
}

/// The room of Dubtrack's samples.
pub(crate) const ROOM: &str = "6500a1b2c3d4e5f600000001";

pub(crate) async fn next(watch: &mut Watch) -> WatchEvent {
    timeout(PATIENCE, watch.next()).await.expect("it is told in time").expect("it goes on")
}

/// The next event of this name.
pub(crate) async fn event(watch: &mut Watch, name: &str) -> Arc<Event> {
    loop {
        if let WatchEvent::Event(event) = next(watch).await
            && event.kind.name() == name
        {
            return event;
        }
    }
}

/// A feed that is live, and what it tells from then on.
pub(crate) async fn live(protocol: Protocol, fake: &FakePlatform) -> (Feed, Watch) {
    let feed = feed(protocol, fake, "development");
    let mut watch = feed.watch();
    feed.check().await.unwrap();
    while next(&mut watch).await != WatchEvent::Up {}
    (feed, watch)
}

pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("in time: {what}"));
}
