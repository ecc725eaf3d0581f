//! Whose turn it is: one machine that is told who speaks, what is understood and what is heard of the agent, and orders when
//! a reply is prepared, begun, paused, resumed and dropped.
//!
//! It has no I/O and no clock: every input brings its time, on the clock of the agent's frames. The same inputs give the same
//! orders, so a [log](TurnLog) of them is a replay. All of its state is who has the floor, and for each person what they are
//! saying; every state ends by a [deadline](TurnMachine::deadline) at the latest.
//!
//! ```
//! use std::time::Duration;
//! use roomtone::conversation::turn::{Covers, Order, TurnInput, TurnMachine, TurnSettings};
//!
//! let ms = Duration::from_millis;
//! let mut machine = TurnMachine::new(TurnSettings::default());
//! let ada = || "ada".into();
//! machine.handle(ms(100), TurnInput::Active { speaker: ada() });
//! machine.handle(ms(150), TurnInput::Began { speaker: ada(), at: ms(50) });
//! machine.handle(ms(1_200), TurnInput::Paused { speaker: ada(), at: ms(1_000) });
//! let text = "What time is it?".to_owned();
//! machine.handle(ms(1_270), TurnInput::Text { speaker: ada(), text, covers: Covers::All, confidence: None });
//! // Less than a second behind the last sound the agent has the turn.
//! while let Some(at) = machine.deadline() {
//!     machine.handle(at, TurnInput::Tick);
//!     if let Some(Order::Confirm { said, .. }) = machine.orders().find(|order| matches!(order, Order::Confirm { .. })) {
//!         assert_eq!(said.unwrap().text, "What time is it?");
//!         break;
//!     }
//! }
//! ```

mod back_channel;
mod barge_in;
mod end;
mod floor;
mod hand_over;
mod input;
mod log;
mod person;
mod settings;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use self::{
    floor::{Floor, Reply},
    hand_over::Hands,
    person::{Detector, Person, Voice},
};
pub use self::{
    input::{Covers, Leaving, NotATurn, Order, ReplyId, Said, TurnEnd, TurnEvent, TurnInput},
    log::{LogError, TurnLog, logged, replay},
    settings::{BargeIn, EndDelay, FloorRule, TurnSettings},
};
use crate::event::PeerId;

/// See the module's head.
#[derive(Debug, Clone)]
pub struct TurnMachine {
    settings: TurnSettings,
    floor: Floor,
    people: BTreeMap<PeerId, Person>,
    now: Duration,
    begun: Option<Duration>,
    orders: VecDeque<Order>,
    next: ReplyId,
    /// What the agent wants to say by itself, and has not begun to.
    wanted: u32,
    /// Why the conversation ends as soon as nothing is being said.
    leaving: Option<Leaving>,
    /// Who spoke first, and how often it was asked whether somebody is there.
    first: Option<PeerId>,
    prompts: u32,
    hands: Hands,
}

impl TurnMachine {
    /// One that has heard nobody.
    pub fn new(settings: TurnSettings) -> TurnMachine {
        TurnMachine {
            settings,
            floor: Floor::Idle { since: Duration::ZERO },
            people: BTreeMap::new(),
            now: Duration::ZERO,
            begun: None,
            orders: VecDeque::new(),
            next: ReplyId(1),
            wanted: 0,
            leaving: None,
            first: None,
            prompts: 0,
            hands: Hands::default(),
        }
    }

    /// Takes what happened at `now`; what was due before that happens first. A time before the last one counts as that.
    pub fn handle(&mut self, now: Duration, input: TurnInput) {
        let now = whole_micros(now).max(self.now);
        if self.begun.is_none() {
            (self.begun, self.now) = (Some(now), now);
            self.floor = Floor::Idle { since: now };
        }
        while let Some(at) = self.next_due().filter(|at| *at <= now) {
            self.now = at.max(self.now);
            self.review();
        }
        if !self.has_ended() {
            self.now = now;
            self.take(input);
            self.review();
        }
    }

