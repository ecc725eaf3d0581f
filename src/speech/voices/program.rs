//! Any program as a voice: a sentence over its standard input, samples over its standard output; `docs/engines.md` has the
//! protocol. Programs are started once and kept, as many as may work at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Duration, sleep},
};

use crate::{
    audio::Hz,
    conversation::{About, EngineError, Languages, Sentence, SoundSink, TextToSpeech, Word},
    speech::program::Program,
};

/// A program that says text aloud.
#[derive(Clone)]
pub struct VoiceProgram(Arc<Shared>);

struct Shared {
    name: Arc<str>,
    program: Vec<String>,
    languages: Languages,
    most_memory_bytes: u64,
    /// As many programs as may run, and those that wait for a sentence.
    places: Arc<Semaphore>,
    most: usize,
    idle: Mutex<Vec<Speaker>>,
}

struct Speaker {
    program: Program,
    rate: Hz,
    id: u64,
}

/// What is asked.
#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

/// A line before samples, or the last one.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    samples: usize,
    #[serde(default)]
    words: Vec<Word>,
    #[serde(default)]
    done: bool,
    error: Option<serde::de::IgnoredAny>,
}

impl VoiceProgram {
    /// A program and its arguments, of which `most` run at a time.
    pub fn new(
        name: &str,
        program: Vec<String>,
        languages: Languages,
        most: usize,
        most_memory_bytes: u64,
    ) -> VoiceProgram {
        let (places, most) = (Arc::new(Semaphore::new(most.max(1))), most.max(1));
        let idle = Mutex::default();
        VoiceProgram(Arc::new(Shared { name: name.into(), program, languages, most_memory_bytes, places, most, idle }))
    }
}

#[async_trait]
impl TextToSpeech for VoiceProgram {
    fn about(&self) -> About {
        About { name: self.0.name.clone(), languages: self.0.languages.clone() }
    }

    fn most_at_once(&self) -> usize {
        self.0.most
    }

    /// In a task of its own: who wants to hear no more of it leaves a program that comes to its end and serves the next one.
    async fn say(&self, sentence: &Sentence, sound: &mut SoundSink) -> Result<(), EngineError> {
        let place = self.0.places.clone().acquire_owned().await.expect("it is never closed");
        let (shared, sentence) = (self.0.clone(), sentence.clone());
        let (pieces, mut made) = mpsc::channel(16);
        let work = tokio::spawn(async move {
            let _place = place;
            let mut speaker = shared.speaker().await?;
            let given_up = async {
                tokio::select! {
                    () = sleep(LONGEST) => {}
                    () = async { pieces.closed().await; sleep(GRACE).await } => {}
                }
            };
            let said = tokio::select! {
                said = speaker.say(&sentence, &pieces) => said,
                () = given_up => Err(EngineError::Broken("it did not come to an end".into())),
            };
            // One that cannot say this sentence is well, and ready for the next.
            if !matches!(said, Err(EngineError::Broken(_))) {
                shared.idle().push(speaker);
            }
            said
        });
        while let Some((rate, samples, words)) = made.recv().await {
            for word in words {
                sound.word(word).await?;
            }
            sound.push(rate, samples).await?;
        }
        work.await.unwrap_or_else(|_| Err(EngineError::Broken("it panicked".into())))
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Speaker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn speaker(&self) -> Result<Speaker, EngineError> {
        if let Some(idle) = self.idle().pop() {
            return Ok(idle);
        }
        let (program, about) = Program::start(&self.name, &self.program, self.most_memory_bytes).await?;
        let rate = about["rate_hz"].as_u64().filter(|rate| (8_000..=48_000).contains(rate));
        let rate = rate.ok_or_else(|| {
            EngineError::Unavailable(format!(
                "the engine {}: its first line has no rate_hz from 8000 to 48000",
                self.name
            ))
        })?;
        Ok(Speaker { program, rate: Hz(rate as u32), id: 0 })
    }
}

/// Some sound with the words in it.
type Made = (Hz, Vec<i16>, Vec<Word>);

impl Speaker {
    async fn say(&mut self, sentence: &Sentence, made: &mpsc::Sender<Made>) -> Result<(), EngineError> {
        self.id += 1;
        let request = Request { id: self.id, text: &sentence.text, language: sentence.language.as_deref() };
        self.program.ask(&request, &[]).await?;
        let mut all = 0;
        loop {
            let reply: Reply = self.program.answer(self.id).await?;
            if reply.error.is_some() {
                return Err(EngineError::Failed("it could not say this sentence".into()));
            }
            if reply.done {
                return Ok(());
            }
            all += reply.samples;
            if all > MOST_SAMPLES {
                return Err(EngineError::Broken("it says more than a sentence can be".into()));
            }
            let bytes = self.program.read_bytes(2 * reply.samples).await?;
            let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            // Nobody may listen any more; the program comes to its end all the same.
            made.send((self.rate, samples, reply.words)).await.ok();
        }
    }
}

/// A sentence is said within this time, whoever listens.
const LONGEST: Duration = Duration::from_secs(60);
/// How long it may go on when nobody listens any more; then it is started anew for the next one.
const GRACE: Duration = Duration::from_secs(1);
/// Two minutes at 48 kHz.
const MOST_SAMPLES: usize = 5_760_000;
