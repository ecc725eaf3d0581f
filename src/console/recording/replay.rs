//! Runs a recording again, and compares.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use toml::Table;

use super::{
    About, Folder, NewFolder, RecordingError,
    files::{EVENTS, SAID, Samples, Witness},
    inputs::{Inputs, Kept, Step, end_of},
    steps::{self, Session},
};
use crate::{
    agent::Agent,
    audio::Hz,
    console::driver::Parts,
    session::{SessionEvent, SessionSummary},
    signal::PublishedTrack,
    speech::{Answers, AnswersError},
    text::whole_line,
};

/// A session that was kept.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    about: About,
}

/// How fast it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it goes.
    Fast,
    /// As it once went.
    RealTime,
}

impl Recording {
    /// The one in this folder.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Recording, RecordingError> {
        Ok(Recording { folder: folder.to_owned(), about: About::read(folder)? })
    }

    /// Which agent it is of.
    pub fn agent(&self) -> &str {
        &self.about.agent
    }

    /// Which options that had.
    pub fn options(&self) -> &Table {
        &self.about.options
    }

    /// Makes ready to run it, and to keep that in another folder, too.
    ///
    /// # Errors
    /// Its files cannot be read, or that folder cannot be made.
    pub fn replay(&self, keep: Option<&Path>) -> Result<Replay, RecordingError> {
        let answers = Answers::replay(&self.folder).map_err(|error| RecordingError(error.to_string()))?;
        let keep = keep.map(|folder| self.copy_to(folder)).transpose()?;
        Ok(Replay { folder: self.folder.clone(), about: self.about.clone(), answers, keep })
    }

    fn copy_to(&self, folder: &Path) -> Result<NewFolder, RecordingError> {
        let place = NewFolder::make(folder)?;
        self.about.write(folder)?;
        for name in Answers::FILES {
            let copied = std::fs::copy(self.folder.join(name), folder.join(name));
            copied.map_err(|error| RecordingError::of(&folder.join(name), error))?;
        }
        Ok(place)
    }
}

/// A recording that is about to be run again.
pub struct Replay {
    folder: PathBuf,
    about: About,
    answers: Answers,
    keep: Option<NewFolder>,
}

impl Replay {
    /// Has the agent made; no engine is loaded that was asked before.
    pub async fn prepare<T>(&self, make: impl Future<Output = T>) -> T {
        self.answers.scope(make).await
    }

    /// Runs the agent on what was recorded.
    ///
    /// # Errors
    /// The files cannot be read, or the agent wants sound of another rate than it once did.
    pub async fn run(self, agent: Box<dyn Agent>, pace: Pace) -> Result<Outcome, RecordingError> {
        let Replay { folder, about, answers, keep } = self;
        let kept = Kept::open(&folder)?.at(pace);
        let (mut parts, pending) = Parts::new(agent.requirements(), Duration::from_millis(about.lead_ms));
        let rate = parts.rate;
        if rate != kept.rate() {
            let hint = "the agent is another than it was";
            return Err(RecordingError(format!("it was heard at {}, and the agent wants {rate}: {hint}", kept.rate())));
        }
        let voice_rate = parts.voice.as_ref().map(PublishedTrack::rate);
        let compared = Compared::open(&folder, keep.as_ref().map(|keep| keep.path.as_path()), rate, voice_rate)?;
        let compared = Arc::new(Mutex::new(compared));
        let witness: Arc<Mutex<dyn Witness>> = compared.clone();
        let (ends, outside) = steps::ends(&mut parts.observers, &witness);
        let session = Session {
            span: parts.span(),
            parts,
            ends,
            agent,
            answers: answers.clone(),
            seed: about.seed,
            inputs: Inputs::Kept(Box::new(kept)),
            witness,
            speaker: None,
            outside,
        };
        let summary = steps::begin(session)?.await;
        if let Some(place) = keep {
            place.keep();
        }
        drop(pending);
        let summary = summary.map_err(|_| RecordingError("the session broke off".into()))?;
        let mut compared = compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.end();
        Ok(Outcome {
            lasts: end_of(compared.steps),
            events: compared.events_so_far,
            difference: compared.difference.take(),
            unknown_questions: answers.missing(),
            summary,
        })
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// How long the session was, by its own clock.
    pub lasts: Duration,
    /// What happened in it.
    pub events: u64,
    /// The first thing that is not as it was.
    pub difference: Option<Difference>,
    /// How often engines were asked what they were not asked before; each of those failed.
    pub unknown_questions: u64,
    /// How it ended.
    pub summary: SessionSummary,
}

impl Outcome {
    /// Whether all events and every sample of the voice are what they were.
    pub fn is_same(&self) -> bool {
        self.difference.is_none()
    }
}

/// Where a session that was run again parts from what was recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// When, by the session's clock.
    pub at: Duration,
    /// The event or the sound as it was; nothing where it had ended.
    pub before: Option<String>,
    /// As it is now.
    pub now: Option<String>,
}

impl std::fmt::Debug for Difference {
    /// What was said stays private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Difference(at {:?})", self.at)
    }
}

