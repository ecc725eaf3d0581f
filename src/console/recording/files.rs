//! The files of a recording, and what is compared with them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use super::{RecordingError, inputs::Step};
use crate::{
    audio::{Hz, SoundFile, wav::WavFile},
    files::create_new,
    session::SessionEvent,
    speech::AnswersError,
};

/// Is shown what goes into a session and what comes of it.
pub(super) trait Witness: Send {
    /// A step begins with this.
    fn on_step(&mut self, step: &Step);

    /// Something happened.
    fn on_event(&mut self, event: &SessionEvent);

    /// So the step sounded; at the end what is left of the last word.
    fn on_said(&mut self, samples: &[i16]);

    /// The step is over.
    fn flush(&mut self);

    /// What engines answered could not be kept, or read.
    fn on_trouble(&mut self, trouble: &AnswersError);
}

/// What a session leaves behind, as it goes.
pub(super) struct Folder {
    heard: WavFile,
    said: Option<WavFile>,
    inputs: BufWriter<File>,
    events: BufWriter<File>,
    /// Why it is not whole.
    trouble: Option<String>,
}

impl Folder {
    pub(super) fn create(folder: &Path, rate: Hz, voice_rate: Option<Hz>) -> Result<Folder, RecordingError> {
        let file = |name: &str| {
            let path = folder.join(name);
            create_new(&path).map(BufWriter::new).map_err(|error| RecordingError::of(&path, error))
        };
        let wav = |name: &str, rate| {
            let path = folder.join(name);
            let file = create_new(&path).map_err(|error| RecordingError::of(&path, error))?;
            WavFile::in_file(file, &path, rate, 1).map_err(|error| RecordingError(error.to_string()))
        };
        Ok(Folder {
            heard: wav(HEARD, rate)?,
            said: voice_rate.map(|rate| wav(SAID, rate)).transpose()?,
            inputs: file(INPUTS)?,
            events: file(EVENTS)?,
            trouble: None,
        })
    }

    /// What could not be kept, if anything.
    fn note<E: std::fmt::Display>(&mut self, result: Result<(), E>) {
        if let Err(error) = result
            && self.trouble.is_none()
        {
            tracing::warn!("the recording is not whole from here on: {error}");
            self.trouble = Some(error.to_string());
        }
    }
}

impl Witness for Folder {
    fn on_step(&mut self, step: &Step) {
        let heard = step.block.as_ref().map_or(Ok(()), |block| self.heard.write(block));
        self.note(heard);
        if !step.is_plain() {
            let written = line(&mut self.inputs, step);
            self.note(written);
        }
    }

    fn on_event(&mut self, event: &SessionEvent) {
        let written = line(&mut self.events, event);
        self.note(written);
    }

    fn on_said(&mut self, samples: &[i16]) {
        let written = self.said.as_mut().map_or(Ok(()), |said| said.write(samples));
        self.note(written);
    }

    fn flush(&mut self) {
        let flushed = self.inputs.flush().and_then(|()| self.events.flush());
        self.note(flushed);
        let flushed = self.heard.flush().and_then(|()| self.said.as_mut().map_or(Ok(()), WavFile::flush));
        self.note(flushed);
    }

    fn on_trouble(&mut self, trouble: &AnswersError) {
        self.note(Err(trouble));
    }
}

fn line(file: &mut BufWriter<File>, what: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, what)?;
    file.write_all(b"\n")
}

/// The sound of a recording, read as much at a time as is wanted.
pub(super) struct Samples {
    file: SoundFile,
    /// Read, and not taken yet.
    ahead: Vec<i16>,
}

impl Samples {
    pub(super) fn open(path: &Path) -> Result<Samples, RecordingError> {
        let file = SoundFile::open(path).map_err(|error| RecordingError(error.to_string()))?;
        Ok(Samples { file, ahead: Vec::new() })
    }

    pub(super) fn rate(&self) -> Hz {
        self.file.rate()
    }

    /// The next so many samples; fewer at the end.
    pub(super) fn take(&mut self, count: usize) -> Vec<i16> {
        while self.ahead.len() < count {
            match self.file.read_into(&mut self.ahead) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!("the recording ends here: {error}");
                    break;
                }
            }
        }
        self.ahead.drain(..count.min(self.ahead.len())).collect()
    }
}

/// All of them but those of engines' answers.
pub(super) const ALL: [&str; 4] = [HEARD, SAID, INPUTS, EVENTS];
/// What the agent heard, without the steps that brought nothing.
pub(super) const HEARD: &str = "heard.wav";
/// What was heard of the agent, from the first step on.
pub(super) const SAID: &str = "said.wav";
/// What came from outside beside that, a line for each step that brought more than a block.
pub(super) const INPUTS: &str = "inputs.jsonl";
/// What happened.
pub(super) const EVENTS: &str = "events.jsonl";
