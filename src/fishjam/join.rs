//! Bringing an agent into a room.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    address::Address,
    driver::Driver,
    monitor::SessionMonitor,
    notifier::{Hub, Notifier, Scope},
    rest::{
        Client, RestError, RestErrorKind,
        model::{AgentOptions, AgentOutput, AudioFormat, NewPeer, SubscribeMode},
    },
    session_event::{SessionEvent, SessionSummary},
};
use crate::{
    agent::{Agent, AudioRequirements, Hear},
    audio::{
        Hz,
        codec::{CodecError, Decoder, Encoder, Encoding},
    },
    event::{Event, PeerId, RoomId},
    protocol::fishjam::{PublishedTrack, PublishedTrackError},
    session::{SessionOptions, SubscriptionFilter},
};

/// A Fishjam whose rooms agents can join.
#[derive(Debug, Clone)]
pub struct Fishjam {
    rest: Client,
    /// Clones share one server socket.
    hub: Arc<Hub>,
}

/// How an agent joins.
#[derive(Debug, Clone)]
pub struct JoinOptions {
    /// Which room.
    pub room: RoomId,
    /// Whose sound the agent gets, where that is not for the agent to say.
    pub hear: Option<Hear>,
    /// Of those only these.
    pub filter: SubscriptionFilter,
    /// The track for the agent's voice, where PCM16 at the agent's own rate (or 24 kHz) will not do.
    pub voice: Option<PublishedTrack>,
    /// What is said of that track, where `{"type":"microphone"}` will not do.
    pub voice_metadata: Option<serde_json::Value>,
    /// How others' sound comes. A Fishjam sends PCM16; Opus is for servers that pass packets through.
    pub incoming: Encoding,
    /// Whether the agent gets everyone's tracks, or only those that are asked for by REST.
    pub subscribe: SubscribeMode,
    /// Whether those whom the agent hears are asked for by REST as they come, where `subscribe` is manual.
    pub subscribe_to_heard: bool,
    /// How far ahead of what is heard the voice is sent. More rides out a worse network; less makes an interruption
    /// quicker where the server's own interrupt is lost. From 40 ms to 10 s.
    pub lead: Duration,
    /// How long links are mended.
    pub session: SessionOptions,
}

impl JoinOptions {
    /// Joins `room` as the agent wants, with a lead of 200 ms.
    pub fn new(room: RoomId) -> JoinOptions {
        JoinOptions {
            room,
            hear: None,
            filter: SubscriptionFilter::default(),
            voice: None,
            voice_metadata: None,
            incoming: Encoding::Pcm16,
            subscribe: SubscribeMode::Auto,
            subscribe_to_heard: false,
            lead: DEFAULT_LEAD,
            session: SessionOptions::default(),
        }
    }
}

/// An agent's session in a room. Dropping it makes the agent leave, without anyone to wait for it.
#[derive(Debug)]
pub struct SessionHandle {
    /// The room.
    pub room: RoomId,
    /// The agent's peer.
    pub peer: PeerId,
    /// The track of the agent's voice, if it has one.
    pub voice: Option<PublishedTrack>,
    /// When the agent was made: what events count from.
    pub begun: Instant,
    /// What happens, as it happens. It need not be read: what does not fit is dropped and counted.
    pub events: mpsc::Receiver<SessionEvent>,
    joined: watch::Receiver<bool>,
    leave: CancellationToken,
    drain: watch::Sender<Option<Duration>>,
    monitor: SessionMonitor,
    driver: JoinHandle<SessionSummary>,
}

impl SessionHandle {
    /// Waits until the agent is in the room; `false` if it ends before that. This is told whatever becomes of
    /// `events`, and may be asked for while they are read.
    pub fn joined(&self) -> impl Future<Output = bool> + use<> {
        let mut joined = self.joined.clone();
        async move { joined.wait_for(|is_in| *is_in).await.is_ok() }
    }

    /// Tells the agent to leave; it is gone within two seconds.
    pub fn leave(&self) {
        self.leave.cancel();
    }

