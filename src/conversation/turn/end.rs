//! The end of a person's turn.

use std::time::Duration;

use super::{
    Covers, FloorRule, Order, ReplyId, Said, TurnEnd, TurnEvent, TurnMachine,
    floor::{Early, Floor, Reply},
    person::{Person, Voice},
};
use crate::{
    conversation::plausible::{has_phrase, words},
    event::PeerId,
};

impl TurnMachine {
    pub(super) fn review_listening(&mut self, since: Duration) {
        let Some(speaker) = self.speaking_to_agent().cloned() else {
            // Whoever spoke has left, or may not speak any more.
            self.floor = Floor::Idle { since: self.now };
            return;
        };
        if self.people[&speaker].voice != Voice::Speaks {
            let speaker = self.last_to_speak().unwrap_or(speaker);
            self.tell(TurnEvent::TurnPaused { speaker: speaker.clone() });
            self.floor = Floor::Deciding { speaker, since, early: None };
        } else if self.now >= since + self.settings.longest_turn {
            self.decide(&speaker, None);
        }
    }

    pub(super) fn review_deciding(&mut self, speaker: &PeerId, since: Duration, early: Option<Early>) {
        let speaks = self.speaking_to_agent().is_some_and(|id| self.people[id].voice == Voice::Speaks);
        let is_there = self.people.get(speaker).is_some_and(Person::is_open);
        if speaks || !is_there {
            self.take_back(early);
            self.floor = Floor::Listening { since };
        } else if self.now >= self.decides_at(speaker, since) {
            self.decide(speaker, early);
        } else if self.settings.early_reply {
            self.prepare(speaker, since, early);
        }
    }

    /// When a turn is over: the delay is over and all of the text is there, or it has been waited for for long enough. What
    /// another one said at the same time is waited for, too.
    pub(super) fn decides_at(&self, speaker: &PeerId, since: Duration) -> Duration {
        let due = |(id, person): (&PeerId, &Person)| {
            let Voice::Paused(paused) = person.voice else { return None };
            let waits = match person.whole_text() {
                Some(_) if id == speaker => person.end_delay(&self.settings.end_delay),
                Some(_) => Duration::ZERO,
                None => self.settings.text_within.max(self.settings.end_delay.longest()),
            };
            self.may_speak(id, person).then_some(paused + waits)
        };
        let due = self.people.iter().filter_map(due).max().unwrap_or(self.now);
        due.min(since + self.settings.longest_turn)
    }

    /// Has a reply prepared to what was understood, which may turn out to be all of it.
    fn prepare(&mut self, speaker: &PeerId, since: Duration, early: Option<Early>) {
        let person = &self.people[speaker];
        let said = person.said(speaker, self.now);
        let is_turn = person.whole_text().is_some() && self.is_turn(person, &said) && self.is_for_agent(person, &said);
        if !is_turn || early.as_ref().is_some_and(|early| early.text == said.text) {
            return;
        }
        self.take_back(early);
        let (reply, text) = (self.new_reply(), said.text.clone());
        self.orders.push_back(Order::Prepare { reply, said });
        self.floor = Floor::Deciding { speaker: speaker.clone(), since, early: Some(Early { reply, text }) };
    }

    fn take_back(&mut self, early: Option<Early>) {
        if let Some(early) = early {
            self.orders.push_back(Order::TakeBack { reply: early.reply });
        }
    }

    /// Their turn is over, one way or another.
    fn decide(&mut self, speaker: &PeerId, early: Option<Early>) {
        self.others_said(speaker);
        let person = &self.people[speaker];
        let said = person.said(speaker, self.now);
        let how = match (self.is_turn(person, &said), self.is_for_agent(person, &said)) {
            (true, true) => TurnEnd::Answered,
            (true, false) => TurnEnd::Aside,
            (false, _) if self.is_lost(person, &said) => TurnEnd::NotUnderstood,
            (false, _) => TurnEnd::Empty,
        };
        self.close(speaker);
        self.tell(TurnEvent::TurnEnded { speaker: speaker.clone(), how });
        let early = match early {
            Some(early) if how == TurnEnd::Answered && early.text == said.text => Some(early.reply),
            other => {
                self.take_back(other);
                None
            }
        };
        match how {
            TurnEnd::Answered => self.answer(said, early),
            TurnEnd::NotUnderstood => {
                let speaker = speaker.clone();
                self.begin_own(|reply| Order::NotUnderstood { reply, speaker });
            }
            TurnEnd::Aside => {
                self.orders.push_back(Order::Aside { said });
                self.floor = Floor::Idle { since: self.now };
            }
            TurnEnd::Empty | TurnEnd::Left => self.floor = Floor::Idle { since: self.now },
        }
    }

