//! One speaker: frames in, utterances out.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    Activity, ActivityChange, End, Heard, ListeningSettings, NoiseFilter, Utterance, UtteranceId, VoiceActivity,
    activity::{Verdict, samples_in},
};
use crate::{
    agent::{AudioFrame, Source},
    audio::level_dbfs,
    conversation::Speech,
};

/// See the module's head.
pub(super) struct Speaker {
    source: Arc<Source>,
    activity: Activity,
    detector: Box<dyn VoiceActivity>,
    noise: Option<Box<dyn NoiseFilter>>,
    /// What the platform says, if it says anything.
    platform: Option<bool>,
    /// What has not made a block yet.
    block: Vec<i16>,
    /// What the noise filter has left, and the last verdict on it.
    filtered: Vec<i16>,
    probability: f32,
    /// What was heard last, while nobody speaks; its end is at `judged`.
    before: VecDeque<i16>,
    pre_roll: usize,
    longest: usize,
    /// The index of the next sample to be judged, on the track's clock.
    judged: u64,
    /// When which sample was heard, by the newest frame.
    anchor: (Duration, u64),
    /// The utterance that goes on, and the index of its first sample.
    utterance: Option<(Utterance, u64)>,
    /// Before this index lies what was part of an utterance already.
    free_from: u64,
}