    /// Something that makes the agent leave from elsewhere.
    pub fn leave_token(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// Tells the agent that it is going to be told to leave, `within` this time.
    pub fn drain(&self, within: Duration) {
        self.drain.send_replace(Some(within));
    }

    /// A look at what is going on.
    pub fn monitor(&self) -> SessionMonitor {
        self.monitor.clone()
    }

    /// Waits until the agent is gone.
    pub async fn ended(mut self) -> SessionSummary {
        match (&mut self.driver).await {
            Ok(summary) => summary,
            // Nobody aborts it but a runtime that ends, and whoever waits here ends with it.
            Err(end) if end.is_cancelled() => std::future::pending().await,
            Err(end) => std::panic::resume_unwind(end.into_panic()),
        }
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        self.leave.cancel();
    }
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
        let requirements = AudioRequirements { hear: options.hear.unwrap_or(requirements.hear), ..requirements };
        let voice = match requirements.speak_rate {
            Some(rate) => {
                let voice = options.voice.clone().map_or_else(|| default_voice(rate), Ok)?;
                Some(match &options.voice_metadata {
                    Some(metadata) => voice.with_metadata(metadata.clone()),
                    None => voice,
                })
            }
            None => None,
        };
        let wire_rate = wire_rate(requirements.hear_rate);
        check(&requirements, voice.as_ref(), Decoder::new(options.incoming, wire_rate))?;
        let output = AgentOutput { audio_format: AudioFormat::Pcm16, audio_sample_rate: wire_rate };
        let peer = NewPeer::Agent(AgentOptions { output, subscribe_mode: options.subscribe });
        let admission = self
            .rest
            .create_peer(&options.room, &peer)
            .await
            .map_err(|error| JoinError::from_rest(options.room.clone(), error))?;
        let leave = CancellationToken::new();
        let (sender, events) = mpsc::channel(EVENTS);
        let (is_in, joined) = watch::channel(false);
        let (room, peer) = (options.room.clone(), admission.peer.id.clone());
        let session = SessionOptions { voice: voice.clone(), ..options.session.clone() };
        let (begun, monitor) = (Instant::now(), SessionMonitor::default());
        // Every line that is logged from here on says which room and which peer it is about.
        let span = tracing::info_span!("agent", %room, %peer);
        let driver = span.in_scope(|| {
            let notifier = self.notifier(Scope::Room(room.clone()));
            Driver::new(
                self.rest.clone(),
                &options,
                session,
                &requirements,
                wire_rate,
                admission,
                notifier,
                (sender, is_in),
                monitor.clone(),
                agent,
            )
        })?;
        let (drain, draining) = watch::channel(None);
        let driver = tokio::spawn(driver.run(leave.clone(), draining).instrument(span));
        Ok(SessionHandle { room, peer, voice, begun, events, joined, leave, drain, monitor, driver })
    }
}

/// Why an agent could not join.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// There is no such room.
    #[error("there is no room {0} on this Fishjam; create it first, or check its id and the Fishjam's address")]
    NoSuchRoom(RoomId),
    /// The room takes no more peers.
    #[error("room {0} is full; raise its maxPeers or remove a peer")]
    RoomFull(RoomId),
    /// Anything else that REST said.
    #[error(transparent)]
    Rest(RestError),
    /// The voice cannot be published.
    #[error(transparent)]
    Voice(#[from] PublishedTrackError),
    /// The agent wants sound at a rate that makes no sense.
    #[error("the agent wants sound at {0}; choose a rate from 8000 to 192000 Hz")]
    Rate(Hz),
    /// The sound cannot be encoded or decoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl JoinError {
    /// Whether the server may have made a peer nevertheless, which then stays in the room unconnected.
    pub fn may_leave_peer(&self) -> bool {
        matches!(self, JoinError::Rest(error) if error.may_have_been_done())
    }

    fn from_rest(room: RoomId, error: RestError) -> JoinError {
        match error.kind {
            RestErrorKind::NotFound => JoinError::NoSuchRoom(room),
            RestErrorKind::Conflict => JoinError::RoomFull(room),
            _ => JoinError::Rest(error),
        }
    }
}

/// Finds out what would go wrong, before there is a peer that would be left behind.
fn check(
    requirements: &AudioRequirements,
    voice: Option<&PublishedTrack>,
    decoder: Result<Decoder, CodecError>,
) -> Result<(), JoinError> {
    let senseless = |rate: &Hz| !(8_000..=192_000).contains(&rate.0);
    if let Some(rate) = [Some(requirements.hear_rate), requirements.speak_rate].into_iter().flatten().find(senseless) {
        return Err(JoinError::Rate(rate));
    }
    decoder?;
    match voice {
        Some(track) => Ok(Encoder::new(track.encoding(), track.rate(), track.opus_settings()).map(drop)?),
        None => Ok(()),
    }
}

/// The rate to ask the server for: the agent's own where the server has it, else the next one up.
fn wire_rate(wanted: Hz) -> Hz {
    if wanted <= Hz::K16 { Hz::K16 } else { Hz::K24 }
}

fn default_voice(rate: Hz) -> Result<PublishedTrack, PublishedTrackError> {
    PublishedTrack::pcm16(if rate == Hz::K16 { Hz::K16 } else { Hz::K24 })
}

/// Enough to ride out a network's usual jitter and the machine's; an interrupt does not wait for it.
const DEFAULT_LEAD: Duration = Duration::from_millis(200);
/// Events that may wait for a reader.
const EVENTS: usize = 1_024;
