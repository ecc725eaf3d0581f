//! Conversations in a room: an agent made of a [`Conversation`], ears, a voice and the rules of turn taking.
//!
//! ```text
//! room → Ear (transcriber) → TurnMachine → orders → reply task → Mouth (sentences, synthesis) → voice
//!                                 ↑______________ what was heard of it ______________|
//! ```
//!
//! ```no_run
//! use async_trait::async_trait;
//! use roomtone::{
//!     agent::{AgentError, Builtin, Maker, Registry, options},
//!     cli::Program,
//!     conversation::{Conversation, Speech, UserTurn},
//!     dialogue::DialogueOptions,
//! };
//!
//! struct Parrot;
//!
//! #[async_trait]
//! impl Conversation for Parrot {
//!     async fn reply(&mut self, turn: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
//!         say.text(&format!("{} said: {}", turn.who(), turn.text)).await;
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let parrot = Builtin::new("parrot", "says back what it hears, in its own voice", |table| async move {
//!         let dialogue = options::<DialogueOptions>(table)?.open().await?;
//!         Ok(dialogue.maker(|| Parrot))
//!     });
//!     Program::new("parrot", "0.1.0").run(Registry::new([parrot]))
//! }
//! ```

mod apology;
mod background;
mod ear;
mod figures;
mod line;
mod measures;
mod mouth;
mod options;
mod orders;
mod reply;
mod run;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

pub use self::{
    apology::Apology,
    background::{Background, BackgroundError, BackgroundOptions},
    figures::{TurnFigures, TurnPart},
    measures::{DialogueMeasures, measures},
    options::{DialogueOptions, Phrases},
};
use crate::{
    agent::{Agent, AgentError, AudioRequirements, Maker, Room},
    audio::Hz,
    conversation::{Conversation, Spoken, TurnDetector, TurnListener, turn::TurnSettings},
    speech::{Chain, TranscriberSettings, Voices},
};

/// What the conversations of a deploy share. Cheap to clone.
#[derive(Clone)]
pub struct Dialogue(Arc<Shared>);

struct Shared {
    ears: Chain,
    voices: Voices,
    settings: DialogueSettings,
}

/// How conversations go.
#[derive(Clone)]
pub struct DialogueSettings {
    /// How the room is listened to.
    pub transcriber: TranscriberSettings,
    /// Whose turn it is.
    pub turns: TurnSettings,
    /// What judges whether a turn is whole.
    pub detector: Arc<dyn TurnDetector>,
    /// What hears it in how something is said, if anything does.
    pub listener: Option<Arc<dyn TurnListener>>,
    /// What the agent says by itself.
    pub phrases: Phrases,
    /// What it says once in a reply of which a sentence cannot be said; without it the sentence is left out.
    pub apology: Option<Apology>,
    /// What sounds beside its voice.
    pub background: Option<Background>,
    /// Whether what people say, and what is heard of the agent, becomes notes.
    pub captions: bool,
    /// Whether every input of the turn machine becomes a note, for a replay.
    pub log: bool,
}

impl Dialogue {
    /// Conversations with these engines.
    pub fn new(ears: Chain, voices: Voices, settings: DialogueSettings) -> Dialogue {
        Dialogue(Arc::new(Shared { ears, voices, settings }))
    }

    /// An agent for one room.
    pub fn agent<C: Conversation + 'static>(&self, conversation: C) -> impl Agent + use<C> {
        Converser { dialogue: self.clone(), conversation: Some(conversation) }
    }

    /// A maker of agents, of which the engines serve no more than they can in time.
    pub fn maker<C: Conversation + 'static>(&self, make: impl Fn() -> C + Send + Sync + 'static) -> Maker {
        let (dialogue, limit) = (self.clone(), self.0.ears.limit());
        let maker = Maker::new(move || Converser { dialogue: dialogue.clone(), conversation: Some(make()) });
        maker.limited(limit.name, limit.most)
    }
}

struct Converser<C> {
    dialogue: Dialogue,
    conversation: Option<C>,
}

#[async_trait]
impl<C: Conversation + 'static> Agent for Converser<C> {
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements {
            hear_rate: Spoken::RATE,
            most_behind: Some(Duration::from_secs(2)),
            pause_after: Some(PAUSE),
            speak_rate: Some(VOICE_RATE),
            background_rate: self.dialogue.0.settings.background.is_some().then_some(VOICE_RATE),
            ..AudioRequirements::default()
        }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let conversation = self.conversation.take().ok_or("a conversation is had once")?;
        run::run(&self.dialogue.0, conversation, room).await
    }
}

/// Nothing came of somebody for this long: they are silent.
const PAUSE: Duration = Duration::from_millis(200);
/// The better of the two rates that a Fishjam takes.
const VOICE_RATE: Hz = Hz::K24;
