//! What the turn machine orders, carried out: replies are begun, heard, held and dropped, and what was said is remembered.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{TurnPart, measures::COUNTERS, mouth::HeardReply, reply::Reply, run::Driver};
use crate::{
    conversation::{
        Conversation, Entry, Heard, Role, UserTurn,
        listening::UtteranceId,
        transcript::{Caption, Quality},
        turn::{Covers, Order, ReplyId, Said, TurnEvent},
    },
    event::PeerId,
};

impl<C: Conversation + 'static> Driver<'_, C> {
    pub(super) fn carry_out(&mut self, order: Order) {
        match order {
            Order::Close { speaker } => self.ear.close(&speaker),
            Order::Prepare { reply, said } => self.start(reply, said),
            Order::Confirm { reply, said: Some(said) } => self.confirm(reply, said),
            Order::Confirm { reply, said: None } => self.say_own(reply),
            Order::Prompt { reply, .. } => self.say(reply, self.shared.settings.phrases.still_there.clone()),
            Order::NotUnderstood { reply, .. } => self.say(reply, self.shared.settings.phrases.not_understood.clone()),
            Order::TakeBack { .. } => self.take_back(),
            Order::Pause { .. } => self.mouth.hold(&mut self.room.voice),
            Order::Resume { .. } => self.mouth.resume(&mut self.room.voice),
            Order::Drop { .. } => self.end_reply(),
            Order::Aside { said } => {
                let role = Role::Bystander(said.speaker.clone());
                self.remember(role, &said);
            }
            Order::Leave { .. } => {}
            Order::Tell { event } => self.on_event(event),
        }
    }

    fn on_event(&mut self, event: TurnEvent) {
        COUNTERS.on_event(&event);
        match &event {
            TurnEvent::AgentFinished { .. } => self.end_reply(),
            TurnEvent::ReplyOverdue { .. } => tracing::warn!("a reply was overdue, and was given up"),
            _ => {}
        }
        self.post(String::new(), "turn", json!(event));
    }

    fn start(&mut self, id: ReplyId, said: Said) {
        let turn = UserTurn {
            name: self.name_of(&said.speaker),
            speaker: said.speaker,
            text: said.text,
            begins: said.begins,
            ends: said.ends,
            stood_in: said.stood_in,
        };
        self.begin(self.write(id, Some(turn)));
    }

    fn write(&self, id: ReplyId, turn: Option<UserTurn>) -> Reply {
        let (view, announcer, name) = (self.context.view(), self.announcer.clone(), self.name.clone());
        Reply::start(id, &self.conversation, turn, view, announcer, name)
    }

    fn begin(&mut self, reply: Reply) {
        self.mouth.begin();
        self.spoke = false;
        self.answered = None;
        self.waits_since = None;
        self.confirmed_at = None;
        self.reply = Some(reply);
    }

    fn confirm(&mut self, id: ReplyId, said: Said) {
        self.marks.note(TurnPart::Decision, self.room.now());
        if self.reply.as_ref().is_none_or(|reply| reply.id != id) {
            self.start(id, said.clone());
        }
        self.answered = Some(said.speaker.clone());
        self.waits_since = Some(self.room.now());
        self.confirmed_at = self.waits_since;
        let role = Role::Person(said.speaker.clone());
        self.remember(role, &said);
        self.speak();
    }

    fn speak(&mut self) {
        if let Some(reply) = &self.reply {
            reply.confirm();
        }
        self.mouth.release(&mut self.room.voice);
    }

    fn say_own(&mut self, id: ReplyId) {
        let own = self.own.pop_front().unwrap_or(Some(String::new()));
        match &own {
            Some(text) => self.say(id, text.clone()),
            None => {
                self.begin(self.write(id, None));
                self.speak();
            }
        }
        self.saying_own = Some(own);
    }

    fn say(&mut self, id: ReplyId, text: String) {
        self.begin(Reply::of(id, text));
        self.speak();
    }

    /// Nothing of the reply was heard.
    fn take_back(&mut self) {
        if let Some(speaker) = self.answered.take() {
            self.context.take_back(&speaker);
        }
        if let Some(own) = self.saying_own.take() {
            self.own.push_front(own);
        }
        self.reply = None;
        self.mouth.stop(&mut self.room.voice);
    }

    /// The reply is over; what was heard of it was said.
    pub(super) fn end_reply(&mut self) {
        let Some(reply) = self.reply.take() else { return };
        self.saying_own = None;
        self.answered = None;
        let HeardReply { text, is_estimate, is_cut } = self.mouth.stop(&mut self.room.voice);
        if text.is_empty() {
            return;
        }
        let heard = match (is_cut, is_estimate) {
            (false, _) => Heard::Whole,
            (true, false) => Heard::Cut,
            (true, true) => Heard::CutAbout,
        };
        if self.shared.settings.captions {
            self.room.notes.post(self.own_caption(reply.id, &text).note());
        }
        self.context.push(Entry { role: Role::Agent, name: None, text, begins: self.begins, heard });
    }

    /// What somebody wrote, as transcripts have it.
    pub(super) fn written_caption(&self, speaker: &PeerId, text: &str) -> Caption {
        let now = self.room.now();
        Caption {
            utterance: UtteranceId(WRITTEN_UTTERANCES + now.as_millis() as u64),
            speaker: speaker.clone(),
            name: self.name_of(speaker),
            track: "chat".into(),
            begins: now,
            ends: now,
            engine: None,
            ..self.own_caption(ReplyId(0), text)
        }
    }

    fn own_caption(&self, id: ReplyId, text: &str) -> Caption {
        Caption {
            utterance: UtteranceId(OWN_UTTERANCES + id.0),
            speaker: self.room.me().clone(),
            name: Some("agent".into()),
            track: "voice".into(),
            begins: self.begins,
            ends: self.room.now(),
            quality: Quality::Final,
            covers: Covers::All,
            sentence_end: None,
            confidence: None,
            text: text.to_owned(),
            words: Vec::new(),
            engine: Some(self.shared.voices.first().clone()),
            missing: Duration::ZERO,
            continues: false,
        }
    }

    fn remember(&mut self, role: Role, said: &Said) {
        let name = self.name_of(&said.speaker);
        let heard = if said.stood_in { Heard::StoodIn } else { Heard::Whole };
        self.context.push(Entry { role, name, text: said.text.clone(), begins: said.begins, heard });
    }

    pub(super) fn name_of(&self, peer: &PeerId) -> Option<Arc<str>> {
        self.room.peers.get(peer).and_then(|peer| peer.display_name()).map(Arc::from)
    }
}

/// The agent's own captions are counted from here on.
const OWN_UTTERANCES: u64 = 1 << 32;
/// And what is written to it from here on, by the millisecond.
const WRITTEN_UTTERANCES: u64 = 1 << 33;
