//! The conversation in people's hands: the agent stays, hears and remembers, and says nothing until it is called back.

use super::{Order, TurnEvent, TurnMachine, floor::Floor};
use crate::{
    conversation::plausible::{has_phrase, words},
    event::PeerId,
};

impl TurnMachine {
    /// Whether people have the conversation to themselves.
    pub fn is_handed_over(&self) -> bool {
        self.is_handed_over
    }

    pub(super) fn on_hand_over(&mut self) {
        if std::mem::replace(&mut self.is_handed_over, true) {
            return;
        }
        self.on_silence();
        if let Floor::Deciding { early: Some(early), .. } = &self.floor {
            self.orders.push_back(Order::TakeBack { reply: early.reply });
        }
        // Who is speaking is a bystander from now on.
        self.floor = Floor::Idle { since: self.now };
        self.tell(TurnEvent::HandedOver);
    }

    /// Whether what somebody has said calls the agent back.
    pub(super) fn is_called_back_by(&self, id: &PeerId) -> bool {
        let (person, phrases) = (&self.people[id], &self.settings.called_back_by);
        if !self.is_handed_over || phrases.is_empty() || !self.has_floor(id, person) {
            return false;
        }
        let said = words(&person.said(id, self.now).text);
        phrases.iter().any(|phrase| has_phrase(&said, phrase))
    }

    /// What calls it back is a turn, and answered as such.
    pub(super) fn on_called_back(&mut self, by: PeerId) {
        self.is_handed_over = false;
        self.tell(TurnEvent::CalledBack { by });
    }
}
