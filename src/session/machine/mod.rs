//! The life of one agent's connection: connect, show the token, publish the voice, come back after every cut, leave.

mod retries;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use secrecy::SecretString;

use super::{Backoff, Captures, Ending, Input, Output, Refusal, Report, SessionOptions, captures::Answer};
use crate::{
    agent::CaptureError,
    event::TrackId,
    net::limits,
    signal::{CloseCause, CloseReason, Command, Message, PublishedTrack},
};
use retries::REFRESH;

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
        background: Option<TrackId>,
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
            Phase::Live { voice, .. } => voice.as_ref(),
            _ => None,
        }
    }

    /// The track that takes what sounds beside it, likewise.
    pub fn background_track(&self) -> Option<&TrackId> {
        match &self.phase {
            Phase::Live { background, .. } => background.as_ref(),
            _ => None,
        }
    }

    fn connect(&mut self, now: Instant) {
        self.phase = Phase::Connecting { deadline: now + limits::OPEN };
        self.outputs.push_back(Output::Connect);
    }

    fn on_opened(&mut self, now: Instant) {
        match self.phase {
            Phase::Connecting { .. } => {
                self.malformed = 0;
                self.phase = Phase::Authenticating { deadline: now + limits::AUTHENTICATE };
                self.outputs.push_back(Output::Send(Command::Authenticate { token: self.token.clone() }));
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
            Refusal::Status { code, .. } => format!("the server answered HTTP {code}"),
            Refusal::Unreachable(why) => why.clone(),
        };
        let at_least = match refusal {
            Refusal::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            Refusal::Unreachable(_) => Duration::ZERO,
        };
        match refusal {
            // On the way in this is a wrong address; later it may be a proxy in trouble.
            Refusal::Status { code: 400..=407 | 410, .. } if !self.joined => {
                self.end(Ending::Refused(format!("{reason}; check the Fishjam's address")));
            }
            _ => self.retry_after(now, at_least, reason),
        }
    }

    fn on_message(&mut self, now: Instant, message: Message) {
        match (message, &self.phase) {
            (Message::Authenticated, Phase::Authenticating { .. }) => self.on_authenticated(now),
            (Message::Image { track, image }, Phase::Live { .. }) => {
                self.answer(|captures, answers| captures.on_image(track.as_str(), &image, answers));
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
        let voice = self.options.voice.clone().map(|track| self.publish(track));
        let background = self.options.background.clone().map(|track| self.publish(track));
        self.phase = Phase::Live { voice, background };
        self.send_captures(now);
    }

    fn publish(&mut self, track: PublishedTrack) -> TrackId {
        // A new id each time: the server may still know the old one, and crashes over an id used twice.
        let id = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid();
        let id = TrackId::from(id.to_string());
        self.outputs.push_back(Output::Send(Command::AddTrack { id: id.clone(), track }));
        self.outputs.push_back(Output::Report(Report::Published { track: id.clone() }));
        id
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
        let cause = reason.cause;
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
            // It was good a moment ago. Knocking again at once would go on for ever.
            (Phase::Live { .. }, CloseCause::Token) if !self.has_been_stable(now) => self.lose(now, reason.to_string()),
            (_, CloseCause::Token) if self.token_is_fresh => self.end(Ending::TokenRefused(reason.to_string())),
            (_, CloseCause::Token) => self.refresh_token(now, &reason),
            (_, CloseCause::Crashed) if hopeless => self.end(Ending::Crashed(reason)),
            _ => self.lose(now, reason.to_string()),
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
            Phase::Live { voice, background } => {
                for track in voice.iter().chain(background) {
                    self.outputs.push_back(Output::Send(Command::RemoveTrack { id: track.clone() }));
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
                self.retry(now, format!("no connection within {} s", limits::OPEN.as_secs()));
            }
            Phase::Authenticating { deadline } if now >= *deadline => {
                self.outputs.push_back(Output::Disconnect);
                self.retry(now, format!("no answer to the token within {} s", limits::AUTHENTICATE.as_secs()));
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
            self.outputs.push_back(Output::Send(Command::CaptureImage { track }));
        }
    }
}

/// How long the server may take to close a socket; the rest of the two seconds for leaving is REST's.
const LEAVE: Duration = Duration::from_secs(1);
/// Unreadable messages on one link before it is opened anew.
const MOST_MALFORMED: u32 = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{agent::Image, audio::Hz, protocol::fishjam::close_reason, signal::PublishedTrack};

    const MS: Duration = Duration::from_millis(1);

    /// A session on a made-up clock.
    struct Bench {
        session: Session,
        now: Instant,
    }

    impl Bench {
        fn new() -> Bench {
            let voice = Some(PublishedTrack::pcm16(Hz::K16).unwrap());
            Bench::with(SessionOptions { voice, seed: Some(7), ..SessionOptions::default() })
        }

        fn with(options: SessionOptions) -> Bench {
            let now = Instant::now();
            Bench { session: Session::new(options, "first".into(), now), now }
        }

        fn live() -> Bench {
            let mut bench = Bench::new();
            bench.open();
            bench.outputs();
            bench
        }

        fn input(&mut self, input: Input) -> Vec<Output> {
            self.session.handle_input(self.now, input);
            self.outputs()
        }

        fn outputs(&mut self) -> Vec<Output> {
            std::iter::from_fn(|| self.session.poll_output()).collect()
        }

        fn open(&mut self) {
            self.session.handle_input(self.now, Input::Opened);
            self.session.handle_input(self.now, Input::Message(authenticated()));
        }

        fn close(&mut self, code: u16, text: &str) -> Vec<Output> {
            self.input(Input::Closed(close_reason(code, text)))
        }

        /// Moves the clock to the next deadline and tells the session.
        fn sleep(&mut self) -> Vec<Output> {
            self.now = self.session.poll_timeout().expect("there is something to wait for");
            self.input(Input::Time)
        }
    }

    fn authenticated() -> Message {
        Message::Authenticated
    }

    fn ending(outputs: &[Output]) -> Option<&Ending> {
        outputs.iter().find_map(|output| match output {
            Output::End(ending) => Some(ending),
            _ => None,
        })
    }

    fn added_track(outputs: &[Output]) -> Option<String> {
        outputs.iter().find_map(|output| match output {
            Output::Send(Command::AddTrack { id, .. }) => Some(id.to_string()),
            _ => None,
        })
    }

    #[test]
    fn it_connects_shows_its_token_and_publishes() {
        let mut bench = Bench::new();
        assert_eq!(bench.outputs(), [Output::Connect]);
        assert_eq!(bench.input(Input::Opened), [Output::Send(Command::Authenticate { token: "first".into() })]);
        assert!(bench.session.voice_track().is_none(), "nothing may be sent before authentication");
        bench.now += 30 * MS;
        let outputs = bench.input(Input::Message(authenticated()));
        assert_eq!(outputs[0], Output::Report(Report::Joined { after: 30 * MS }));
        let track = added_track(&outputs).unwrap();
        assert_eq!(bench.session.voice_track().unwrap().as_str(), track);
        assert_eq!(uuid::Uuid::parse_str(&track).unwrap().get_version_num(), 4);
        assert!(bench.input(Input::Message(authenticated())).is_empty(), "said twice");
    }

    #[test]
    fn after_a_cut_it_waits_comes_back_and_has_a_new_track() {
        let mut bench = Bench::live();
        let before = bench.session.voice_track().unwrap().clone();
        let outputs = bench.close(1006, "reset");
        assert!(matches!(&outputs[..], [Output::Report(Report::Lost { .. }), Output::Report(Report::Retrying { .. })]));
        assert!(bench.session.voice_track().is_none());
        let cut_at = bench.now;
        assert_eq!(bench.sleep(), [Output::Connect]);
        bench.open();
        let outputs = bench.outputs();
        assert!(outputs.contains(&Output::Report(Report::Restored { after: bench.now - cut_at })));
        assert_ne!(added_track(&outputs).unwrap(), before.as_str());
    }

    #[test]
    fn what_sounds_beside_the_voice_has_a_track_of_its_own_on_each_link() {
        let track =
            |kind: &str| PublishedTrack::pcm16(Hz::K24).unwrap().with_metadata(serde_json::json!({ "type": kind }));
        let options = SessionOptions {
            voice: Some(track("microphone")),
            background: Some(track("customAudio")),
            seed: Some(7),
            ..SessionOptions::default()
        };
        let mut bench = Bench::with(options);
        let mut seen = Vec::new();
        for _ in 0..2 {
            bench.open();
            let outputs = bench.outputs();
            let added = outputs.iter().filter_map(|output| match output {
                Output::Send(Command::AddTrack { id, track }) => Some((id.clone(), track.metadata()["type"].clone())),
                _ => None,
            });
            let [(voice, voice_is), (background, background_is)] = &added.collect::<Vec<_>>()[..] else {
                panic!("{outputs:?}")
            };
            assert_eq!((voice_is, background_is), (&"microphone".into(), &"customAudio".into()));
            let session = &bench.session;
            assert_eq!((session.voice_track(), session.background_track()), (Some(voice), Some(background)));
            seen.extend([voice.clone(), background.clone()]);
            if seen.len() == 2 {
                bench.close(1006, "reset");
                assert!(bench.session.background_track().is_none());
                assert_eq!(bench.sleep(), [Output::Connect]);
            }
        }
        let outputs = bench.input(Input::Leave(Ending::Left));
        let removed =
            |output: &Output| matches!(output, Output::Send(Command::RemoveTrack { id }) if seen[2..].contains(id));
        assert_eq!(outputs.iter().filter(|output| removed(output)).count(), 2, "{outputs:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4, "no id is used twice");
    }

    #[test]
    fn waits_grow_until_patience_ends_and_links_that_break_at_once_do_not_shorten_them() {
        let mut bench = Bench::live();
        let (mut waits, begun) = (Vec::new(), bench.now);
        bench.close(1006, "");
        let ending = loop {
            let before = bench.now;
            bench.sleep();
            waits.push(bench.now - before);
            let outputs = bench.input(Input::Refused(Refusal::Unreachable("refused".into())));
            if let Some(ending) = ending(&outputs) {
                break ending.clone();
            }
        };
        assert!(matches!(ending, Ending::LinkGone { .. }), "{ending:?}");
        assert!(waits[0] <= 200 * MS && waits[8..].iter().all(|wait| (2_500 * MS..=5_000 * MS).contains(wait)));
        assert!((295_000 * MS..=300_000 * MS).contains(&(bench.now - begun)));
        let mut bench = Bench::live();
        let attempts = (0..6).map(|_| {
            bench.close(1006, "");
            let before = bench.now;
            bench.sleep();
            bench.open();
            bench.outputs();
            bench.now - before
        });
        assert!(attempts.last().unwrap() > 1_500 * MS, "it must not knock five times a second");
    }

    #[test]
    fn a_token_is_renewed_once_for_each_refusal() {
        let mut bench = Bench::live();
        bench.close(1006, "");
        bench.sleep();
        bench.input(Input::Opened);
        assert!(bench.close(1000, "Expired token").contains(&Output::RefreshToken));
        bench.session.set_token("second".into());
        assert!(bench.input(Input::Token(Ok(()))).contains(&Output::Connect));
        assert_eq!(bench.input(Input::Opened), [Output::Send(Command::Authenticate { token: "second".into() })]);
        let outputs = bench.close(1000, "invalid token");
        assert!(matches!(ending(&outputs), Some(Ending::TokenRefused(_))), "{outputs:?}");
    }

    #[test]
    fn a_token_that_is_refused_right_after_it_was_taken_is_tried_slowly() {
        let mut bench = Bench::live();
        let outputs = bench.close(1000, "invalid token");
        assert!(!outputs.contains(&Output::RefreshToken) && ending(&outputs).is_none(), "{outputs:?}");
        assert_eq!(bench.sleep(), [Output::Connect]);
        bench.open();
        bench.outputs();
        bench.now += limits::STABLE;
        assert!(bench.close(1000, "expired token").contains(&Output::RefreshToken));
    }

    #[test]
    fn endings_say_what_happened() {
        for (code, text, expected) in [
            (1000, "room not found", Ending::RoomEnded { crashed: false }),
            (1000, "Peer removed", Ending::PeerRemoved),
            (1000, "reached peers limit", Ending::RoomFull),
        ] {
            let outputs = Bench::live().close(code, text);
            assert_eq!(ending(&outputs), Some(&expected), "{text}");
        }
        let outputs = Bench::new().input(Input::Refused(Refusal::Status { code: 404, retry_after: None }));
        assert!(matches!(ending(&outputs), Some(Ending::Refused(_))), "a wrong address does not get better");
        let mut bench = Bench::live();
        for crash in 0..3 {
            assert_eq!(ending(&bench.close(1011, "oom")), None, "crash {crash}");
            bench.sleep();
            bench.open();
            bench.outputs();
        }
        assert!(matches!(ending(&bench.close(1011, "oom")), Some(Ending::Crashed(_))));
    }

    #[test]
    fn leaving_removes_the_track_closes_and_waits_no_longer_than_a_second() {
        let mut bench = Bench::live();
        let track = bench.session.voice_track().unwrap().clone();
        let outputs = bench.input(Input::Leave(Ending::Left));
        assert_eq!(outputs, [Output::Send(Command::RemoveTrack { id: track.as_str().into() }), Output::Disconnect]);
        let begun = bench.now;
        for _ in 0..40 {
            assert!(bench.input(Input::Malformed).is_empty(), "what comes while it leaves cannot keep it");
        }
        assert_eq!(bench.sleep(), [Output::End(Ending::Left)]);
        assert_eq!(bench.now - begun, 1_000 * MS);
        assert!(bench.input(Input::Opened).is_empty(), "nothing comes after the end");
    }

    #[test]
    fn pictures_wait_for_the_first_link_and_not_for_a_broken_one() {
        let mut bench = Bench::new();
        bench.outputs();
        assert!(bench.input(Input::Capture { id: 1, track: "v".into() }).is_empty());
        bench.open();
        assert!(bench.outputs().contains(&Output::Send(Command::CaptureImage { track: "v".into() })));
        let image = Image { content_type: "image/jpeg".into(), data: "x".into() };
        let outputs = bench.input(Input::Message(Message::Image { track: "v".into(), image }));
        assert!(matches!(&outputs[..], [Output::Answer(1, Ok(_))]), "{outputs:?}");
        bench.close(1006, "");
        let outputs = bench.input(Input::Capture { id: 2, track: "v".into() });
        assert_eq!(outputs, [Output::Answer(2, Err(CaptureError::LinkDown))]);
    }

    #[test]
    fn no_debug_output_shows_the_token() {
        let mut bench = Bench::new();
        bench.session.set_token("very-secret".into());
        bench.session.handle_input(bench.now, Input::Opened);
        assert!(!format!("{:?}", bench.session).contains("very-secret"));
        assert!(!format!("{:?}", bench.outputs()).contains("very-secret"));
    }

    fn inputs() -> impl Strategy<Value = Vec<(u64, u8)>> {
        proptest::collection::vec((0u64..20_000, 0u8..14), 0..120)
    }

    proptest! {
        /// Whatever comes in whatever order: no panic, one end, nothing after it, and always a way on.
        #[test]
        fn any_story_can_be_lived_through(story in inputs()) {
            let mut bench = Bench::new();
            let mut ended = false;
            for (wait_ms, what) in story {
                bench.now += Duration::from_millis(wait_ms);
                let close = |code, text: &str| Input::Closed(close_reason(code, text));
                let outputs = bench.input(match what {
                    0 | 1 => Input::Opened,
                    2..=4 => Input::Message(authenticated()),
                    5 => Input::Malformed,
                    6 => close(1006, ""),
                    7 => close(1000, "expired token"),
                    8 => close(1011, "crash"),
                    9 => Input::Refused(Refusal::Unreachable("no".into())),
                    10 => Input::Token(Ok(())),
                    11 => Input::Capture { id: wait_ms, track: "v".into() },
                    12 => Input::Leave(Ending::Left),
                    _ => Input::Time,
                });
                prop_assert!(!ended || outputs.is_empty(), "after its end: {outputs:?}");
                ended |= ending(&outputs).is_some();
                prop_assert_eq!(bench.session.voice_track().is_some(), bench.session.is_live());
                let waits = bench.session.poll_timeout().is_some();
                prop_assert!(ended || bench.session.is_live() || waits, "stuck");
            }
        }
    }
}