    fn answer(&mut self, said: Said, prepared: Option<ReplyId>) {
        self.prompts = 0;
        self.first.get_or_insert_with(|| said.speaker.clone());
        let id = prepared.unwrap_or_else(|| self.new_reply());
        self.orders.push_back(Order::Confirm { reply: id, said: Some(said.clone()) });
        self.think(Reply { id, said: Some(said), since: self.now });
    }

    /// What others said meanwhile is heard, and the last one is answered.
    fn others_said(&mut self, speaker: &PeerId) {
        let others = self
            .people
            .iter()
            .filter(|(id, person)| *id != speaker && person.whole_text().is_some() && self.may_speak(id, person));
        let others: Vec<PeerId> = others.map(|(id, _)| id.clone()).collect();
        others.iter().for_each(|id| self.put_aside(id));
    }

    pub(super) fn put_aside(&mut self, id: &PeerId) {
        let person = &self.people[id];
        let said = person.said(id, self.now);
        let is_turn = self.is_turn(person, &said);
        self.close(id);
        let how = if is_turn { TurnEnd::Aside } else { TurnEnd::Empty };
        self.tell(TurnEvent::TurnEnded { speaker: id.clone(), how });
        if is_turn {
            self.prompts = 0;
            if let Floor::Idle { since } = &mut self.floor {
                *since = self.now;
            }
            self.orders.push_back(Order::Aside { said });
        }
    }

    /// What those said who may not speak to the agent is heard, and not waited for.
    pub(super) fn close_asides(&mut self) {
        let due = |(id, person): (&PeerId, &Person)| {
            self.aside_at(id, person).is_some_and(|at| at <= self.now).then(|| id.clone())
        };
        let due: Vec<PeerId> = self.people.iter().filter_map(due).collect();
        for id in due {
            if self.is_called_back_by(&id) {
                return self.on_called_back(id);
            }
            self.put_aside(&id);
        }
    }

    /// When what somebody said who may not speak is dealt with.
    pub(super) fn aside_at(&self, id: &PeerId, person: &Person) -> Option<Duration> {
        let Voice::Paused(at) = person.voice else { return None };
        if self.may_speak(id, person) {
            return None;
        }
        Some(if person.whole_text().is_some() { at } else { at + self.settings.text_within })
    }

    fn last_to_speak(&self) -> Option<PeerId> {
        let paused = |(id, person): (&PeerId, &Person)| match person.voice {
            Voice::Paused(at) if self.may_speak(id, person) => Some((at, id.clone())),
            _ => None,
        };
        self.people.iter().filter_map(paused).max().map(|(_, id)| id)
    }

    pub(super) fn close(&mut self, id: &PeerId) {
        if let Some(person) = self.people.get_mut(id) {
            person.close();
            self.orders.push_back(Order::Close { speaker: id.clone() });
        }
    }

    fn is_turn(&self, person: &Person, said: &Said) -> bool {
        let count = words(&said.text).len();
        let least = if person.carried.is_some() || person.calls { 1 } else { self.settings.least_words.max(1) };
        count >= least
    }

    /// Something was said, and no engine came to an end with it.
    fn is_lost(&self, person: &Person, said: &Said) -> bool {
        let is_known = person.text.as_ref().is_some_and(|text| text.covers == Covers::All);
        !is_known && said.ends.saturating_sub(said.begins) >= self.settings.least_speech
    }

    /// Whether what was said is for the agent, where people have to say so.
    pub(super) fn is_addressed(&self, said: &Said) -> bool {
        let FloorRule::Addressed(names) = &self.settings.floor else { return true };
        has_phrase(&said.text, names)
    }

    /// The same, or it calls the agent back.
    fn is_for_agent(&self, person: &Person, said: &Said) -> bool {
        person.calls || self.is_addressed(said)
    }
}
