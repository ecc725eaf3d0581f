//! Barge-in in two steps: whoever may be speaking silences the agent at once; then it is decided whether that was a turn.

use std::time::Duration;

use super::{
    FloorRule, NotATurn, Order, TurnEvent, TurnMachine,
    back_channel::{may_become_one, words_beyond},
    floor::{Floor, Reply},
    hand_over::Hands,
    person::{Detector, Person, Voice},
};
use crate::{conversation::plausible::words, event::PeerId};

/// What somebody's speech into the agent's is.
enum Verdict {
    Turn,
    None(NotATurn),
    Open,
}

/// What is understood so far of it.
struct Words {
    /// How many that are no back-channel take the turn, and how many there are.
    least: usize,
    beyond: usize,
    are_none: bool,
    are_sure: bool,
    /// Engines make words of every hum, and are less sure of them than of words that were said.
    are_doubtful: bool,
    may_become_back_channel: bool,
}

impl Words {
    fn are_enough(&self) -> bool {
        self.beyond >= self.least
    }

    fn are_many(&self) -> bool {
        self.beyond > self.least + 1
    }

    fn may_be_hum(&self) -> bool {
        self.are_doubtful && !self.are_many()
    }
}

impl TurnMachine {
    /// Somebody who silences the agent.
    pub(super) fn interrupts(&self) -> Option<&PeerId> {
        let mut speaking = self.may_be_speaking().filter(|_| self.settings.barge_in.allowed);
        match &self.settings.floor {
            // Whether it is the agent who is meant is known by the words alone.
            FloorRule::Addressed(_) => speaking.find(|(id, person)| self.is_addressed(&person.said(id, self.now))),
            _ => speaking.next(),
        }
        .map(|(id, _)| id)
    }

    /// Those who may speak to the agent, and may be doing that.
    fn may_be_speaking(&self) -> impl Iterator<Item = (&PeerId, &Person)> {
        self.people.iter().filter(|(id, person)| person.may_be_speaking() && self.may_speak(id, person))
    }

    pub(super) fn pause(&mut self, reply: Reply, by: PeerId, heard: bool) {
        self.orders.push_back(Order::Pause { reply: reply.id });
        self.tell(TurnEvent::AgentPaused { reply: reply.id, by: by.clone() });
        self.floor = Floor::Paused { reply, by, since: self.now, heard };
    }

    pub(super) fn review_paused(&mut self, reply: Reply, by: &PeerId, since: Duration, heard: bool) {
        let verdict = |(id, person)| (id, self.verdict(person, since, heard));
        let verdicts: Vec<(&PeerId, Verdict)> = self.may_be_speaking().map(verdict).collect();
        let turn = verdicts.iter().find(|(_, verdict)| matches!(verdict, Verdict::Turn)).map(|(id, _)| (*id).clone());
        if let Some(by) = turn {
            return self.interrupt(reply, &by, heard);
        }
        let mut because = match self.people.contains_key(by) {
            true => NotATurn::Noise,
            false => NotATurn::Left,
        };
        for (_, verdict) in &verdicts {
            match verdict {
                Verdict::None(what) => because = *what,
                Verdict::Open | Verdict::Turn => return,
            }
        }
        let over: Vec<PeerId> = verdicts.into_iter().map(|(id, _)| id.clone()).collect();
        over.iter().for_each(|id| self.close(id));
        self.resume(reply, since, heard, because);
    }

    fn verdict(&self, person: &Person, since: Duration, heard: bool) -> Verdict {
        let decide_within = self.settings.barge_in.decide_within;
        let words = self.words_of(person, heard);
        let is_whole = person.whole_text().is_some();
        let may_go_on = words.may_become_back_channel && !is_whole;
        let is_hum = |ends: Duration| words.may_be_hum() && ends < person.begins + LONGEST_HUM;
        match person.voice {
            Voice::Paused(at) if words.are_enough() && !may_go_on && !is_hum(at) => Verdict::Turn,
            Voice::Speaks if self.now >= self.is_turn_at(person, heard) => Verdict::Turn,
            Voice::Speaks => Verdict::Open,
            Voice::Paused(_) if is_whole => Verdict::None(match words.are_enough() {
                _ if words.are_none => NotATurn::Noise,
                true => NotATurn::NothingUnderstood,
                false => NotATurn::BackChannel,
            }),
            Voice::Paused(at) if self.now >= at.max(since) + decide_within => {
                Verdict::None(NotATurn::NothingUnderstood)
            }
            // A detector fires, and no voice comes of it.
            Voice::Silent if person.detector != Detector::Fires => Verdict::None(NotATurn::Noise),
            Voice::Silent if self.now >= since + decide_within => Verdict::None(NotATurn::Noise),
            Voice::Paused(_) | Voice::Silent => Verdict::Open,
        }
    }

