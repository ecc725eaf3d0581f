//! Captions of a room: who says what, while it is said.

mod results;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};

use tracing::Instrument;

use super::{Answer, AskedEngine, Chain, EngineStats, Job, trace};
use crate::{
    agent::{Input, Source},
    conversation::{
        EngineError, Spoken, Transcription,
        listening::{End, Heard, Listener, ListeningSettings, Utterance, UtteranceId},
        transcript::{Caption, Quality},
    },
    event::{PeerId, TrackId},
};

/// How a room is transcribed.
#[derive(Debug, Clone)]
pub struct TranscriberSettings {
    /// When somebody speaks.
    pub listening: ListeningSettings,
    /// How much more speech makes another partial result; `None` for none.
    pub partials: Option<Duration>,
    /// Whether all that was said is understood at each short pause, as if it were the end, and beginnings of which an engine is not
    /// sure are given, too ([`Covers::Tentative`](crate::conversation::turn::Covers)): for those who answer.
    pub at_pauses: bool,
    /// The language that is spoken, where it is known.
    pub language: Option<Arc<str>>,
    /// What traces call the conversation, as in `gen_ai.conversation.id`.
    pub conversation: Option<Arc<str>>,
}

impl Default for TranscriberSettings {
    fn default() -> TranscriberSettings {
        TranscriberSettings {
            listening: ListeningSettings::default(),
            partials: Some(Duration::from_millis(700)),
            at_pauses: false,
            language: Some("en".into()),
            conversation: None,
        }
    }
}

/// Turns what an agent is told into captions: a stream for each speaker, with partial results while somebody speaks and one
/// result that is not partial for every utterance, whatever the engines do. Nobody's sound waits for it.
///
/// ```no_run
/// use roomtone::{agent::{Agent, AgentError, Room}, speech::{Chain, Transcriber, TranscriberSettings}};
///
/// struct Scribe { chain: Chain }
///
/// #[async_trait::async_trait]
/// impl Agent for Scribe {
///     async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
///         let mut transcriber = Transcriber::new(self.chain.clone(), TranscriberSettings::default());
///         loop {
///             tokio::select! {
///                 input = room.next() => match input {
///                     Some(input) => transcriber.handle(&input),
///                     None => break,
///                 },
///                 caption = transcriber.next() => println!("{}: {}", caption.who(), caption.text),
///             }
///         }
///         for caption in transcriber.finish().await {
///             println!("{}: {}", caption.who(), caption.text);
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct Transcriber {
    chain: Chain,
    settings: TranscriberSettings,
    listener: Listener,
    /// Utterances that are not understood for good yet.
    open: BTreeMap<UtteranceId, Open>,
    /// Those of them that are over, and since when.
    over: BTreeMap<UtteranceId, (Utterance, Instant)>,
    /// How many utterances in a row were not understood, of those of whom some were not.
    losses: BTreeMap<TrackId, u32>,
    working: FuturesUnordered<BoxFuture<'static, Work>>,
    ready: VecDeque<Caption>,
    _serving: Serving,
}

/// An utterance that is being understood.
#[derive(Default)]
struct Open {
    /// When the speech began.
    begins: Duration,
    /// A partial result is on its way.
    is_asked: bool,
    /// How much of it was asked about last, and how much the last partial result is of.
    asked: usize,
    understood: usize,
    /// What was understood last, and may stand for all of it.
    partial: Transcription,
    engine: Option<Arc<str>>,
    /// The pause that goes on, or that ended it.
    pause: Option<Pause>,
}

/// What is understood at a pause.
struct Pause {
    /// How much was said before it, in samples.
    ends: usize,
    /// What an engine made of that, once it has.
    result: Option<Result<(Answer, AskedEngine), EngineError>>,
}

/// What an engine has done.
enum Work {
    Pause { id: UtteranceId, ends: usize, result: Result<(Answer, AskedEngine), EngineError> },
    Partial { id: UtteranceId, samples: usize, result: Result<(Transcription, Arc<str>), EngineError> },
    Final { id: UtteranceId, result: Result<(Answer, AskedEngine), EngineError> },
}

/// A session that an engine serves.
struct Serving(AskedEngine);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.stats().sessions.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Transcriber {
    /// One that has heard nobody yet.
    pub fn new(chain: Chain, settings: TranscriberSettings) -> Transcriber {
        EngineStats::count(&chain.first().stats().sessions, 1);
        Transcriber {
            _serving: Serving(chain.first().clone()),
            listener: Listener::new(settings.listening.clone()),
            chain,
            settings,
            open: BTreeMap::new(),
            over: BTreeMap::new(),
            losses: BTreeMap::new(),
            working: FuturesUnordered::new(),
            ready: VecDeque::new(),
        }
    }

