//! The conversation in people's hands: the agent stays, hears and remembers, and says nothing until it is called back.

use super::{Order, TurnEvent, TurnMachine, floor::Floor};
use crate::{conversation::plausible::has_phrase, event::PeerId};

/// Whose the conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hands {
    #[default]
    Agent,
    /// People's, as soon as what the agent is saying is over.
    Passing,
    People,
}

impl TurnMachine {
    /// Whether people have the conversation to themselves.
    pub fn is_handed_over(&self) -> bool {
        self.hands == Hands::People
    }

    pub(super) fn on_hand_over(&mut self) {
        if self.hands == Hands::People {
            return;
        }
        self.hands = Hands::Passing;
        match &self.floor {
            // As soon as that is over, before anybody else is listened to.
            Floor::Thinking(_) | Floor::Speaking(_) | Floor::Paused { .. } => {}
            Floor::Deciding { early, .. } => {
                if let Some(early) = early {
                    self.orders.push_back(Order::TakeBack { reply: early.reply });
                }
                self.leave_to_people();
            }
            Floor::Idle { .. } | Floor::Listening { .. } => self.leave_to_people(),
            Floor::Ended => {}
        }
    }

    /// Who is speaking is a bystander from now on, and what the agent wanted to say by itself is not said.
    pub(super) fn leave_to_people(&mut self) {
        self.hands = Hands::People;
        self.wanted = 0;
        self.floor = Floor::Idle { since: self.now };
        self.tell(TurnEvent::HandedOver);
    }

    /// The agent has it again.
    pub(super) fn on_take_over(&mut self) {
        match std::mem::take(&mut self.hands) {
            Hands::People => {
                self.floor = Floor::Idle { since: self.now };
                self.tell(TurnEvent::TakenOver);
            }
            Hands::Agent | Hands::Passing => {}
        }
    }

    /// Whether what somebody has said calls the agent back.
    pub(super) fn is_called_back_by(&self, id: &PeerId) -> bool {
        let person = &self.people[id];
        self.is_handed_over()
            && self.has_floor(id, person)
            && has_phrase(&person.said(id, self.now).text, &self.settings.called_back_by)
    }

    /// What calls it back is a turn, whatever else a turn must have, and answered.
    pub(super) fn on_called_back(&mut self, by: PeerId) {
        self.hands = Hands::Agent;
        self.person(by.clone()).calls = true;
        self.tell(TurnEvent::CalledBack { by });
    }
}
