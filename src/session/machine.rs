//! The life of one agent's connection: connect, show the token, publish the voice, come back after every cut, leave.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use super::{Backoff, Captures, Ending, Input, Output, Refusal, Report, SessionOptions, TokenFault, captures::Answer};
use crate::{
    agent::{CaptureError, Image},
    dialect::fishjam::{
        CloseCause, CloseReason,
        wire::{AgentRequest, AgentResponse, agent_response::Content},
    },
    event::TrackId,
};

/// One agent's connection to its room, as a machine: feed it [`Input`]s, then do what [`poll_output`] says until it
/// says nothing, then wait for the next input or for [`poll_timeout`].
///
/// [`poll_output`]: Session::poll_output
/// [`poll_timeout`]: Session::poll_timeout
///
/// ```
/// use std::time::Instant;
/// use roomtone::session::{Input, Output, Session, SessionOptions};
/// let now = Instant::now();
/// let mut session = Session::new(SessionOptions::default(), "token".into(), now);
/// assert_eq!(session.poll_output(), Some(Output::Connect));
/// session.handle_input(now, Input::Opened);
/// assert!(matches!(session.poll_output(), Some(Output::Send(_))), "it shows its token");
/// ```
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    token: SecretString,
    phase: Phase,
    outputs: VecDeque<Output>,
    backoff: Backoff,
    rng: fastrand::Rng,
    captures: Captures,
    /// When the session was made.
    begun: Instant,
    /// Since when there is no link; `None` while live.
    down_since: Option<Instant>,
    /// When the last link came up.
    live_since: Option<Instant>,
    /// Whether it was ever live.
    joined: bool,
    /// Whether the token was renewed since it last worked.
    token_is_fresh: bool,
    /// When the server's side of the agent crashed lately.
    crashes: VecDeque<Instant>,
    /// Unreadable messages on this link.
    malformed: u32,
}

#[derive(Debug)]
enum Phase {
    /// Waiting before the next attempt.
    Waiting {
        until: Instant,
    },
    Connecting {
        deadline: Instant,
    },
    Authenticating {
        deadline: Instant,
    },
    Live {
        voice: Option<TrackId>,
    },
    Refreshing {
        deadline: Instant,
    },
    /// The socket is asked to close.
    Leaving {
        deadline: Instant,
        ending: Ending,
    },
    Ended,
}

impl Session {
    /// A session that has been given a peer and its `token`, and connects at once.
    pub fn new(options: SessionOptions, token: String, now: Instant) -> Session {
        let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
        let mut session = Session {
            token: token.into(),
            phase: Phase::Ended,
            outputs: VecDeque::new(),
            backoff: Backoff::with_seed(seed),
            rng: fastrand::Rng::with_seed(seed),
            captures: Captures::default(),
            begun: now,
            down_since: Some(now),
            live_since: None,
            joined: false,
            token_is_fresh: false,
            crashes: VecDeque::new(),
            malformed: 0,
            options,
        };
        session.connect(now);
        session
    }

