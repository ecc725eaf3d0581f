//! What the turn machine is told, and what it orders. All of it are values, so that a log of them is a replay.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::event::PeerId;

/// Something that happened. What people say is in it, and not in what `Debug` shows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "kebab-case")]
pub enum TurnInput {
    /// Somebody has this name.
    Named {
        /// Who.
        speaker: PeerId,
        /// As people call them.
        name: String,
    },
    /// A detector hears somebody; it may be a cough.
    Active {
        /// Who.
        speaker: PeerId,
    },
    /// What it heard was nothing that is said.
    Inactive {
        /// Who.
        speaker: PeerId,
    },
    /// It is a voice that speaks, since then.
    Began {
        /// Who.
        speaker: PeerId,
        /// When the speech began.
        #[serde(rename = "since_s", with = "crate::event::seconds")]
        at: Duration,
    },
    /// Nothing was said since then; more may follow.
    Paused {
        /// Who.
        speaker: PeerId,
        /// When the speech ended.
        #[serde(rename = "since_s", with = "crate::event::seconds")]
        at: Duration,
    },
    /// More did follow.
    WentOn {
        /// Who.
        speaker: PeerId,
    },
    /// What was understood of all that somebody has said since the last turn of theirs.
    Text {
        /// Who.
        speaker: PeerId,
        /// The words.
        text: String,
        /// What it covers.
        covers: Covers,
        /// How sure the engine is of it, where it knows: [`Transcription::confidence`](crate::conversation::Transcription).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<f32>,
    },
    /// How whole what was said seems to be, from 0 to 1.
    Hint {
        /// Who said it.
        speaker: PeerId,
        /// Above 2/3 it is whole, below 1/3 something is missing.
        complete: f32,
    },
    /// Somebody has left.
    Left {
        /// Who.
        speaker: PeerId,
    },
    /// The agent wants to say something by itself: now, if nobody speaks.
    Wants,
    /// The first sound of a reply is heard.
    Speaks {
        /// Which.
        reply: ReplyId,
    },
    /// All of a reply was heard, or it had nothing to say.
    Finished {
        /// Which.
        reply: ReplyId,
    },
    /// Somebody who may say so wants the agent silent now: its reply is dropped, and what it wanted to say by itself. Who has just
    /// spoken is answered as ever.
    Silence,
    /// People shall have the conversation to themselves when the agent has said what it is saying: it hears and remembers, and says
    /// nothing until somebody calls it back.
    HandOver,
    /// The agent shall have it again.
    TakeOver,
    /// The conversation shall end when the agent has said what it is saying.
    End,
    /// Time has passed.
    Tick,
}

impl fmt::Debug for TurnInput {
    /// What was said, and who is called what, stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).ok().and_then(|input| input["input"].as_str().map(str::to_owned));
        f.write_str(name.as_deref().unwrap_or("input"))
    }
}

/// How much of what somebody has said a text covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covers {
    /// A beginning.
    #[default]
    Beginning,
    /// So little of one that the engine came to no end with it
    /// ([`is_tentative`](crate::conversation::Transcription::is_tentative)). It may decide whose turn it is, and nobody has said it.
    Tentative,
    /// All up to the pause that goes on.
    All,
    /// The same, but an engine failed: what was understood before stands in.
    StoodIn,
}

impl Covers {
    /// Whether it covers all up to the pause, by whatever is understood of that.
    pub fn is_whole(self) -> bool {
        matches!(self, Covers::All | Covers::StoodIn)
    }
}

/// The number of a reply. Each has one, whether it is heard or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplyId(pub u64);

/// What somebody has said until it was the agent's turn.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub speaker: PeerId,
    /// The words.
    pub text: String,
    /// When the speech began and ended.
    #[serde(rename = "begin_s", with = "crate::event::seconds")]
    pub begins: Duration,
    /// The end of its last sound.
    #[serde(rename = "end_s", with = "crate::event::seconds")]
    pub ends: Duration,
    /// What was understood for good did not come in time; this is what was understood before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stood_in: bool,
}

