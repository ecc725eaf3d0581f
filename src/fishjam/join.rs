//! Bringing an agent into a room.

use std::sync::Arc;

use secrecy::SecretString;
use tracing::Instrument;

use super::{
    address::Address,
    driver::Driver,
    notifier::{Hub, Notifier, Scope},
    rest::{
        Client,
        model::{Admission, AgentOptions, AgentOutput, AudioFormat, NewPeer},
    },
};
use crate::{
    agent::{Agent, AudioRequirements},
    audio::{
        Hz,
        codec::{CodecError, Decoder, Encoder},
    },
    event::{Event, PeerId},
    platform::{JoinError, JoinOptions},
    session::{PendingSession, SessionHandle, SessionOptions},
    signal::PublishedTrack,
};

/// A Fishjam whose rooms agents can join.
#[derive(Debug, Clone)]
pub struct Fishjam {
    rest: Client,
    /// Clones share one server socket.
    pub(super) hub: Arc<Hub>,
}

impl Fishjam {
    /// A Fishjam at `address`, where `token` is the management token.
    pub fn new(address: Address, token: SecretString) -> Fishjam {
        Fishjam::of(Client::new(address, token))
    }

    /// The Fishjam of a client.
    pub fn of(rest: Client) -> Fishjam {
        Fishjam { hub: Arc::new(Hub::new(rest.clone())), rest }
    }

    /// The same, but what happens there comes by [`feed`](Self::feed) alone and no server socket is opened: for hosts
    /// that get webhooks.
    pub fn fed(rest: Client) -> Fishjam {
        Fishjam { hub: Arc::new(Hub::fed(rest.clone())), rest }
    }

    /// Tells all who listen what happened.
    pub fn feed(&self, event: Event) {
        self.hub.tell(event);
    }

    /// Its REST interface.
    pub fn rest(&self) -> &Client {
        &self.rest
    }

    /// Listens to what happens. All who listen share one server socket.
    pub fn notifier(&self, scope: Scope) -> Notifier {
        Notifier::of(&self.hub, scope)
    }

    /// Makes a peer for the agent and brings it into the room. The agent runs until it returns, the room ends, or it
    /// is told to leave; cut links are mended on the way.
    ///
    /// # Errors
    /// [`JoinError`] when there can be no peer. What happens later is told by [`SessionHandle`].
    pub async fn join(&self, agent: Box<dyn Agent>, options: JoinOptions) -> Result<SessionHandle, JoinError> {
        let requirements = agent.requirements();
        self.make_peer(options, requirements).await?.connect(agent)
    }

    /// Makes a peer for an agent that wants this.
    pub(super) async fn make_peer(
        &self,
        options: JoinOptions,
        requirements: AudioRequirements,
    ) -> Result<FishjamSeat, JoinError> {
        let requirements = AudioRequirements { hear: options.hear.unwrap_or(requirements.hear), ..requirements };
        let voice = match requirements.speak_rate {
            Some(rate) => {
                let voice = options.voice.clone().unwrap_or_else(|| PublishedTrack::for_voice(rate));
                Some(match &options.voice_metadata {
                    Some(metadata) => voice.with_metadata(metadata.clone()),
                    None => voice,
                })
            }
            None => None,
        };
        let background = requirements.background_rate.map(|rate| background(&options, rate));
        let wire_rate = wire_rate(requirements.hear_rate);
        check(&requirements, voice.iter().chain(&background), Decoder::new(options.incoming, wire_rate))?;
        let output = AgentOutput { audio_format: AudioFormat::Pcm16, audio_sample_rate: wire_rate };
        let peer = NewPeer::Agent(AgentOptions { output, subscribe_mode: options.subscribe });
        let admission = self.rest.create_peer(&options.room, &peer).await;
        let admission = admission.map_err(|error| JoinError::from_platform(options.room.clone(), error.into()))?;
        Ok(FishjamSeat { fishjam: self.clone(), options, requirements, voice, background, wire_rate, admission })
    }
}

/// A peer that was made for an agent, and is not connected yet.
pub(super) struct FishjamSeat {
    fishjam: Fishjam,
    options: JoinOptions,
    requirements: AudioRequirements,
    voice: Option<PublishedTrack>,
    background: Option<PublishedTrack>,
    wire_rate: Hz,
    admission: Admission,
}

impl FishjamSeat {
    pub(super) fn peer(&self) -> &PeerId {
        &self.admission.peer.id
    }

    pub(super) fn connect(self, agent: Box<dyn Agent>) -> Result<SessionHandle, JoinError> {
        let FishjamSeat { fishjam, options, requirements, voice, background, wire_rate, admission } = self;
        let (room, peer) = (options.room.clone(), admission.peer.id.clone());
        let session = SessionOptions { voice: voice.clone(), background, ..options.session.clone() };
        // Every line that is logged from here on says which room and which peer it is about.
        let span = tracing::info_span!("agent", %room, %peer);
        let (pending, link) = PendingSession::new(room.clone(), peer, voice);
        let driver = span.in_scope(|| {
            let notifier = fishjam.notifier(Scope::Room(room));
            let rest = fishjam.rest.clone();
            Driver::new(rest, &options, session, &requirements, wire_rate, admission, notifier, link, agent)
        })?;
        Ok(pending.spawn(driver.run().instrument(span)))
    }
}

/// The track of what sounds beside the voice: encoded like that, and no microphone to a web client.
fn background(options: &JoinOptions, rate: Hz) -> PublishedTrack {
    let track = options.voice.clone().unwrap_or_else(|| PublishedTrack::for_voice(rate));
    track.with_metadata(serde_json::json!({ "type": "customAudio" }))
}

/// Finds out what would go wrong, before there is a peer that would be left behind.
fn check<'a>(
    requirements: &AudioRequirements,
    published: impl Iterator<Item = &'a PublishedTrack>,
    decoder: Result<Decoder, CodecError>,
) -> Result<(), JoinError> {
    if let Some(rate) = requirements.senseless_rate() {
        return Err(JoinError::Rate(rate));
    }
    decoder?;
    for track in published {
        Encoder::new(track.encoding(), track.rate(), track.opus_settings())?;
    }
    Ok(())
}

/// The rate to ask the server for: the agent's own where the server has it, else the next one up.
pub(crate) fn wire_rate(wanted: Hz) -> Hz {
    if wanted <= Hz::K16 { Hz::K16 } else { Hz::K24 }
}
