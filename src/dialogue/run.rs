//! One conversation in one room: carries out what the turn machine orders, and tells it what comes of it.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Map, json};
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, sleep},
};

use super::{
    Shared, TurnFigures, TurnPart,
    background::BackgroundPlayer,
    ear::{Ear, EarNews, Judged},
    figures::Marks,
    measures::COUNTERS,
    mouth::Mouth,
    reply::{Reply, Written},
};
use crate::{
    agent::{AgentError, Input, Note, Room},
    conversation::{
        AfterReply, Announced, Announcer, Context, Conversation, Part,
        transcript::Caption,
        turn::{Covers, Order, ReplyId, TurnInput, TurnMachine, logged},
    },
    event::{ChatEvent, EventKind, PeerId},
    speech::Said as Sound,
};

/// Has the conversation, until either side leaves.
pub(super) async fn run<C: Conversation + 'static>(
    shared: &Shared,
    conversation: C,
    room: &mut Room,
) -> Result<(), AgentError> {
    let _counted = Counted::new();
    let mut driver = Driver::new(shared, conversation, room);
    let mut result = Ok(());
    while !driver.machine.has_ended() && result.is_ok() {
        let wakes = driver.wakes_in();
        tokio::select! {
            // In this order, so that a session that is run again goes the same way.
            biased;
            input = driver.room.next() => match input {
                Some(input) => driver.on_input(&input),
                None => break,
            },
            news = driver.ear.next() => match news {
                EarNews::Caption(caption) => driver.on_caption(caption),
                EarNews::Judged(judged) => driver.on_judged(&judged),
            },
            said = driver.mouth.next() => driver.on_sound(said),
            written = next_of(&mut driver.reply), if !driver.mouth.is_full() => result = driver.on_written(written),
            Some(what) = driver.announced.recv(), if driver.own.is_empty() => driver.announce(what),
            () = sleep(wakes) => {}
        }
        driver.on_time();
    }
    driver.finish().await;
    result
}

/// A conversation that goes on, counted as long as it does.
struct Counted;