impl fmt::Debug for Said {
    /// What was said stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said { speaker, text, begins, ends, .. } = self;
        write!(f, "Said({speaker}, {} bytes, {begins:?} to {ends:?})", text.len())
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// What somebody has said is dealt with: what they say from now on is something new.
    Close {
        /// Who.
        speaker: PeerId,
    },
    /// Prepare a reply. Nothing of it is heard, kept or acted upon before it is confirmed.
    Prepare {
        /// Which.
        reply: ReplyId,
        /// To what.
        said: Said,
    },
    /// The turn is over: the reply may be heard. `said` is part of the conversation.
    Confirm {
        /// Which; one that was not prepared is begun.
        reply: ReplyId,
        /// To what; nothing for what the agent says by itself.
        said: Option<Said>,
    },
    /// Forget a reply of which nothing was heard. What it was to is still open if it had been confirmed.
    TakeBack {
        /// Which.
        reply: ReplyId,
    },
    /// Be silent at once; it is open whether the reply goes on.
    Pause {
        /// Which.
        reply: ReplyId,
    },
    /// Go on at the first word that was not heard whole.
    Resume {
        /// Which.
        reply: ReplyId,
    },
    /// Say no more of it. What was heard is kept.
    Drop {
        /// Which.
        reply: ReplyId,
    },
    /// Somebody said this, and it is not answered.
    Aside {
        /// What.
        said: Said,
    },
    /// Somebody spoke, and nothing was understood.
    NotUnderstood {
        /// The reply that says so, or has nothing to say.
        reply: ReplyId,
        /// Who.
        speaker: PeerId,
    },
    /// Ask whether somebody is there, for the `n`-th time.
    Prompt {
        /// The reply that asks.
        reply: ReplyId,
        /// From 1 on.
        n: u32,
    },
    /// The conversation is over.
    Leave {
        /// Why.
        why: Leaving,
    },
    /// For those who follow what happens.
    Tell {
        /// What.
        event: TurnEvent,
    },
}

/// Why a conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaving {
    /// Somebody asked for it: the agent, its host.
    Asked,
    /// It has lasted as long as it may.
    TooLong,
    /// Nobody says anything any more.
    Away,
}

/// What happens in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum TurnEvent {
    /// A person's turn began.
    TurnStarted {
        /// Whose.
        speaker: PeerId,
    },
    /// They make a pause; it may be the end.
    TurnPaused {
        /// Who.
        speaker: PeerId,
    },
    /// Their turn is over.
    TurnEnded {
        /// Whose.
        speaker: PeerId,
        /// How.
        how: TurnEnd,
    },
    /// The agent works on a reply.
    AgentThinks {
        /// Which.
        reply: ReplyId,
    },
    /// It is heard.
    AgentSpeaks {
        /// Which.
        reply: ReplyId,
    },
    /// The agent has fallen silent because somebody may be speaking.
    AgentPaused {
        /// In which reply.
        reply: ReplyId,
        /// Because of whom.
        by: PeerId,
    },
    /// It was nothing: the agent goes on.
    AgentResumed {
        /// With which reply.
        reply: ReplyId,
        /// What it was.
        because: NotATurn,
    },
    /// Somebody took the turn.
    AgentInterrupted {
        /// In which reply.
        reply: ReplyId,
        /// Who.
        by: PeerId,
    },
    /// It was told to be silent.
    AgentSilenced {
        /// In which reply.
        reply: ReplyId,
    },
    /// All of it was heard.
    AgentFinished {
        /// Which.
        reply: ReplyId,
    },
    /// A reply did not come in time, or did not end.
    ReplyOverdue {
        /// Which.
        reply: ReplyId,
    },
    /// Nobody has said anything for long.
    PeopleAway,
    /// The agent has left the conversation to people, and says nothing.
    HandedOver,
    /// It has it again, by its own word.
    TakenOver,
    /// Somebody called it back.
    CalledBack {
        /// Who.
        by: PeerId,
    },
    /// The conversation is over.
    Ended {
        /// Why.
        why: Leaving,
    },
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnEnd {
    /// The agent replies.
    Answered,
    /// It has words, and the agent is not to reply to them.
    Aside,
    /// Nothing was said.
    Empty,
    /// Something was said that no engine understood in time.
    NotUnderstood,
    /// Whoever spoke has left.
    Left,
}

/// What did not end the agent's speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotATurn {
    /// "Mhm".
    BackChannel,
    /// Nothing that is said.
    Noise,
    /// Nothing was understood in time.
    NothingUnderstood,
    /// Whoever spoke has left.
    Left,
}