    /// Something happened at `now`.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if matches!(self.phase, Phase::Ended) {
            return;
        }
        match input {
            Input::Opened => self.on_opened(now),
            Input::Refused(refusal) => self.on_refused(now, refusal),
            Input::Message(message) => self.on_message(now, message),
            Input::Malformed => self.on_malformed(now),
            Input::Closed(reason) => self.on_closed(now, reason),
            Input::Token(result) => self.on_token(now, result),
            Input::Capture { id, track } => self.on_capture(now, id, track),
            Input::Leave(ending) => self.on_leave(now, ending),
            Input::Time => self.on_time(now),
        }
    }

    /// A new token, given before [`Input::Token`].
    pub fn set_token(&mut self, token: String) {
        self.token = token.into();
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Time`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Connecting { deadline } | Phase::Authenticating { deadline } => Some(*deadline),
            Phase::Refreshing { deadline } | Phase::Leaving { deadline, .. } => Some(*deadline),
            Phase::Live { .. } | Phase::Ended => None,
        };
        let captures = self.captures.poll_timeout(self.is_live());
        phase.into_iter().chain(captures).min()
    }

    /// Whether the agent is in the room: sound that arrives now is its to hear.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live { .. })
    }

    /// The track that takes the agent's voice now. Nothing may be sent on any other: the server would crash the peer.
    pub fn voice_track(&self) -> Option<&TrackId> {
        match &self.phase {
            Phase::Live { voice } => voice.as_ref(),
            _ => None,
        }
    }

    fn connect(&mut self, now: Instant) {
        self.phase = Phase::Connecting { deadline: now + CONNECT };
        self.outputs.push_back(Output::Connect);
    }

    fn on_opened(&mut self, now: Instant) {
        match self.phase {
            Phase::Connecting { .. } => {
                self.malformed = 0;
                self.phase = Phase::Authenticating { deadline: now + AUTHENTICATE };
                self.outputs.push_back(Output::Send(AgentRequest::auth(self.token.expose_secret())));
            }
            // It was given up while it opened.
            _ => self.outputs.push_back(Output::Disconnect),
        }
    }

    fn on_refused(&mut self, now: Instant, refusal: Refusal) {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return;
        }
        let reason = match &refusal {
            Refusal::Status(status) => format!("the server answered HTTP {status}"),
            Refusal::Unreachable(why) => why.clone(),
        };
        match refusal {
            // On the way in this is a wrong address; later it may be a proxy in trouble.
            Refusal::Status(400..=407 | 410) if !self.joined => {
                self.end(Ending::Refused(format!("{reason}; check the Fishjam's address")));
            }
            _ => self.retry(now, reason),
        }
    }

    fn on_message(&mut self, now: Instant, message: AgentResponse) {
        match (message.content, &self.phase) {
            (Some(Content::Authenticated(_)), Phase::Authenticating { .. }) => self.on_authenticated(now),
            (Some(Content::TrackImage(image)), Phase::Live { .. }) => {
                let picture = Image { content_type: image.content_type, data: image.data };
                self.answer(|captures, answers| captures.on_image(&image.track_id, &picture, answers));
                self.send_captures(now);
            }
            // Said twice, said too early, or of a later version: nothing hangs on it.
            _ => {}
        }
    }

    fn on_authenticated(&mut self, now: Instant) {
        let away = self.down_since.take().map_or(Duration::ZERO, |since| now - since);
        self.token_is_fresh = false;
        self.live_since = Some(now);
        self.report(match self.joined {
            true => Report::Restored { after: away },
            false => Report::Joined { after: now - self.begun },
        });
        self.joined = true;
        let voice = self.options.voice.as_ref().map(|track| {
            // A new id each time: the server may still know the old one, and crashes over an id used twice.
            let id = TrackId::from(
                uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid().to_string(),
            );
            self.outputs.push_back(Output::Send(AgentRequest::add_track(&id, track)));
            self.outputs.push_back(Output::Report(Report::Published { track: id.clone() }));
            id
        });
        self.phase = Phase::Live { voice };
        self.send_captures(now);
    }

    fn on_malformed(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Authenticating { .. } | Phase::Live { .. }) {
            return;
        }
        self.malformed += 1;
        self.report(Report::Malformed { count: self.malformed });
        if self.malformed >= MOST_MALFORMED {
            self.outputs.push_back(Output::Disconnect);
            self.lose(now, format!("{MOST_MALFORMED} messages of one link could not be read"));
        }
    }

    fn on_closed(&mut self, now: Instant, reason: CloseReason) {
        let cause = reason.cause();
        let hopeless = cause == CloseCause::Crashed && self.crashes_too_often(now);
        match (&self.phase, cause) {
            (Phase::Leaving { ending, .. }, _) => {
                let ending = ending.clone();
                self.end(ending);
            }
            (Phase::Waiting { .. } | Phase::Refreshing { .. } | Phase::Ended, _) => {}
            (_, CloseCause::RoomGone) => self.end(Ending::RoomEnded { crashed: false }),
            (_, CloseCause::PeerGone) => self.end(Ending::PeerRemoved),
            (_, CloseCause::RoomFull) => self.end(Ending::RoomFull),
            (_, CloseCause::Token) if self.token_is_fresh => self.end(Ending::TokenRefused(reason.to_string())),
            (_, CloseCause::Token) => self.refresh_token(now, &reason),
            (_, CloseCause::Crashed) if hopeless => self.end(Ending::Crashed(reason)),
            _ => self.lose(now, reason.to_string()),
        }
    }

    fn crashes_too_often(&mut self, now: Instant) -> bool {
        self.crashes.retain(|at| now - *at < CRASH_WINDOW);
        self.crashes.push_back(now);
        self.crashes.len() >= MOST_CRASHES
    }

    fn refresh_token(&mut self, now: Instant, reason: &CloseReason) {
        self.go_down(now, reason.to_string());
        self.phase = Phase::Refreshing { deadline: now + REFRESH };
        self.outputs.push_back(Output::RefreshToken);
    }

    fn on_token(&mut self, now: Instant, result: Result<(), TokenFault>) {
        if !matches!(self.phase, Phase::Refreshing { .. }) {
            return;
        }
        match result {
            Ok(()) => {
                self.token_is_fresh = true;
                self.report(Report::TokenRefreshed);
                self.connect(now);
            }
            Err(TokenFault::Gone) => self.end(Ending::PeerRemoved),
            Err(TokenFault::Refused(why)) => self.end(Ending::TokenRefused(why)),
            Err(TokenFault::Later(why)) => self.retry(now, why),
        }
    }

    fn on_capture(&mut self, now: Instant, id: u64, track: TrackId) {
        // Before the first connection a request may wait for it; on a link that broke it may not.
        let result = match self.is_live() || !self.joined {
            true => self.captures.on_request(now, id, track),
            false => Err(CaptureError::LinkDown),
        };
        match result {
            Ok(()) => self.send_captures(now),
            Err(error) => self.outputs.push_back(Output::Answer(id, Err(error))),
        }
    }

    fn on_leave(&mut self, now: Instant, ending: Ending) {
        self.answer(Captures::on_link_down);
        match &self.phase {
            Phase::Leaving { .. } => {}
            Phase::Live { voice } => {
                if let Some(track) = voice {
                    self.outputs.push_back(Output::Send(AgentRequest::remove_track(track)));
                }
                self.outputs.push_back(Output::Disconnect);
                self.phase = Phase::Leaving { deadline: now + LEAVE, ending };
            }
            Phase::Connecting { .. } | Phase::Authenticating { .. } => {
                self.outputs.push_back(Output::Disconnect);
                self.end(ending);
            }
            Phase::Waiting { .. } | Phase::Refreshing { .. } | Phase::Ended => self.end(ending),
        }
    }

    fn on_time(&mut self, now: Instant) {
        self.answer(|captures, answers| captures.on_time(now, answers));
        self.send_captures(now);
        match &self.phase {
            Phase::Waiting { until } if now >= *until => self.connect(now),
            Phase::Connecting { deadline } if now >= *deadline => {
                self.outputs.push_back(Output::Disconnect);
                self.retry(now, format!("no connection within {} s", CONNECT.as_secs()));
            }
            Phase::Authenticating { deadline } if now >= *deadline => {
                self.outputs.push_back(Output::Disconnect);
                self.retry(now, format!("no answer to the token within {} s", AUTHENTICATE.as_secs()));
            }
            Phase::Refreshing { deadline } if now >= *deadline => {
                self.retry(now, format!("no new token within {} s", REFRESH.as_secs()));
            }
            Phase::Leaving { deadline, ending } if now >= *deadline => {
                let ending = ending.clone();
                self.end(ending);
            }
            _ => {}
        }
    }

    /// The link is gone: mend it.
    fn lose(&mut self, now: Instant, reason: String) {
        // A link that breaks at once each time must not be opened at once each time.
        if self.live_since.take().is_some_and(|since| now - since >= STABLE) {
            self.backoff.reset();
        }
        if self.joined && self.down_since.is_none() {
            self.go_down(now, reason.clone());
        }
        self.retry(now, reason);
    }

    fn go_down(&mut self, now: Instant, reason: String) {
        if self.down_since.is_none() {
            self.down_since = Some(now);
            self.report(Report::Lost { reason });
        }
        self.answer(Captures::on_link_down);
    }

    /// Waits and connects again, unless that has gone on for too long.
    fn retry(&mut self, now: Instant, reason: String) {
        let away = self.down_since.map_or(Duration::ZERO, |since| now - since);
        let patience = if self.joined { self.options.link_patience } else { self.options.join_patience };
        let wait = self.backoff.next_wait();
        if away + wait > patience {
            let attempts = self.backoff.attempts();
            self.end(Ending::LinkGone { attempts, after: away, last: reason });
            return;
        }
        self.report(Report::Retrying { attempt: self.backoff.attempts(), wait, reason });
        self.phase = Phase::Waiting { until: now + wait };
    }

    fn end(&mut self, ending: Ending) {
        self.answer(Captures::on_link_down);
        self.phase = Phase::Ended;
        self.outputs.push_back(Output::End(ending));
    }

    fn report(&mut self, report: Report) {
        self.outputs.push_back(Output::Report(report));
    }

    fn answer(&mut self, ask: impl FnOnce(&mut Captures, &mut Vec<Answer>)) {
        let mut answers = Vec::new();
        ask(&mut self.captures, &mut answers);
        self.outputs.extend(answers.into_iter().map(|(id, result)| Output::Answer(id, result)));
    }

    fn send_captures(&mut self, now: Instant) {
        if !self.is_live() {
            return;
        }
        while let Some(track) = self.captures.poll_request(now) {
            self.outputs.push_back(Output::Send(AgentRequest::capture_image(&track)));
        }
    }
}

/// How long a socket may take to open.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server may take to look at the token.
const AUTHENTICATE: Duration = Duration::from_secs(10);
/// How long REST may take for a new token, its own retries included.
const REFRESH: Duration = Duration::from_secs(15);
/// How long the server may take to close a socket; the rest of the two seconds for leaving is REST's.
const LEAVE: Duration = Duration::from_secs(1);
/// Unreadable messages on one link before it is opened anew.
const MOST_MALFORMED: u32 = 32;
/// How long a link must have lasted for the next wait to be short again.
const STABLE: Duration = Duration::from_secs(10);
/// Crashes within the window before it is no longer bad luck.
const MOST_CRASHES: usize = 4;
const CRASH_WINDOW: Duration = Duration::from_secs(60);