    fn words_of(&self, person: &Person, heard: bool) -> Words {
        let settings = &self.settings.barge_in;
        let text = person.text.as_ref().map_or("", |text| &text.text);
        let confidence = person.text.as_ref().and_then(|text| text.confidence);
        let (least, beyond) = (settings.least_words(heard), words_beyond(text, &settings.back_channels));
        Words {
            least,
            beyond,
            are_none: words(text).is_empty(),
            are_sure: confidence.is_some_and(|confidence| confidence >= settings.sure),
            // Who goes on before anything is heard of the agent does not hum, and where any speech counts its words do not.
            are_doubtful: heard && least > 0 && confidence.is_some_and(|confidence| confidence < settings.unsure),
            may_become_back_channel: least > 0 && may_become_one(text, &settings.back_channels),
        }
    }

    /// The time at which the next of those verdicts is due.
    pub(super) fn doubts_until(&self, since: Duration, heard: bool) -> Duration {
        let settings = &self.settings.barge_in;
        let due = |person: &Person| match person.voice {
            Voice::Speaks => self.is_turn_at(person, heard),
            Voice::Paused(at) => at.max(since) + settings.decide_within,
            Voice::Silent => since + settings.decide_within,
        };
        // One whose time is over waits for the others.
        self.may_be_speaking().map(|(_, person)| due(person)).filter(|at| *at > self.now).min().unwrap_or(self.now)
    }

    /// From when on speech that goes on is a turn. What is understood of its first half second may be anything, unless it is sure or
    /// much; somebody who says "yeah, yeah" is listened to for longer.
    fn is_turn_at(&self, person: &Person, heard: bool) -> Duration {
        let settings = &self.settings.barge_in;
        let words = self.words_of(person, heard);
        let agrees = words.beyond == 0 && !words.are_none;
        person.begins
            + match words.are_enough() {
                _ if words.least == 0 => Duration::ZERO,
                _ if words.are_many() && words.are_doubtful => settings.words_after.min(settings.speech),
                _ if words.are_many() => Duration::ZERO,
                _ if agrees || words.may_become_back_channel => self.settings.longest_turn,
                true if words.are_sure => Duration::ZERO,
                true if words.may_be_hum() => LONGEST_HUM.min(settings.speech),
                true => settings.words_after.min(settings.speech),
                false => settings.speech,
            }
    }

    fn interrupt(&mut self, reply: Reply, by: &PeerId, heard: bool) {
        self.tell(TurnEvent::AgentInterrupted { reply: reply.id, by: by.clone() });
        match (heard, reply.said) {
            (true, _) => self.orders.push_back(Order::Drop { reply: reply.id }),
            (false, said) => {
                self.orders.push_back(Order::TakeBack { reply: reply.id });
                self.on_unanswered(said, by);
            }
        }
        if self.leaving.is_some() || self.hands == Hands::Passing {
            self.floor = Floor::Idle { since: self.now };
            return;
        }
        self.floor = Floor::Listening { since: self.now };
        self.tell(TurnEvent::TurnStarted { speaker: by.clone() });
    }

    /// A turn of which no answer was heard: whoever goes on goes on with it; what another one said stays said.
    fn on_unanswered(&mut self, said: Option<super::Said>, by: &PeerId) {
        let Some(said) = said else {
            // What the agent wanted to say by itself, it still wants to.
            self.wanted = self.wanted.saturating_add(1);
            return;
        };
        match self.people.get_mut(by) {
            Some(person) if said.speaker == *by => person.carried = Some(said),
            _ => self.orders.push_back(Order::Aside { said }),
        }
    }

    fn resume(&mut self, reply: Reply, paused: Duration, heard: bool, because: NotATurn) {
        self.orders.push_back(Order::Resume { reply: reply.id });
        self.tell(TurnEvent::AgentResumed { reply: reply.id, because });
        // The time in which it was silent does not count.
        let reply = Reply { since: reply.since + (self.now - paused), ..reply };
        self.floor = if heard { Floor::Speaking(reply) } else { Floor::Thinking(reply) };
    }
}

/// With the time in which it shows that nothing more is said.
const LONGEST_HUM: Duration = Duration::from_millis(800);