/// Compares with what was recorded, and keeps it where that is wanted.
struct Compared {
    events: BufReader<File>,
    events_so_far: u64,
    said: Option<Samples>,
    steps: u64,
    /// The recording has ended; that of a program that was killed tells nothing of how the session would have.
    is_beyond: bool,
    difference: Option<Difference>,
    keep: Option<Folder>,
}

impl Compared {
    fn open(folder: &Path, keep: Option<&Path>, rate: Hz, voice_rate: Option<Hz>) -> Result<Compared, RecordingError> {
        let path = folder.join(EVENTS);
        let file = File::open(&path).map_err(|error| RecordingError::of(&path, error))?;
        let path = folder.join(SAID);
        let had_voice = path.exists();
        let said = had_voice.then(|| Samples::open(&path)).transpose()?;
        let keep = keep.map(|folder| Folder::create(folder, rate, voice_rate)).transpose()?;
        let voice = |has: bool| Some(if has { "it has a voice" } else { "it has no voice" }.to_owned());
        let changed = had_voice != voice_rate.is_some();
        let difference = changed.then(|| Difference {
            at: Duration::ZERO,
            before: voice(had_voice),
            now: voice(voice_rate.is_some()),
        });
        let events = BufReader::new(file);
        Ok(Compared { events, events_so_far: 0, said, steps: 0, is_beyond: false, difference, keep })
    }

    fn differs(&mut self, before: Option<String>, now: Option<String>) {
        self.difference.get_or_insert(Difference { at: end_of(self.steps), before, now });
    }

    /// Nothing more comes; something was still to come.
    fn end(&mut self) {
        if self.is_beyond {
            return;
        }
        if let Some(line) = self.next_event() {
            self.differs(Some(line), None);
        }
        let rest = self.take_said(1);
        if !rest.is_empty() {
            self.differs(Some("sound".into()), None);
        }
    }

    /// As it was; one that cannot be read is none.
    fn next_event(&mut self) -> Option<String> {
        whole_line(&mut self.events, LONGEST_EVENT).ok().flatten()
    }

    fn take_said(&mut self, count: usize) -> Vec<i16> {
        self.said.as_mut().map(|said| said.take(count)).unwrap_or_default()
    }
}

impl Witness for Compared {
    fn on_step(&mut self, step: &Step) {
        (self.steps, self.is_beyond) = (step.step, step.is_beyond);
        if let Some(keep) = &mut self.keep {
            keep.on_step(step);
        }
    }

    fn on_event(&mut self, event: &SessionEvent) {
        self.events_so_far += 1;
        if let Some(keep) = &mut self.keep {
            keep.on_event(event);
        }
        let now = serde_json::to_string(event).unwrap_or_default();
        let before = self.next_event();
        let is_past_all = before.is_none() && self.is_beyond;
        if before.as_ref() != Some(&now) && !is_past_all {
            self.differs(before, Some(now));
        }
    }

    fn on_said(&mut self, samples: &[i16]) {
        if let Some(keep) = &mut self.keep {
            keep.on_said(samples);
        }
        let before = self.take_said(samples.len());
        let is_past_all = before.is_empty() && self.is_beyond;
        // An agent without a voice says nothing, and is heard to.
        let is_compared = self.said.is_some() || samples.iter().any(|sample| *sample != 0);
        if is_compared && before != samples && !is_past_all {
            let (before, now) = tell_apart(&before, samples);
            self.differs(Some(before), Some(now));
        }
    }

    fn flush(&mut self) {
        if let Some(keep) = &mut self.keep {
            keep.flush();
        }
    }

    fn on_trouble(&mut self, trouble: &AnswersError) {
        self.differs(Some("engines answered".into()), Some(trouble.to_string()));
    }
}

/// An event may hold a long reply.
const LONGEST_EVENT: u64 = 1 << 20;

/// Says of two stretches of sound where they first differ.
fn tell_apart(before: &[i16], now: &[i16]) -> (String, String) {
    let first = before.iter().zip(now).take_while(|(before, now)| before == now).count();
    let about = |samples: &[i16]| match samples.get(first) {
        Some(sample) => format!("sample {first} of the next {} of the voice is {sample}", samples.len()),
        None => format!("{} samples of the voice", samples.len()),
    };
    (about(before), about(now))
}

#[cfg(test)]
mod tests {
    use super::tell_apart;

    #[test]
    fn sounds_that_differ_are_told_apart_though_they_are_as_long_and_as_loud() {
        let told = |before, now| {
            let (before, now) = tell_apart(before, now);
            format!("{before}; {now}")
        };
        let third = "sample 2 of the next 3 of the voice is 5; sample 2 of the next 3 of the voice is -5";
        assert_eq!(told(&[5, 1, 5], &[5, 1, -5]), third);
        assert_eq!(told(&[1, 2], &[1]), "sample 1 of the next 2 of the voice is 2; 1 samples of the voice");
        assert_eq!(told(&[], &[7]), "0 samples of the voice; sample 0 of the next 1 of the voice is 7");
    }
}