    /// What is to be done, in its order.
    pub fn orders(&mut self) -> impl Iterator<Item = Order> {
        self.orders.drain(..)
    }

    /// When it is to be told of the time at the latest; `None` when the conversation is over.
    pub fn deadline(&self) -> Option<Duration> {
        (!self.has_ended()).then(|| self.next_due().unwrap_or(FAR))
    }

    fn next_due(&self) -> Option<Duration> {
        let of_floor = match &self.floor {
            Floor::Ended => return None,
            Floor::Idle { since } => self.away_at(*since),
            Floor::Listening { since } => Some(*since + self.settings.longest_turn),
            Floor::Deciding { speaker, since, .. } => Some(self.decides_at(speaker, *since)),
            Floor::Thinking(reply) => Some(reply.since + self.settings.reply_within),
            Floor::Speaking(reply) => Some(self.spoken_until(reply)),
            Floor::Paused { since, heard, .. } => Some(self.doubts_until(*since, *heard)),
        };
        let of_bystanders = self.people.iter().filter_map(|(id, person)| self.aside_at(id, person));
        let of_all = (!self.settings.longest.is_zero() && self.leaving.is_none())
            .then(|| self.begun.unwrap_or_default() + self.settings.longest);
        of_floor.into_iter().chain(of_bystanders).chain(of_all).min().map(up_to_whole_micros)
    }

    /// Whether the conversation is over.
    pub fn has_ended(&self) -> bool {
        self.floor == Floor::Ended
    }

    /// Whether it is the agent's turn: it thinks or is heard, or was until somebody spoke.
    pub fn is_agents(&self) -> bool {
        matches!(self.floor, Floor::Thinking(_) | Floor::Speaking(_) | Floor::Paused { .. })
    }

    /// Whether the agent has the turn, and nothing of its reply is heard yet.
    pub fn is_thinking(&self) -> bool {
        matches!(self.floor, Floor::Thinking(_))
    }

    fn take(&mut self, input: TurnInput) {
        match input {
            TurnInput::Named { speaker, name } => self.person(speaker).name = Some(name),
            TurnInput::Active { speaker } => {
                let person = self.person(speaker);
                if person.detector == Detector::Quiet {
                    person.detector = Detector::Fires;
                }
            }
            TurnInput::Inactive { speaker } => self.person(speaker).detector = Detector::Quiet,
            TurnInput::Began { speaker, at } => {
                let now = self.now;
                self.person(speaker).on_began(whole_micros(at), now);
            }
            TurnInput::Paused { speaker, at } => self.person(speaker).on_paused(whole_micros(at)),
            TurnInput::WentOn { speaker } => {
                let now = self.now;
                self.person(speaker).on_went_on(now);
            }
            TurnInput::Text { speaker, text, covers, confidence } => {
                self.person(speaker).on_text(text, covers, confidence)
            }
            TurnInput::Hint { speaker, complete } => self.person(speaker).on_hint(complete),
            TurnInput::Left { speaker } => self.on_left(&speaker),
            TurnInput::Wants if self.hands != Hands::Agent => {}
            TurnInput::Wants => self.wanted = self.wanted.saturating_add(1),
            TurnInput::Speaks { reply } => self.on_speaks(reply),
            TurnInput::Finished { reply } => self.on_finished(reply),
            TurnInput::Silence => self.on_silence(),
            TurnInput::HandOver => self.on_hand_over(),
            TurnInput::TakeOver => self.on_take_over(),
            TurnInput::End => self.leaving = self.leaving.or(Some(Leaving::Asked)),
            TurnInput::Tick => {}
        }
    }

