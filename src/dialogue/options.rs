//! What a deploy writes of a conversation, for the options of any agent.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;

use super::{Apology, Background, BackgroundOptions, Dialogue, DialogueSettings};
use crate::{
    agent::OptionsError,
    conversation::{TextTurnDetector, turn::TurnSettings},
    speech::{
        TranscriberSettings, Voices,
        engines::{ActivityOptions, EngineConfig, Folder, open_ears, open_turn_listener, open_voices},
    },
    units,
};

/// The options of every agent that converses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialogueOptions {
    /// The engines that understand speech, in the order in which they are asked.
    pub ears: Vec<EngineConfig>,
    /// The engines that speak, in the order in which they are asked.
    pub voices: Vec<EngineConfig>,
    /// The language of the conversation.
    pub language: String,
    /// When somebody speaks.
    pub activity: ActivityOptions,
    /// Whether an engine hears in how something is said that it was all: `smart-turn`, or nothing.
    pub turn_listener: Option<String>,
    /// Whose turn it is.
    pub turns: TurnSettings,
    /// What the agent says by itself.
    pub phrases: Phrases,
    /// What sounds beside its voice.
    pub background: BackgroundOptions,
    /// Whether what is said becomes captions.
    pub captions: bool,
    /// Whether what the turn machine is told becomes notes, for a replay; what people say is in them.
    pub turn_log: bool,
}

/// What the agent says by itself; what is empty it does not say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phrases {
    /// Somebody spoke, and nothing was understood.
    pub not_understood: String,
    /// Nobody has said anything for long.
    pub still_there: String,
    /// No voice can say a sentence of a reply. It is made when the deploy is opened, while they can.
    pub no_voice: String,
    /// The words of a reply take long.
    pub filler: String,
    /// How long that is.
    #[serde(deserialize_with = "units::duration::deserialize")]
    pub filler_after: Duration,
}

impl Default for DialogueOptions {
    fn default() -> DialogueOptions {
        DialogueOptions {
            ears: vec![EngineConfig::named("moonshine")],
            voices: vec![EngineConfig::named("hibari")],
            language: "en".into(),
            activity: ActivityOptions::of_conversations(),
            turn_listener: None,
            turns: TurnSettings::default(),
            phrases: Phrases::default(),
            background: BackgroundOptions::default(),
            captions: true,
            turn_log: false,
        }
    }
}

impl Default for Phrases {
    fn default() -> Phrases {
        Phrases {
            not_understood: "Sorry, I did not get that.".into(),
            still_there: "Are you still there?".into(),
            no_voice: "Sorry, I cannot speak just now.".into(),
            filler: String::new(),
            filler_after: Duration::from_secs(2),
        }
    }
}

impl DialogueOptions {
    /// Checks them, and loads the engines.
    ///
    /// # Errors
    /// The option that cannot be, or the engine that is missing, and what to do.
    pub async fn open(self) -> Result<Dialogue, OptionsError> {
        self.open_in(&Folder::of_user()).await
    }

    /// The same with the engines of another folder.
    ///
    /// # Errors
    /// The same.
    pub async fn open_in(self, folder: &Folder) -> Result<Dialogue, OptionsError> {
        self.activity.check()?;
        let turns = self.turns.check();
        turns.map_err(|(key, problem)| OptionsError::Value { key, problem: problem.into() })?;
        let ears = open_ears("ears", &self.ears, &self.language, folder).await?;
        let voices = open_voices("voices", &self.voices, &self.language, folder).await?;
        let listener = self.turn_listener.as_deref().map(|name| open_turn_listener(name, folder)).transpose();
        let listener = listener.map_err(|problem| OptionsError::Value { key: "turn_listener", problem })?;
        let background = load(self.background).await?;
        let language: Arc<str> = self.language.as_str().into();
        let apology = apology(&self.phrases.no_voice, &voices, &language).await;
        let transcriber = TranscriberSettings {
            listening: self.activity.listening(folder)?,
            language: Some(language),
            ..TranscriberSettings::default()
        };
        let settings = DialogueSettings {
            transcriber,
            turns: self.turns,
            detector: Arc::new(TextTurnDetector),
            listener,
            phrases: self.phrases,
            apology,
            background,
            captions: self.captions,
            log: self.turn_log,
        };
        Ok(Dialogue::new(ears, voices, settings))
    }
}

async fn load(options: BackgroundOptions) -> Result<Option<Background>, OptionsError> {
    let loaded = tokio::task::spawn_blocking(move || Background::load(&options)).await;
    let loaded =
        loaded.map_err(|_| OptionsError::Value { key: "background", problem: "reading it panicked".into() })?;
    loaded.map_err(|(key, error)| OptionsError::Value { key, problem: error.to_string() })
}

/// A voice that is away now may be there when it is needed.
async fn apology(text: &str, voices: &Voices, language: &Arc<str>) -> Option<Apology> {
    if text.trim().is_empty() {
        return None;
    }
    let made = Apology::make(text, voices, Some(language.clone())).await;
    made.inspect_err(|error| tracing::warn!("phrases.no_voice could not be made: {error}; sentences will be left out"))
        .ok()
}