impl Speaker {
    pub(super) fn new(source: Arc<Source>, settings: &ListeningSettings) -> Speaker {
        Speaker {
            source,
            activity: Activity::new(settings.activity.clone()),
            detector: settings.parts.voice_activity(),
            noise: settings.parts.noise_filter(),
            platform: None,
            block: Vec::new(),
            filtered: Vec::new(),
            probability: 0.0,
            before: VecDeque::new(),
            pre_roll: samples_in(settings.pre_roll) as usize,
            longest: samples_in(settings.longest) as usize,
            judged: 0,
            anchor: (Duration::ZERO, 0),
            utterance: None,
            free_from: 0,
        }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn open(&self) -> Option<&Utterance> {
        self.utterance.as_ref().map(|(utterance, _)| utterance)
    }

    pub(super) fn on_platform_voice(&mut self, is_speaking: bool) {
        self.platform = Some(is_speaking);
    }

    pub(super) fn hear(&mut self, frame: &AudioFrame, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let expected = self.judged + self.block.len() as u64;
        if frame.index() > expected {
            self.on_missing(frame.index() - expected, tell);
        }
        self.anchor = (frame.heard(), frame.index());
        let mut samples = frame.samples();
        let length = self.detector.block_samples();
        while self.block.len() + samples.len() >= length {
            let (head, rest) = samples.split_at(length - self.block.len());
            samples = rest;
            self.block.extend_from_slice(head);
            self.judge(next, tell);
        }
        self.block.extend_from_slice(samples);
    }

    /// Nothing has come for as long as a pause lasts.
    pub(super) fn on_pause(&mut self, tell: &mut impl FnMut(Heard)) {
        self.finish(End::Stopped, tell);
    }

    /// Nothing more comes, or not for long.
    pub(super) fn finish(&mut self, end: End, tell: &mut impl FnMut(Heard)) {
        self.take_rest();
        if let Some(ActivityChange::Ended(at)) = self.activity.stop(self.judged) {
            self.close(at, end, tell);
        }
        self.forget();
    }

    /// So many samples are missing. Someone who speaks may go on behind a short hole.
    fn on_missing(&mut self, samples: u64, tell: &mut impl FnMut(Heard)) {
        self.take_rest();
        let silent = Verdict { probability: 0.0, level_dbfs: f64::MIN, platform: self.platform };
        let change = self.activity.handle(self.judged, samples, silent);
        // The machine moves one state at a time: the hole may be the whole pause.
        let change = change.or_else(|| self.activity.handle(self.judged, samples, silent));
        self.judged += samples;
        if let Some(ActivityChange::Ended(at)) = change {
            self.close(at, End::Stopped, tell);
        }
        match &mut self.utterance {
            Some((utterance, _)) => utterance.append_silence(samples as usize),
            None => self.forget(),
        }
    }

    /// What makes no whole block is taken without a verdict.
    fn take_rest(&mut self) {
        let rest = std::mem::take(&mut self.block);
        self.judged += rest.len() as u64;
        self.keep(&rest);
    }

    /// What comes next has nothing to do with what was heard.
    fn forget(&mut self) {
        self.before.clear();
        self.filtered.clear();
        self.detector.reset();
        if let Some(noise) = &mut self.noise {
            noise.reset();
        }
    }

    fn judge(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let block = std::mem::take(&mut self.block);
        let verdict = self.verdict(&block);
        let change = self.activity.handle(self.judged, block.len() as u64, verdict);
        self.judged += block.len() as u64;
        self.keep(&block);
        self.block = block;
        self.block.clear();
        match change {
            Some(ActivityChange::Began(at)) => self.begin(at, next, tell),
            Some(ActivityChange::Ended(at)) => self.close(at, End::Pause, tell),
            None => self.cut_if_long(next, tell),
        }
    }

    fn verdict(&mut self, block: &[i16]) -> Verdict {
        let level = |samples: &[i16]| level_dbfs(samples).unwrap_or(f64::MIN);
        let Some(noise) = &mut self.noise else {
            let probability = self.detector.probability(block);
            return Verdict { probability, level_dbfs: level(block), platform: self.platform };
        };
        noise.filter(block, &mut self.filtered);
        let level_dbfs = level(&self.filtered);
        while self.filtered.len() >= block.len() {
            self.probability = self.detector.probability(&self.filtered[..block.len()]);
            self.filtered.drain(..block.len());
        }
        Verdict { probability: self.probability, level_dbfs, platform: self.platform }
    }

    fn keep(&mut self, samples: &[i16]) {
        if let Some((utterance, _)) = &mut self.utterance {
            utterance.append(samples);
            return;
        }
        self.before.extend(samples);
        let most = self.pre_roll + LONGEST_CANDIDATE;
        let too_many = self.before.len().saturating_sub(most);
        self.before.drain(..too_many);
    }

    fn begin(&mut self, at: u64, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let oldest = self.judged - self.before.len() as u64;
        let from = at.saturating_sub(self.pre_roll as u64).max(oldest).max(self.free_from);
        self.before.drain(..(from - oldest) as usize);
        let samples: Vec<i16> = std::mem::take(&mut self.before).into();
        let utterance = Utterance {
            id: take(next),
            source: self.source.clone(),
            begins: self.heard(from),
            speech_ends: samples.len(),
            samples,
            pre_roll: at.saturating_sub(from) as usize,
            gaps: Vec::new(),
            end: End::Open,
        };
        tell(Heard::Began(self.source.clone(), utterance.id));
        self.utterance = Some((utterance, from));
    }

    fn close(&mut self, at: u64, end: End, tell: &mut impl FnMut(Heard)) {
        let Some((utterance, first)) = self.utterance.take() else { return };
        // The pause behind it may be what comes before the next one.
        let pause = utterance.samples.len().saturating_sub(at.saturating_sub(first) as usize);
        let tail = &utterance.samples[utterance.samples.len() - pause..];
        self.before.extend(&tail[tail.len().saturating_sub(self.pre_roll)..]);
        self.free_from = at;
        tell(Heard::Ended(utterance.close((at.saturating_sub(first)) as usize, end)));
    }

    fn cut_if_long(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        if let Some((utterance, first)) = &mut self.utterance
            && utterance.samples.len() >= self.longest
        {
            let part = utterance.cut(take(next));
            *first += part.samples.len() as u64;
            let goes_on_as = utterance.id;
            tell(Heard::Ended(part));
            tell(Heard::Began(self.source.clone(), goes_on_as));
        }
    }

    /// When sample `index` was heard.
    fn heard(&self, index: u64) -> Duration {
        let (heard, anchor) = self.anchor;
        match index.checked_sub(anchor) {
            Some(behind) => heard + Speech::RATE.duration_of(behind),
            None => heard.saturating_sub(Speech::RATE.duration_of(anchor - index)),
        }
    }
}

fn take(next: &mut UtteranceId) -> UtteranceId {
    let id = *next;
    next.0 += 1;
    id
}

/// How long it may take until it is sure that somebody speaks: half a second.
const LONGEST_CANDIDATE: usize = 8_000;