    fn on_speaks(&mut self, id: ReplyId) {
        match &mut self.floor {
            Floor::Thinking(reply) if reply.id == id => {
                let reply = Reply { since: self.now, ..reply.clone() };
                self.floor = Floor::Speaking(reply);
                self.tell(TurnEvent::AgentSpeaks { reply: id });
            }
            Floor::Paused { reply, heard, .. } if reply.id == id => *heard = true,
            _ => {}
        }
    }

    fn on_finished(&mut self, id: ReplyId) {
        let finished = match &self.floor {
            Floor::Thinking(reply) | Floor::Speaking(reply) | Floor::Paused { reply, .. } => reply.id == id,
            _ => false,
        };
        if finished {
            self.floor = Floor::Idle { since: self.now };
            self.tell(TurnEvent::AgentFinished { reply: id });
        }
    }

    fn on_silence(&mut self) {
        self.wanted = 0;
        if let Floor::Thinking(reply) | Floor::Speaking(reply) | Floor::Paused { reply, .. } = &self.floor {
            let reply = reply.id;
            self.orders.push_back(Order::Drop { reply });
            self.tell(TurnEvent::AgentSilenced { reply });
            self.floor = Floor::Idle { since: self.now };
        }
    }

    fn on_left(&mut self, speaker: &PeerId) {
        let Some(person) = self.people.remove(speaker) else { return };
        let said = person.said(speaker, self.now);
        if person.is_open() {
            self.tell(TurnEvent::TurnEnded { speaker: speaker.clone(), how: TurnEnd::Left });
        }
        if !said.text.is_empty() {
            self.orders.push_back(Order::Aside { said });
        }
        if self.first.as_ref() == Some(speaker) {
            self.first = None;
        }
    }

    /// Moves on until nothing changes any more. Each step ends a state, begins what is due, or deals with what somebody said,
    /// so it comes to an end; the bound is for the case that it does not.
    fn review(&mut self) {
        if self.is_too_long() && self.leaving.is_none() {
            self.leaving = Some(Leaving::TooLong);
        }
        for _ in 0..MOST_STEPS {
            self.close_asides();
            let before = (self.floor.clone(), self.hands);
            match before.0.clone() {
                Floor::Idle { since } => self.review_idle(since),
                Floor::Listening { since } => self.review_listening(since),
                Floor::Deciding { speaker, since, early } => self.review_deciding(&speaker, since, early),
                Floor::Thinking(reply) => self.review_thinking(reply),
                Floor::Speaking(reply) => self.review_speaking(reply),
                Floor::Paused { reply, by, since, heard } => self.review_paused(reply, &by, since, heard),
                Floor::Ended => return,
            }
            if (&self.floor, self.hands) == (&before.0, before.1) {
                return;
            }
        }
        debug_assert!(false, "the floor changes for ever");
    }

    fn review_idle(&mut self, since: Duration) {
        if let Some(why) = self.leaving {
            return self.leave(why);
        }
        if self.hands == Hands::Passing {
            return self.leave_to_people();
        }
        if let Some(speaker) = self.speaking_to_agent().cloned() {
            self.floor = Floor::Listening { since: self.now };
            return self.tell(TurnEvent::TurnStarted { speaker });
        }
        if self.wanted > 0 {
            self.wanted -= 1;
            return self.begin_own(|reply| Order::Confirm { reply, said: None });
        }
        if self.away_at(since).is_some_and(|at| at <= self.now) {
            self.on_away();
        }
    }

    fn on_away(&mut self) {
        self.tell(TurnEvent::PeopleAway);
        if self.prompts >= self.settings.idle_prompts {
            return self.leave(Leaving::Away);
        }
        self.prompts += 1;
        let n = self.prompts;
        self.begin_own(|reply| Order::Prompt { reply, n });
    }

    /// Begins what is said by the agent itself.
    fn begin_own(&mut self, order: impl FnOnce(ReplyId) -> Order) {
        let id = self.new_reply();
        self.orders.push_back(order(id));
        self.think(Reply { id, said: None, since: self.now });
    }