    /// Takes what the room told. Never waits.
    pub fn handle(&mut self, input: &Input) {
        self.handle_and_tell(input, |_| {});
    }

    /// The same, and tells what was heard: who is active, begins, pauses.
    pub fn handle_and_tell(&mut self, input: &Input, mut tell: impl FnMut(&Heard)) {
        let mut heard = Vec::new();
        self.listener.handle(input, |what| heard.push(what));
        for what in heard {
            tell(&what);
            self.on_heard(what);
        }
        if let Input::Audio(frame) = input {
            self.ask_for_partial(frame.source());
        }
    }

    /// From now on so much more speech makes another partial result.
    pub fn set_partials(&mut self, partials: Option<Duration>) {
        self.settings.partials = partials;
    }

    /// What this peer says from now on is another utterance; what was said before it is understood as it is.
    pub fn close(&mut self, peer: &PeerId) {
        let mut heard = Vec::new();
        self.listener.close(peer, |what| heard.push(what));
        heard.into_iter().for_each(|what| self.on_heard(what));
    }

    /// The utterance that goes on on this track.
    pub fn open_on(&self, track: &TrackId) -> Option<&Utterance> {
        self.listener.open_on(track)
    }

    /// When the first of the utterances began whose last caption was not given yet; an
    /// [`Order`](crate::conversation::transcript::Order) asks for it.
    pub fn earliest(&self) -> Option<(Duration, UtteranceId)> {
        let open = self.open.iter().map(|(id, open)| (open.begins, *id));
        let ready = self.ready.iter().filter(|caption| !caption.is_partial());
        open.chain(ready.map(|caption| (caption.begins, caption.utterance))).min()
    }

    /// Waits for the next caption, partial or not. Dropping the future loses nothing, so it may stand in a `select!`.
    pub async fn next(&mut self) -> Caption {
        match self.next_of_heard().await {
            Some(caption) => caption,
            None => std::future::pending().await,
        }
    }

    /// The same; `None` when nothing is on its way any more of what was heard so far.
    pub async fn next_of_heard(&mut self) -> Option<Caption> {
        loop {
            if let Some(caption) = self.ready.pop_front() {
                return Some(caption);
            }
            let work = self.working.next().await?;
            self.on_work(work);
        }
    }

    /// Nothing more is going to be heard: closes what is open, and waits for the rest of the captions, no longer than an
    /// agent has for its end. What is not understood by then stands as far as it was.
    pub async fn finish(mut self) -> Vec<Caption> {
        let mut heard = Vec::new();
        self.listener.finish(|what| heard.push(what));
        heard.into_iter().for_each(|what| self.on_heard(what));
        let rest = async {
            while let Some(work) = self.working.next().await {
                self.on_work(work);
            }
        };
        tokio::time::timeout(AT_THE_END, rest).await.ok();
        let late: Vec<UtteranceId> = self.over.keys().copied().collect();
        EngineStats::count(&self.chain.first().stats().late, late.len() as u64);
        late.into_iter().for_each(|id| self.on_final(id, Err(EngineError::Late)));
        self.ready.into_iter().filter(|caption| !caption.is_partial()).collect()
    }

