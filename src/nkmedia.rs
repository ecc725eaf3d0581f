//! The edge to NkMEDIA: all that happens on a server, as one of its users is told.

use async_trait::async_trait;

use crate::{
    feed::{Dial, Feed, Source},
    net::{Credential, Trust},
    platform::PlatformError,
    protocol::{
        Machine, Protocol,
        nkmedia::{Client, Login},
    },
};

/// Where an NkMEDIA is, and as whom it is followed.
///
/// ```no_run
/// use roomtone::{nkmedia::Nkmedia, platform::Platform};
/// # async fn example(password: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
/// let feed = Nkmedia::new("wss://media.example.org:9011/", "agent@example.org", password.into()).feed();
/// feed.check().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Nkmedia {
    url: String,
    user: String,
    password: Credential,
    trust: Trust,
}

impl Nkmedia {
    /// A server at `url` (`ws` or `wss`), as this user.
    pub fn new(url: impl Into<String>, user: impl Into<String>, password: Credential) -> Nkmedia {
        Nkmedia { url: url.into(), user: user.into(), password, trust: Trust::of_machine() }
    }

    /// The same, trusting others beside: servers of its time have certificates of their own making.
    pub fn trusting(self, trust: Trust) -> Nkmedia {
        Nkmedia { trust, ..self }
    }

    /// A platform of it.
    pub fn feed(self) -> Feed {
        Feed::new(self)
    }
}

#[async_trait]
impl Source for Nkmedia {
    fn protocol(&self) -> Protocol {
        Protocol::Nkmedia
    }

    fn address(&self) -> String {
        self.url.clone()
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }

    async fn dial(&self, _last: Option<Box<dyn Machine>>) -> Result<Dial, PlatformError> {
        self.password.refresh().ok();
        let login = Login { user: self.user.clone(), password: self.password.token() };
        Ok(Dial { url: self.url.clone(), machine: Box::new(Client::new(login)) })
    }
}
