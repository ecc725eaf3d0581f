//! The files: `answers.jsonl` with a line for everything that was asked or answered, and `answers.s16le` with the sound of
//! voices, samples of 16 bits that its lines point into.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Kind, item::Item};
use crate::{files::create_new, text::whole_line};

/// Why answers cannot be kept, or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct AnswersError(pub(super) String);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Ask { ask: u64, step: u64, kind: Kind, key: String },
    Answer { to: u64, step: u64, item: Item },
}

pub(super) struct Writer {
    lines: BufWriter<File>,
    sound: BufWriter<File>,
    /// Samples written so far.
    written: u64,
    trouble: Option<AnswersError>,
}

impl Writer {
    pub(super) fn create(folder: &Path) -> Result<Writer, AnswersError> {
        let create = |name: &str| {
            let path = folder.join(name);
            create_new(&path).map(BufWriter::new).map_err(|error| of_file(&path, &error))
        };
        Ok(Writer { lines: create(LINES)?, sound: create(SOUND)?, written: 0, trouble: None })
    }

    pub(super) fn ask(&mut self, ask: u64, step: u64, kind: Kind, key: String) {
        if let Err(error) = self.line(&Line::Ask { ask, step, kind, key }) {
            self.trouble.get_or_insert(error);
        }
    }

    pub(super) fn answer(&mut self, to: u64, step: u64, item: &Item) -> Result<(), AnswersError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        let item = match item {
            Item::Sound { rate, samples, .. } => {
                let (at, count) = (self.written, samples.len());
                samples.iter().try_for_each(|sample| self.sound.write_all(&sample.to_le_bytes()))?;
                self.written += count as u64;
                Item::Sound { rate: *rate, at, count, samples: Vec::new() }
            }
            item => item.clone(),
        };
        self.line(&Line::Answer { to, step, item })
    }

    fn line(&mut self, line: &Line) -> Result<(), AnswersError> {
        serde_json::to_writer(&mut self.lines, line).map_err(|error| AnswersError(error.to_string()))?;
        Ok(self.lines.write_all(b"\n")?)
    }

    /// Sound goes first: a line never points to what is not there.
    pub(super) fn flush(&mut self) -> Result<(), AnswersError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        self.sound.flush()?;
        Ok(self.lines.flush()?)
    }
}

/// Something that was asked, and what was answered.
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) key: String,
    pub(super) step: u64,
    pub(super) answers: Vec<GivenAnswer>,
}

pub(super) struct GivenAnswer {
    pub(super) step: u64,
    /// Which of all answers it is.
    pub(super) number: u64,
    pub(super) item: Item,
}

/// Reads the sound of answers when it is wanted.
pub(super) struct Reader(File);

impl Reader {
    /// Gives everything that was asked, in its order.
    pub(super) fn open(folder: &Path) -> Result<(Reader, Vec<Asked>), AnswersError> {
        let path = folder.join(SOUND);
        let sound = File::open(&path).map_err(|error| of_file(&path, &error))?;
        let path = folder.join(LINES);
        let mut lines = BufReader::new(File::open(&path).map_err(|error| of_file(&path, &error))?);
        let mut asked: Vec<Asked> = Vec::new();
        for number in 1_u64.. {
            let wrong = |why: &dyn std::fmt::Display| AnswersError(format!("{}:{number}: {why}", path.display()));
            let Some(line) = whole_line(&mut lines, LONGEST_LINE).map_err(|error| wrong(&error))? else { break };
            match serde_json::from_str(&line).map_err(|error| wrong(&error))? {
                Line::Ask { ask, step, kind, key } if ask == asked.len() as u64 => {
                    asked.push(Asked { kind, key, step, answers: Vec::new() });
                }
                Line::Ask { .. } => return Err(wrong(&"a question is missing before this one")),
                Line::Answer { to, step, item } => {
                    let question = usize::try_from(to).ok().and_then(|to| asked.get_mut(to));
                    let question = question.ok_or_else(|| wrong(&"it answers what was not asked"))?;
                    question.answers.push(GivenAnswer { step, number, item });
                }
            }
        }
        Ok((Reader(sound), asked))
    }

    /// The item with its sound.
    pub(super) fn load(&self, item: Item) -> Result<Item, AnswersError> {
        let Item::Sound { rate, at, count, .. } = item else { return Ok(item) };
        if count > MOST_SAMPLES {
            return Err(AnswersError(format!("{SOUND}: a piece of {count} samples is none that a voice gives")));
        }
        let mut bytes = vec![0; 2 * count];
        let read = self.0.read_exact_at(&mut bytes, at.saturating_mul(2));
        read.map_err(|error| AnswersError(format!("{SOUND}: at sample {at}: {error}")))?;
        let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        Ok(Item::Sound { rate, at, count, samples })
    }
}

fn of_file(path: &Path, error: &std::io::Error) -> AnswersError {
    AnswersError(format!("{}: {error}", path.display()))
}

pub(super) const FILES: [&str; 2] = [LINES, SOUND];
const LINES: &str = "answers.jsonl";
const SOUND: &str = "answers.s16le";
/// A reply of a model is the longest.
const LONGEST_LINE: u64 = 1 << 20;
/// A piece of a voice: five minutes at 48 kHz.
const MOST_SAMPLES: usize = 300 * 48_000;