impl Counted {
    fn new() -> Counted {
        COUNTERS.sessions.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNTERS.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn next_of(reply: &mut Option<Reply>) -> Written {
    match reply {
        Some(reply) => reply.next().await,
        None => std::future::pending().await,
    }
}

/// See the module's head.
pub(super) struct Driver<'a, C> {
    pub(super) shared: &'a Shared,
    pub(super) room: &'a mut Room,
    pub(super) conversation: Arc<Mutex<C>>,
    /// What traces call it.
    pub(super) name: Arc<str>,
    pub(super) machine: TurnMachine,
    pub(super) ear: Ear,
    pub(super) mouth: Mouth,
    background: Option<BackgroundPlayer>,
    /// The reply that is written or heard.
    pub(super) reply: Option<Reply>,
    /// Who is replied to, while that is in the context and nothing of the reply was heard.
    pub(super) answered: Option<PeerId>,
    /// Since when its first words are waited for, while nothing fills the time.
    pub(super) waits_since: Option<Duration>,
    /// When it was certain that somebody is replied to.
    pub(super) confirmed_at: Option<Duration>,
    /// The reply was told to be heard.
    pub(super) spoke: bool,
    pub(super) begins: Duration,
    pub(super) context: Context,
    pub(super) announcer: Announcer,
    pub(super) announced: mpsc::Receiver<Announced>,
    /// What the agent says by itself, the next first; nothing stands for what it begins with.
    pub(super) own: VecDeque<Option<String>>,
    pub(super) has_begun: bool,
    pub(super) saying_own: Option<Option<String>>,
    pub(super) marks: Marks,
}

impl<'a, C: Conversation + 'static> Driver<'a, C> {
    fn new(shared: &'a Shared, conversation: C, room: &'a mut Room) -> Driver<'a, C> {
        let settings = &shared.settings;
        let (sender, announced) = mpsc::channel(MOST_ANNOUNCED);
        let mut transcriber = settings.transcriber.clone();
        let name: Arc<str> = format!("{}/{}", room.id(), room.me()).into();
        transcriber.conversation = Some(name.clone());
        Driver {
            ear: Ear::new(shared.ears.clone(), transcriber, settings.detector.clone(), settings.listener.clone()),
            mouth: Mouth::new(
                shared.voices.clone(),
                settings.transcriber.language.clone(),
                name.clone(),
                settings.apology.clone(),
            ),
            background: settings.background.clone().filter(|_| room.background.is_some()).map(BackgroundPlayer::new),
            name,
            machine: TurnMachine::new(settings.turns.clone()),
            conversation: Arc::new(Mutex::new(conversation)),
            shared,
            room,
            reply: None,
            answered: None,
            waits_since: None,
            confirmed_at: None,
            spoke: false,
            begins: Duration::ZERO,
            context: Context::default(),
            announcer: Announcer::new(sender),
            announced,
            own: VecDeque::new(),
            has_begun: false,
            saying_own: None,
            marks: Marks::default(),
        }
    }

    /// How long nothing happens by the clock alone.
    fn wakes_in(&self) -> Duration {
        let due = self.machine.deadline().map_or(LONGEST_SLEEP, |at| at.saturating_sub(self.room.now()));
        let look = self.mouth.look_after().unwrap_or(LONGEST_SLEEP);
        let filler = self.waits_since.map(|since| since + self.shared.settings.phrases.filler_after);
        let filler = filler.map_or(LONGEST_SLEEP, |at| at.saturating_sub(self.room.now()));
        let background = self.background.as_ref().and_then(|player| player.look_after(self.room.now()));
        let background = background.unwrap_or(LONGEST_SLEEP);
        due.min(look).min(filler).min(background)
    }

    fn on_input(&mut self, input: &Input) {
        let heard = self.ear.handle(input);
        self.feed_all(heard);
        match input {
            Input::Draining { .. } => self.feed(TurnInput::End),
            Input::Silence => {
                self.forget_own();
                self.feed(TurnInput::Silence);
            }
            Input::Event(_) if !self.has_begun && self.room.peers.people().next().is_some() => {
                self.has_begun = true;
                self.own.push_back(None);
                self.feed(TurnInput::Wants);
            }
            Input::Event(event) => self.on_chat(&event.kind),
            _ => {}
        }
    }

    fn on_chat(&mut self, kind: &EventKind) {
        if let EventKind::Chat(ChatEvent::Said { author, text, .. }) = kind
            && author.kind.is_person()
            && !text.as_str().trim().is_empty()
        {
            if self.shared.settings.captions {
                self.room.notes.post(self.written_caption(&author.id, text.as_str().trim()).note());
            }
            let written = self.ear.on_written(&author.id, text.as_str(), self.room.now());
            self.feed_all(written);
        }
    }

    fn hand_over(&mut self) {
        tracing::info!("the conversation is people's: the agent says nothing until it is called back");
        self.forget_own();
        self.feed(TurnInput::HandOver);
    }

    /// What the agent wanted to say by itself, it does not want to any more.
    fn forget_own(&mut self) {
        self.own.clear();
        while self.announced.try_recv().is_ok() {}
    }

    fn announce(&mut self, what: Announced) {
        match what {
            Announced::TakeOver => self.feed(TurnInput::TakeOver),
            Announced::Text(_) if self.machine.is_handed_over() => {}
            Announced::Text(text) => {
                self.own.push_back(Some(text));
                self.feed(TurnInput::Wants);
            }
        }
    }

    fn on_caption(&mut self, mut caption: Caption) {
        caption.name = self.name_of(&caption.speaker);
        let heard = self.ear.on_caption(&caption);
        if caption.covers.is_whole() && !heard.is_empty() {
            self.marks.note(TurnPart::Text, self.room.now());
        }
        let is_shown = !caption.is_partial() || matches!(caption.covers, Covers::Beginning | Covers::All);
        if self.shared.settings.captions && is_shown {
            self.room.notes.post(caption.note());
        }
        self.feed_all(heard);
    }

    fn on_judged(&mut self, judged: &Judged) {
        let heard = self.ear.on_judged(judged);
        self.feed_all(heard);
    }

    fn on_sound(&mut self, said: Option<Sound>) {
        if let Err(error) = self.mouth.on_said(said, &mut self.room.voice) {
            COUNTERS.unsaid.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("a sentence could not be said: {error}");
        }
    }

    fn on_written(&mut self, written: Written) -> Result<(), AgentError> {
        match written {
            Written::Part(Part::Text(text)) => self.mouth.text(&text),
            Written::Part(Part::Flush) => self.mouth.flush(),
            Written::Part(Part::Then(then)) => {
                if let Some(reply) = &mut self.reply {
                    reply.then = Some(then);
                }
            }
            Written::Over(result) => {
                self.mouth.finish_text();
                result?;
            }
        }
        self.mouth.pump(&mut self.room.voice);
        Ok(())
    }

    /// What the clock brings: what is due, the first sound that is heard, the last one.
    fn on_time(&mut self) {
        self.mouth.pump(&mut self.room.voice);
        let now = self.room.now();
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.feed(TurnInput::Tick);
        }
        self.fill(now);
        self.play_background();
        let Some((id, then)) = self.reply.as_ref().map(|reply| (reply.id, reply.then)) else { return };
        if !self.spoke && self.mouth.is_heard(&self.room.voice) {
            self.on_first_heard(id);
        }
        if self.mouth.look_after().is_some() && self.mouth.is_done(&self.room.voice) {
            match then {
                Some(AfterReply::End) => self.feed(TurnInput::End),
                Some(AfterReply::HandOver) => self.hand_over(),
                None => {}
            }
            self.feed(TurnInput::Finished { reply: id });
        }
    }

    fn play_background(&mut self) {
        // Until the voice has its first sound: what is heard of both lies as far ahead.
        let waits = self.machine.is_thinking() && self.mouth.first_queued.is_none();
        let (since, now) = (self.confirmed_at.filter(|_| waits), self.room.now());
        if let (Some(player), Some(voice)) = (&mut self.background, &mut self.room.background) {
            player.pump(voice, now, since);
        }
    }

    /// A reply that takes long begins with a filler.
    fn fill(&mut self, now: Duration) {
        let phrases = &self.shared.settings.phrases;
        let Some(since) = self.waits_since else { return };
        let has_text = self.reply.as_ref().is_none_or(|reply| reply.first_text.is_some());
        if has_text || phrases.filler.is_empty() {
            self.waits_since = None;
        } else if now >= since + phrases.filler_after {
            self.waits_since = None;
            self.mouth.text(&phrases.filler);
            self.mouth.flush();
            self.mouth.pump(&mut self.room.voice);
        }
    }

    fn on_first_heard(&mut self, id: ReplyId) {
        self.spoke = true;
        let now = self.room.now();
        self.begins = now;
        let of = |at: Option<Instant>| at.map(|at| now.saturating_sub(at.elapsed()));
        let first_text = of(self.reply.as_ref().and_then(|reply| reply.first_text));
        let marks = [
            (TurnPart::Model, first_text),
            (TurnPart::Synthesis, of(self.mouth.first_sound)),
            (TurnPart::Queue, of(self.mouth.first_queued)),
            (TurnPart::Transport, Some(now)),
        ];
        for (part, at) in marks {
            if let Some(at) = at {
                self.marks.note(part, at);
            }
        }
        if self.answered.take().is_some()
            && let Some(figures) = self.marks.figures(id)
        {
            self.post_figures(&figures);
        }
        self.feed(TurnInput::Speaks { reply: id });
    }

    fn post_figures(&mut self, figures: &TurnFigures) {
        COUNTERS.on_figures(figures);
        let total = figures.total().as_secs_f64() * 1e3;
        let longest = figures.longest();
        let text = format!("answered {total:.0} ms after the last sound; most of it is {}", longest.name());
        self.post(text, TurnFigures::NAME, json!(figures));
    }

    pub(super) fn post(&self, text: String, name: &str, value: serde_json::Value) {
        let data: Map<String, serde_json::Value> = [(name.to_owned(), value)].into_iter().collect();
        self.room.notes.post(Note { heard: Some(self.room.now()), text, data, ..Note::default() });
    }

    fn feed_all(&mut self, inputs: impl IntoIterator<Item = TurnInput>) {
        inputs.into_iter().for_each(|input| self.feed(input));
    }

    /// Tells the machine, and carries out what it orders.
    pub(super) fn feed(&mut self, input: TurnInput) {
        let now = self.room.now();
        if let TurnInput::Paused { at, .. } = &input {
            self.marks = Marks::new(*at);
            self.marks.note(TurnPart::Activity, now);
        }
        if self.shared.settings.log {
            self.post(String::new(), "turn_input", logged(now, &input));
        }
        self.machine.handle(now, input);
        let orders: Vec<Order> = self.machine.orders().collect();
        orders.into_iter().for_each(|order| self.carry_out(order));
        self.ear.set_hurry(self.machine.is_agents());
    }

    async fn finish(mut self) {
        self.end_reply();
        for caption in self.ear.finish().await {
            if self.shared.settings.captions {
                self.room.notes.post(caption.note());
            }
        }
    }
}

/// Things that wait to be said on the agent's own account.
const MOST_ANNOUNCED: usize = 16;
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
