//! What the time between a person's last sound and the agent's first one is made of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{agent::Note, conversation::turn::ReplyId};

/// A part of that time, in the order in which they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnPart {
    /// From the last sound to the moment at which it is known that nothing is said.
    Activity,
    /// Until the text is there: an engine's queue and its work.
    Text,
    /// Until it is decided that the turn is over.
    Decision,
    /// Until the first words of the reply are written.
    Model,
    /// Until its first sound is made.
    Synthesis,
    /// Until the voice has it.
    Queue,
    /// Until it is heard in the room.
    Transport,
}

impl TurnPart {
    /// All of them.
    pub const ALL: [TurnPart; 7] = [
        TurnPart::Activity,
        TurnPart::Text,
        TurnPart::Decision,
        TurnPart::Model,
        TurnPart::Synthesis,
        TurnPart::Queue,
        TurnPart::Transport,
    ];

    /// As metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            TurnPart::Activity => "activity",
            TurnPart::Text => "text",
            TurnPart::Decision => "decision",
            TurnPart::Model => "model",
            TurnPart::Synthesis => "synthesis",
            TurnPart::Queue => "queue",
            TurnPart::Transport => "transport",
        }
    }

    /// What a deploy would change to make it shorter.
    pub fn setting(self) -> &'static str {
        match self {
            TurnPart::Activity => "activity.pause",
            TurnPart::Text => "ears",
            TurnPart::Decision => "turns.end_delay",
            TurnPart::Model => "models",
            TurnPart::Synthesis => "voices",
            TurnPart::Queue | TurnPart::Transport => "voice.lead",
        }
    }
}

/// The parts of one turn. They add up to the whole by construction: each begins where the one before it ended, and what was
/// done ahead of its time takes none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnFigures {
    /// The reply.
    pub reply: ReplyId,
    /// When the person's last sound was heard, on the clock of the agent's frames.
    #[serde(rename = "speech_end_s", with = "crate::event::seconds")]
    pub speech_ended: Duration,
    /// How long each part took, in milliseconds, in the order of [`TurnPart::ALL`].
    pub parts_ms: Vec<(TurnPart, f64)>,
}

impl TurnFigures {
    /// What turns are called in a note's data.
    pub const NAME: &str = "turn_figures";

    /// The figures that a note tells, if it does.
    pub fn of_note(note: &Note) -> Option<TurnFigures> {
        TurnFigures::deserialize(note.data.get(TurnFigures::NAME)?).ok()
    }

    /// From the last sound of the person to the first of the agent.
    pub fn total(&self) -> Duration {
        Duration::from_secs_f64(self.parts_ms.iter().map(|(_, ms)| ms).sum::<f64>() / 1e3)
    }

    /// The part that took longest.
    pub fn longest(&self) -> TurnPart {
        let longest = self.parts_ms.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        longest.map_or(TurnPart::Activity, |(part, _)| *part)
    }
}

/// When each part of the turn that goes on ended, on the room's clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) speech_ended: Duration,
    ends: [Option<Duration>; TurnPart::ALL.len()],
}

impl Marks {
    pub(super) fn new(speech_ended: Duration) -> Marks {
        Marks { speech_ended, ends: Default::default() }
    }

    /// A part is over; what was noted of it before counts no more.
    pub(super) fn note(&mut self, part: TurnPart, at: Duration) {
        self.ends[part as usize] = Some(at);
    }

    /// The whole, once the last part is known.
    pub(super) fn figures(&self, reply: ReplyId) -> Option<TurnFigures> {
        self.ends[TurnPart::Transport as usize]?;
        let mut before = self.speech_ended;
        let parts = TurnPart::ALL.iter().zip(&self.ends).map(|(part, end)| {
            let end = end.unwrap_or(before).max(before);
            let took = end - before;
            before = end;
            (*part, took.as_micros() as f64 / 1e3)
        });
        Some(TurnFigures { reply, speech_ended: self.speech_ended, parts_ms: parts.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_what_was_ready_before_its_time_takes_none() {
        let ms = Duration::from_millis;
        let mut marks = Marks::new(ms(1_000));
        for (part, at) in TurnPart::ALL.iter().zip([1_200, 1_270, 1_500, 1_280, 1_310, 1_501, 1_520]) {
            assert_eq!(marks.figures(ReplyId(1)), None);
            marks.note(*part, ms(at));
        }
        let figures = marks.figures(ReplyId(1)).unwrap();
        assert_eq!(figures.total(), ms(520));
        assert_eq!(
            figures.parts_ms.iter().map(|(_, ms)| *ms).collect::<Vec<_>>(),
            [200.0, 70.0, 230.0, 0.0, 0.0, 1.0, 19.0]
        );
        assert_eq!((figures.longest(), figures.longest().setting()), (TurnPart::Decision, "turns.end_delay"));
    }
}
