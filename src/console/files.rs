//! Files in place of devices: one is said as a microphone would bring it, what is heard is written into another. Their clock
//! is exact.

use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    ConsoleError,
    card::{Card, CardFigures},
    room::RoomEcho,
};
use crate::audio::{Hz, Resampler, Sound, pcm16, wav::WavFile};

/// A file that is said, and one into which the reply is written; each may be missing.
pub(super) struct Files {
    rate: Hz,
    voice_rate: Hz,
    input: Vec<i16>,
    output: Option<WavFile>,
    begun: Option<Instant>,
    passed: Duration,
    /// Samples said and played so far.
    said: u64,
    played: u64,
    queue: VecDeque<f32>,
    /// What the speaker has taken and was not asked for yet.
    reference: Vec<f32>,
    to_reference: Resampler,
    /// The room in which the microphone hears the speaker, and what it has yet to hear of it.
    room: Option<RoomEcho>,
    echo: VecDeque<f32>,
    figures: CardFigures,
    trouble: Option<String>,
}

impl Files {
    /// Says `input` and writes what is heard to `output`, as WAV. With `echo_db` the microphone hears the speaker, so much louder
    /// than it plays.
    ///
    /// # Errors
    /// [`ConsoleError::File`] where one of them cannot be read or made.
    pub(super) fn open(
        input: Option<&PathBuf>,
        output: Option<&PathBuf>,
        echo_db: Option<f32>,
        [rate, voice_rate]: [Hz; 2],
    ) -> Result<Files, ConsoleError> {
        let sound = input.map(|path| Sound::read(path).map_err(|error| ConsoleError::SoundFile(error.to_string())));
        let sound = sound.transpose()?.map(|sound| sound.at(rate).samples).unwrap_or_default();
        let create = |path: &PathBuf| {
            WavFile::create(path, voice_rate, 1).map_err(|error| ConsoleError::File(error.to_string()))
        };
        let name = |path: Option<&PathBuf>| path.map(|path| path.display().to_string()).unwrap_or_default();
        let figures = CardFigures { input: name(input), output: name(output), ..CardFigures::default() };
        Ok(Files {
            rate,
            voice_rate,
            input: sound,
            output: output.map(create).transpose()?,
            begun: None,
            passed: Duration::ZERO,
            said: 0,
            played: 0,
            queue: VecDeque::new(),
            reference: Vec::new(),
            to_reference: Resampler::new(voice_rate, rate),
            room: echo_db.map(|level_db| RoomEcho::new(rate, level_db)),
            echo: VecDeque::new(),
            figures,
            trouble: None,
        })
    }

    /// Takes out of the queue what a speaker would have taken by now.
    fn play_until_now(&mut self) {
        let until = self.voice_rate.samples_in(self.passed) as u64;
        let mut samples = Vec::with_capacity((until - self.played) as usize);
        while self.played < until {
            samples.push(self.queue.pop_front().map_or(0, pcm16::from_float));
            self.played += 1;
        }
        let mut reference = Vec::new();
        self.to_reference.push(&samples, &mut reference);
        let reference: Vec<f32> = reference.into_iter().map(pcm16::to_float).collect();
        self.echo.extend(self.room.as_mut().map(|room| room.hear(&reference)).unwrap_or_default());
        self.reference.extend(reference);
        if let Some(output) = &mut self.output
            && let Err(error) = output.write(&samples).and_then(|()| output.flush())
            && self.trouble.replace(error.to_string()).is_none()
        {
            tracing::warn!("what is heard is not written any more: {error}");
        }
    }
}

impl Card for Files {
    fn look(&mut self, now: Instant) {
        self.passed = now - *self.begun.get_or_insert(now);
        self.play_until_now();
    }

    fn take_heard(&mut self, out: &mut Vec<f32>) {
        let until = self.rate.samples_in(self.passed) as u64;
        for at in self.said..until {
            let said = self.input.get(at as usize).map_or(0.0, |sample| pcm16::to_float(*sample));
            out.push(said + self.echo.pop_front().unwrap_or(0.0));
        }
        self.said = until;
        self.figures.is_said = !self.input.is_empty() && self.said >= self.input.len() as u64;
    }

    fn take_played(&mut self, out: &mut Vec<f32>) {
        out.append(&mut self.reference);
    }

    fn play(&mut self, samples: &[f32]) {
        let room = self.voice_rate.samples_in(super::LONGEST_QUEUE).saturating_sub(self.queue.len());
        let taken = samples.len().min(room);
        self.queue.extend(&samples[..taken]);
        self.figures.unplayed_samples += (samples.len() - taken) as u64;
    }

    fn is_dry(&self) -> bool {
        self.queue.is_empty()
    }

    fn cut(&mut self) {
        self.queue.clear();
    }

    fn figures(&self) -> CardFigures {
        self.figures.clone()
    }
}