    fn on_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Began(_, id, begins) => drop(self.open.insert(id, Open { begins, ..Open::default() })),
            Heard::Paused(source, id, _) if self.settings.at_pauses => self.on_pause(&source, id),
            Heard::WentOn(_, id) => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.pause = None;
                }
            }
            Heard::Active(_) | Heard::Inactive(_) | Heard::Paused(..) => {}
            Heard::Ended(utterance) => self.on_ended(utterance),
            Heard::Withdrawn(utterance) => {
                self.open.remove(&utterance.id);
                self.ready.push_back(Caption::of(&utterance, Quality::Final));
            }
        }
    }

    /// Has more of what somebody is saying understood, if there is enough more of it and nothing of it is on its way.
    fn ask_for_partial(&mut self, source: &Source) {
        let Some(interval) = self.settings.partials else { return };
        let Some(utterance) = self.listener.open_on(&source.track) else { return };
        let Some(open) = self.open.get_mut(&utterance.id) else { return };
        // What came before the speech tells nothing to those who are in a hurry.
        let asked = if self.settings.at_pauses { open.asked.max(utterance.pre_roll) } else { open.asked };
        let more = utterance.samples.len() - asked.min(utterance.samples.len());
        if open.is_asked || open.pause.is_some() || more < Spoken::RATE.samples_in(interval) {
            return;
        }
        open.is_asked = true;
        open.asked = utterance.samples.len();
        let (id, samples) = (utterance.id, utterance.samples.len());
        let deadline = Instant::now() + (interval * 2).max(LEAST_TIME);
        let job = Job::new(utterance.samples.as_slice().into(), false, self.settings.language.clone(), deadline);
        let chain = self.chain.clone();
        self.working.push(Box::pin(async move {
            let result = chain.listen(job).await;
            let result = result.map(|(answer, engine)| (answer.heard, engine.name));
            Work::Partial { id, samples, result }
        }));
    }

    /// Has all of an utterance understood, which may be over.
    fn on_pause(&mut self, source: &Source, id: UtteranceId) {
        let Some(utterance) = self.listener.open_on(&source.track).filter(|utterance| utterance.id == id) else {
            return;
        };
        let Some(open) = self.open.get_mut(&id) else { return };
        let ends = utterance.speech_ends;
        open.pause = Some(Pause { ends, result: None });
        let whole = self.whole(utterance, self.samples_of(utterance));
        self.working.push(Box::pin(async move { Work::Pause { id, ends, result: whole.await } }));
    }

    /// Those who answer ask how sure it is that a sentence ends, and sound that stops has no silence behind it to tell that by: of 28
    /// sentences 6 were taken for whole then, and 22 are with it (of their first halves 1 and 3, as with silence of their own).
    fn samples_of(&self, utterance: &Utterance) -> Arc<[i16]> {
        match utterance.end {
            End::Open | End::Stopped | End::Left if self.settings.at_pauses => utterance.with_short_silence().into(),
            _ => utterance.samples.as_slice().into(),
        }
    }

    /// Has all of an utterance understood, by the samples that stand for it. Models loop over half a word: one in twelve of the
    /// utterances that break off makes nonsense, and four fifths of those are sense without their last word, most others without a
    /// syllable or two more.
    fn whole(
        &self,
        utterance: &Utterance,
        samples: Arc<[i16]>,
    ) -> impl Future<Output = Result<(Answer, AskedEngine), EngineError>> + Send + use<> {
        let (chain, language) = (self.chain.clone(), self.settings.language.clone());
        let losses = self.losses.get(&utterance.source.track).copied().unwrap_or(0);
        let before_last_words = utterance.is_broken_off().then(|| utterance.before_last_words().map(<[i16]>::len));
        let shorter: Vec<usize> = before_last_words.into_iter().flatten().collect();
        let work = async move {
            let mut result = chain.finish(samples.clone(), language.clone(), losses).await;
            if let Ok((whole, _)) = &mut result
                && whole.nonsense.is_some()
            {
                for length in shorter {
                    let part =
                        chain.finish(samples[..length.min(samples.len())].into(), language.clone(), losses).await;
                    let Ok((part, _)) = part else { break };
                    if part.nonsense.is_none() {
                        whole.heard = part.heard;
                        break;
                    }
                }
            }
            trace::record(&tracing::Span::current(), &result);
            result
        };
        work.instrument(trace::span(self.settings.conversation.as_deref(), utterance))
    }

    /// What was understood at its last pause is all of it.
    fn on_ended(&mut self, utterance: Utterance) {
        let pause = self.open.get_mut(&utterance.id).and_then(|open| open.pause.as_mut());
        match pause.filter(|pause| pause.ends == utterance.speech_ends) {
            Some(pause) => {
                let (id, result) = (utterance.id, pause.result.take());
                self.over.insert(id, (utterance, Instant::now()));
                if let Some(result) = result {
                    self.on_final(id, result);
                }
            }
            None => self.understand(utterance),
        }
    }

    fn understand(&mut self, utterance: Utterance) {
        let (id, whole) = (utterance.id, self.whole(&utterance, self.samples_of(&utterance)));
        self.over.insert(id, (utterance, Instant::now()));
        self.working.push(Box::pin(async move { Work::Final { id, result: whole.await } }));
    }
}

/// Engines are there that take half a second for however little, and a program that is late is ended.
const LEAST_TIME: Duration = Duration::from_secs(1);
/// An agent that was told to leave has 0.9 s.
const AT_THE_END: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests;
