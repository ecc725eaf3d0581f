//! What can be set about turns.

use std::time::Duration;

use serde::Deserialize;

use crate::{conversation::plausible::words, units};

/// When a person's turn is over, when an interruption counts, who may speak to the agent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TurnSettings {
    /// How long somebody is silent before the agent takes the turn.
    pub end_delay: EndDelay,
    /// What is shorter than this is no turn, unless it has words.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub least_speech: Duration,
    /// What has fewer words is no turn.
    pub least_words: usize,
    /// How long the words of a turn are waited for behind its last sound; then what was understood so far stands in, so that no
    /// turn leaves a silence that is longer.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub text_within: Duration,
    /// How long a turn may become before the agent takes it anyway.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub longest_turn: Duration,
    /// Whether the reply is prepared from words that may still change: nobody hears it before the turn is over.
    pub early_reply: bool,
    /// When the agent is interrupted.
    pub barge_in: BargeIn,
    /// How long the first sound of a reply is waited for.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub reply_within: Duration,
    /// How long a reply may be in all.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub longest_reply: Duration,
    /// Who may speak to the agent.
    pub floor: FloorRule,
    /// What an agent that has handed the conversation over to people is called back with; with nothing it stays silent.
    pub called_back_by: Vec<String>,
    /// After how long without a word of anybody people count as away; zero for never.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub away_after: Duration,
    /// How often the agent asks then whether somebody is there, before it leaves.
    pub idle_prompts: u32,
    /// How long a conversation may be; zero for as long as it likes.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub longest: Duration,
}

/// How long somebody is silent before the agent takes the turn, counted from the last sound, by how whole what was said
/// seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndDelay {
    /// It seems to be whole.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub complete: Duration,
    /// Nothing tells, or not yet.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub unsure: Duration,
    /// Something is missing.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub incomplete: Duration,
    /// Whether the delay grows with the pauses that this speaker makes within a turn, up to `incomplete`.
    pub learned: bool,
}

/// When speech of somebody ends what the agent says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BargeIn {
    /// Whether the agent can be interrupted at all.
    pub allowed: bool,
    /// So many words that are no back-channel end it while the agent speaks,
    pub words: usize,
    /// and so many while it thinks.
    pub words_thinking: usize,
    /// Words of which the engine is so sure end it at once: the mean logarithm of their probability, of which 0 is certain.
    pub sure: f32,
    /// A word or two of which it is less sure than this may be a hum: they end it when what goes on has lasted for 0.8 s. Three
    /// words of which it is surer end it at once.
    pub unsure: f32,
    /// A word or two that lie between, or of an engine that does not know, and three of which it is less sure, end it when what goes
    /// on has lasted for so long.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub words_after: Duration,
    /// What goes on for longer ends it without words.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub speech: Duration,
    /// How long the voice waits in doubt when speech has stopped and nothing is understood; then it goes on.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub decide_within: Duration,
    /// How long the beginning of a reply cannot be interrupted.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub protected: Duration,
    /// Words that say no more than "I am listening"; those of the language unless given.
    pub back_channels: Vec<String>,
}

/// Who may speak to the agent. What others say is part of the conversation and is not answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FloorRule {
    /// Everyone.
    #[default]
    Everyone,
    /// Whoever spoke first, until they leave.
    FirstSpeaker,
    /// The peer of this name or id.
    Host(String),
    /// Whoever calls the agent by one of these names.
    Addressed(Vec<String>),
}

impl Default for TurnSettings {
    fn default() -> TurnSettings {
        TurnSettings {
            end_delay: EndDelay::default(),
            least_speech: Duration::from_millis(150),
            least_words: 1,
            text_within: Duration::from_millis(1_500),
            longest_turn: Duration::from_secs(60),
            early_reply: true,
            barge_in: BargeIn::default(),
            reply_within: Duration::from_secs(10),
            longest_reply: Duration::from_secs(300),
            floor: FloorRule::default(),
            called_back_by: Vec::new(),
            away_after: Duration::ZERO,
            idle_prompts: 2,
            longest: Duration::ZERO,
        }
    }
}

impl Default for EndDelay {
    fn default() -> EndDelay {
        EndDelay {
            complete: Duration::from_millis(590),
            unsure: Duration::from_millis(840),
            incomplete: Duration::from_millis(1_200),
            learned: true,
        }
    }
}

impl Default for BargeIn {
    fn default() -> BargeIn {
        BargeIn {
            allowed: true,
            words: 1,
            words_thinking: 1,
            sure: -0.4,
            unsure: -0.6,
            words_after: Duration::from_millis(500),
            speech: Duration::from_millis(1_000),
            decide_within: Duration::from_millis(1_200),
            protected: Duration::ZERO,
            back_channels: Vec::new(),
        }
    }
}

impl TurnSettings {
    /// What has the right type and cannot be, and what to write.
    ///
    /// # Errors
    /// The key, and a line.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let s = Duration::from_secs;
        if self.end_delay.longest() > s(10) || self.end_delay.longest().is_zero() {
            return Err(("turns.end_delay", "is longer than \"0s\", and \"10s\" at most"));
        }
        if self.text_within.is_zero() || self.text_within > s(10) {
            return Err((
                "turns.text_within",
                "is longer than \"0s\", and \"10s\" at most: by then a turn is dealt with",
            ));
        }
        if self.longest_turn < s(1) || self.reply_within.is_zero() || self.longest_reply < s(1) {
            return Err(("turns.longest_turn", "reply_within and longest_reply are a second or more"));
        }
        let barge_in = &self.barge_in;
        if barge_in.decide_within.is_zero() || barge_in.decide_within > s(10) || barge_in.speech > s(60) {
            return Err((
                "turns.barge_in.decide_within",
                "is longer than \"0s\", and \"10s\" at most; speech is \"60s\"",
            ));
        }
        if !(barge_in.unsure <= barge_in.sure && barge_in.sure <= 0.0) {
            return Err(("turns.barge_in.sure", "is a logarithm, 0 at most, and unsure is no more than sure"));
        }
        match &self.floor {
            FloorRule::Host(host) if host.trim().is_empty() => Err(("turns.floor", "names no host")),
            FloorRule::Addressed(names) if names.iter().all(|name| name.trim().is_empty()) => {
                Err(("turns.floor", "has no name by which the agent is called"))
            }
            _ if self.called_back_by.iter().any(|phrase| words(phrase).is_empty()) => {
                Err(("turns.called_back_by", "has a phrase without words"))
            }
            _ => Ok(()),
        }
    }
}

impl BargeIn {
    /// How many words take the turn while the agent is heard, or thinks.
    pub(super) fn least_words(&self, heard: bool) -> usize {
        if heard { self.words } else { self.words_thinking }
    }
}

impl EndDelay {
    /// The same delay whatever was said.
    pub fn fixed(delay: Duration) -> EndDelay {
        EndDelay { complete: delay, unsure: delay, incomplete: delay, learned: false }
    }

    /// Nothing is answered later than this behind the end of speech, for want of certainty.
    pub(super) fn longest(&self) -> Duration {
        self.complete.max(self.unsure).max(self.incomplete)
    }
}
