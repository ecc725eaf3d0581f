//! The edge to SignalWire: its rooms' events by the Realtime API.

mod bridge;

use std::sync::Mutex;

use async_trait::async_trait;
pub use bridge::Bridge;
use futures_util::{FutureExt, future::BoxFuture};
use secrecy::SecretString;

use crate::{
    feed::{Dial, Feed, Source, Tell},
    net::{Credential, Trust},
    platform::PlatformError,
    protocol::{
        Machine, Protocol,
        signalwire::{Client, Credentials},
    },
};

/// Where SignalWire is, and as whom it is followed.
///
/// ```no_run
/// use roomtone::{platform::Platform, signalwire::SignalWire};
/// # async fn example(token: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
/// let feed = SignalWire::new("my-project-id", token.into()).feed();
/// feed.check().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SignalWire {
    url: String,
    project: String,
    token: Credential,
    is_jwt: bool,
    trust: Trust,
    /// Taken when it begins.
    bridge: Mutex<Option<Bridge>>,
}

impl SignalWire {
    /// A project's rooms, with its API token.
    pub fn new(project: impl Into<String>, token: Credential) -> SignalWire {
        let (url, project, trust, bridge) = (RELAY.into(), project.into(), Trust::of_machine(), Mutex::default());
        SignalWire { url, project, token, is_jwt: false, trust, bridge }
    }

    /// The same by a video room token, as a page has it.
    pub fn with_jwt(self) -> SignalWire {
        SignalWire { is_jwt: true, ..self }
    }

    /// The same at another address, as `ws` or `wss`.
    pub fn at(self, url: impl Into<String>) -> SignalWire {
        SignalWire { url: url.into(), ..self }
    }

    /// The same, trusting others beside.
    pub fn trusting(self, trust: Trust) -> SignalWire {
        SignalWire { trust, ..self }
    }

    /// The same with what pages forward of themselves.
    pub fn bridged(self, bridge: Bridge) -> SignalWire {
        SignalWire { bridge: Mutex::new(Some(bridge)), ..self }
    }

    /// A platform of it.
    pub fn feed(self) -> Feed {
        Feed::new(self)
    }
}

#[async_trait]
impl Source for SignalWire {
    fn protocol(&self) -> Protocol {
        Protocol::SignalWire
    }

    fn address(&self) -> String {
        self.url.clone()
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }

    async fn dial(&self, last: Option<Box<dyn Machine>>) -> Result<Dial, PlatformError> {
        // The machine remembers the connection that the next one goes on from. One whose token was replaced begins anew.
        let machine = match last.filter(|_| !matches!(self.token.refresh(), Ok(true))) {
            Some(machine) => machine,
            None => {
                let (project, token) = (self.project.clone(), self.token.token());
                Box::new(Client::new(match self.is_jwt {
                    true => Credentials::Jwt { project, token },
                    false => Credentials::Project { project, token },
                }))
            }
        };
        Ok(Dial { url: self.url.clone(), machine })
    }

    fn beside(&self, tell: Tell) -> Option<BoxFuture<'static, ()>> {
        let bridge = self.bridge.lock().expect("no holder panics").take()?;
        Some(bridge.serve(tell).boxed())
    }

    async fn token(&self) -> Option<SecretString> {
        self.token.refresh().ok();
        Some(self.token.token())
    }
}

const RELAY: &str = "wss://relay.signalwire.com";
