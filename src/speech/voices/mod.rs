//! Engines that say text aloud: one after the other until one does, each loaded once for all sessions.

mod check;
mod openai;
mod program;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};
use tracing::Instrument;

pub use self::{
    check::{SENTENCE, Sample, check_voice, say},
    openai::OpenAiVoice,
    program::VoiceProgram,
};
use super::{
    answers::{Key, Kind, Made},
    breaker::{Breaker, to_be_asked},
    engines::Shared,
    gate::Gate,
    pieces::Pieces,
    trace,
};
use crate::conversation::{About, EngineError, Sentence, SoundPiece, TextToSpeech, sound_channel};

/// An engine, loaded. Clones share it.
#[derive(Clone)]
pub struct Voice(Arc<Loaded>);

impl Shared for Voice {
    type Weak = Weak<Loaded>;

    fn downgrade(&self) -> Weak<Loaded> {
        Arc::downgrade(&self.0)
    }

    fn upgrade(weak: &Weak<Loaded>) -> Option<Voice> {
        weak.upgrade().map(Voice)
    }
}

pub(super) struct Loaded {
    engine: Box<dyn TextToSpeech>,
    about: About,
    gate: Gate,
}

impl Voice {
    /// Takes an engine, and waits until it has said something: only then is it known that it can.
    ///
    /// # Errors
    /// Why the engine cannot be used.
    pub async fn start(engine: impl TextToSpeech) -> Result<Voice, EngineError> {
        Voice::start_boxed(Box::new(engine)).await
    }

    pub(super) async fn start_boxed(engine: Box<dyn TextToSpeech>) -> Result<Voice, EngineError> {
        let about = engine.about();
        let gate = Gate::new(engine.most_at_once());
        let voice = Voice(Arc::new(Loaded { engine, about, gate }));
        let mut saying = Voices::new(vec![VoiceLink::new(voice.clone(), LOADING)]).say(Sentence::new("Good morning."));
        let mut samples = 0;
        while let Some(said) = saying.next().await {
            match said {
                Said::Piece(SoundPiece::Sound { samples: more, .. }) => samples += more.len(),
                Said::Failed(error) => return Err(error),
                Said::Piece(SoundPiece::Word(_)) | Said::Restarts => {}
            }
        }
        match samples {
            0 => Err(EngineError::Unavailable(format!("the engine {} says nothing", voice.about().name))),
            _ => Ok(voice),
        }
    }

    /// What the engine is.
    pub fn about(&self) -> &About {
        &self.0.about
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voice({})", self.about().name)
    }
}

/// Engines in the order in which they are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Voices {
    links: Arc<[VoiceLink]>,
    first: Arc<str>,
}

/// One engine of a chain.
#[derive(Debug)]
pub struct VoiceLink {
    voice: Voice,
    /// How long its first sound may take, and each that follows.
    within: Duration,
    breaker: Breaker,
}

impl VoiceLink {
    /// An engine that is given `within` for its first sound, and for each that follows.
    pub fn new(voice: Voice, within: Duration) -> VoiceLink {
        VoiceLink { voice, within, breaker: Breaker::default() }
    }
}

/// What came of a sentence, piece by piece.
#[derive(Debug)]
pub enum Said {
    /// Sound, or a word's time.
    Piece(SoundPiece),
    /// An engine failed: another one says the sentence from its beginning, and what came before is void.
    Restarts,
    /// No engine says it.
    Failed(EngineError),
}

/// A sentence that is being said. Dropping it stops that.
pub struct Saying(Made<Said>);

impl Saying {
    /// The next piece; `None` behind the last one and behind [`Said::Failed`]. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Said> {
        self.0.next().await.unwrap_or_else(|error| Some(Said::Failed(error)))
    }
}

impl fmt::Debug for Saying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Saying")
    }
}