    fn think(&mut self, reply: Reply) {
        self.tell(TurnEvent::AgentThinks { reply: reply.id });
        self.floor = Floor::Thinking(reply);
    }

    fn review_thinking(&mut self, reply: Reply) {
        if self.now >= reply.since + self.settings.reply_within {
            self.give_up(reply.id);
        } else if let Some(by) = self.interrupts().cloned() {
            self.pause(reply, by, false);
        }
    }

    fn review_speaking(&mut self, reply: Reply) {
        if self.now >= reply.since + self.settings.longest_reply {
            self.give_up(reply.id);
        } else if self.now >= reply.since + self.settings.barge_in.protected
            && let Some(by) = self.interrupts().cloned()
        {
            self.pause(reply, by, true);
        }
    }

    fn give_up(&mut self, reply: ReplyId) {
        self.orders.push_back(Order::Drop { reply });
        self.tell(TurnEvent::ReplyOverdue { reply });
        self.floor = Floor::Idle { since: self.now };
    }

    fn leave(&mut self, why: Leaving) {
        self.floor = Floor::Ended;
        self.orders.push_back(Order::Leave { why });
        self.tell(TurnEvent::Ended { why });
    }

    fn spoken_until(&self, reply: &Reply) -> Duration {
        let ends = reply.since + self.settings.longest_reply;
        let protected = reply.since + self.settings.barge_in.protected;
        // Whoever speaks into what is protected is heard when it is not any more.
        match self.now < protected && self.interrupts().is_some() {
            true => protected.min(ends),
            false => ends,
        }
    }

    fn away_at(&self, since: Duration) -> Option<Duration> {
        (!self.settings.away_after.is_zero() && !self.is_handed_over()).then(|| since + self.settings.away_after)
    }

    fn is_too_long(&self) -> bool {
        let longest = self.settings.longest;
        !longest.is_zero() && self.now >= self.begun.unwrap_or_default() + longest
    }

    fn person(&mut self, id: PeerId) -> &mut Person {
        self.people.entry(id).or_default()
    }

    /// Whether what this person says is for the agent, as far as that can be known without their words.
    fn may_speak(&self, id: &PeerId, person: &Person) -> bool {
        !self.is_handed_over() && self.has_floor(id, person)
    }

    /// The same, where the agent has not left the conversation to people.
    fn has_floor(&self, id: &PeerId, person: &Person) -> bool {
        match &self.settings.floor {
            FloorRule::Everyone | FloorRule::Addressed(_) => true,
            FloorRule::FirstSpeaker => self.first.as_ref().is_none_or(|first| first == id),
            FloorRule::Host(host) => {
                host == id.as_str() || person.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host))
            }
        }
    }

    /// Somebody who says something to the agent: whoever speaks rather than whoever has paused.
    fn speaking_to_agent(&self) -> Option<&PeerId> {
        let open = || self.people.iter().filter(|(id, person)| person.is_open() && self.may_speak(id, person));
        open().find(|(_, person)| person.voice == Voice::Speaks).or_else(|| open().next()).map(|(id, _)| id)
    }

    fn new_reply(&mut self) -> ReplyId {
        let id = self.next;
        self.next.0 += 1;
        id
    }

    fn tell(&mut self, event: TurnEvent) {
        self.orders.push_back(Order::Tell { event });
    }
}

/// As logs have it.
fn whole_micros(time: Duration) -> Duration {
    Duration::from_micros(time.as_micros() as u64)
}

/// Whoever tells it of the time then, in whole microseconds, finds it due.
fn up_to_whole_micros(time: Duration) -> Duration {
    Duration::from_micros(time.as_nanos().div_ceil(1_000) as u64)
}

/// When nothing is due.
const FAR: Duration = Duration::from_secs(366 * 86_400);
/// How many states one input may go through.
const MOST_STEPS: usize = 32;

#[cfg(test)]
mod tests;