impl Voices {
    /// These engines.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(links: Vec<VoiceLink>) -> Voices {
        assert!(!links.is_empty(), "a chain has engines");
        let first = links[0].voice.about().name.clone();
        Voices { links: links.into(), first }
    }

    /// A chain of which it is known what it said when its first engine was this one.
    pub(super) fn known(first: &str) -> Voices {
        Voices { links: Arc::new([]), first: first.into() }
    }

    /// The name of the first engine.
    pub fn first(&self) -> &Arc<str> {
        &self.first
    }

    /// Has a sentence said, in a task of its own.
    pub fn say(&self, sentence: Sentence) -> Saying {
        self.say_in(sentence, None)
    }

    /// The same in a conversation, by whose name traces call it.
    pub fn say_in(&self, sentence: Sentence, conversation: Option<Arc<str>>) -> Saying {
        let (making, pieces) = mpsc::channel(PIECES);
        let (voices, asked) = (self.clone(), sentence.clone());
        let key = || Key::default().text(&asked.text).text(asked.language.as_deref().unwrap_or(""));
        let work = async move {
            voices.run(&sentence, conversation.as_deref(), &making).await;
            Ok(())
        };
        Saying(Made::new(Kind::TextToSpeech, key, work, pieces))
    }

    async fn run(&self, sentence: &Sentence, conversation: Option<&str>, said: &mpsc::Sender<Said>) {
        let mut last = EngineError::Failed("every engine is left alone after failures".into());
        let mut has_begun = false;
        for link in to_be_asked(&self.links, |link| &link.breaker) {
            let name = &link.voice.about().name;
            for attempt in 1..=ATTEMPTS {
                if has_begun && said.send(Said::Restarts).await.is_err() {
                    return;
                }
                let (span, asked, mut first) = (trace::speech(conversation, name), Instant::now(), None);
                let result = link.run(sentence, said, &mut first).instrument(span.clone()).await;
                let first: Option<Duration> = first.map(|at: Instant| at - asked);
                trace::record_piece(&span, "roomtone.first_sound_s", first, &result);
                has_begun = first.is_some();
                match result {
                    Ok(()) => return link.breaker.on_success(name),
                    // Nobody listens any more.
                    Err(EngineError::Shed) => return,
                    // What died is started anew, and may well say it then.
                    Err(EngineError::Broken(why)) if attempt < ATTEMPTS => {
                        tracing::warn!(engine = %name, "the engine is started anew: {why}");
                    }
                    Err(error) => {
                        link.breaker.on_failure(name, &error);
                        last = error;
                        break;
                    }
                }
            }
        }
        said.send(Said::Failed(last)).await.ok();
    }
}

impl VoiceLink {
    async fn run(
        &self,
        sentence: &Sentence,
        said: &mpsc::Sender<Said>,
        first: &mut Option<Instant>,
    ) -> Result<(), EngineError> {
        let (loaded, deadline) = (&self.voice.0, Instant::now() + self.within);
        let _place = loaded.gate.enter(self.within).await?;
        let (mut sink, pieces) = sound_channel();
        let work = async move { loaded.engine.say(sentence, &mut sink).await };
        let mut pieces = Pieces::new(work, pieces, deadline, self.within);
        let mut samples_left = most_samples(sentence);
        while let Some(piece) = pieces.next().await? {
            if let SoundPiece::Sound { rate, samples } = &piece {
                let spare = samples_left.checked_sub(samples.len() as u64 * 48_000 / u64::from(rate.0.max(1)));
                samples_left = spare.ok_or_else(|| EngineError::Broken("it says far more than the text".into()))?;
            }
            first.get_or_insert_with(Instant::now);
            said.send(Said::Piece(piece)).await.map_err(|_| EngineError::Shed)?;
        }
        Ok(())
    }
}

/// No text takes longer than a second a letter and ten seconds, counted at 48 kHz.
fn most_samples(sentence: &Sentence) -> u64 {
    (sentence.text.len() as u64 + 10) * 48_000
}

/// How often an engine that dies over a sentence is given it.
const ATTEMPTS: u32 = 2;
/// How long loading and a first sentence may take.
const LOADING: Duration = Duration::from_secs(50);
/// Pieces that wait to be taken.
const PIECES: usize = 64;
