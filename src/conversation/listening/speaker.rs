//! One speaker: frames in, utterances out.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    End, Heard, ListeningSettings, NoiseFilter, Utterance, UtteranceId, VoiceActivity,
    activity::{Activity, ActivityChange, Verdict, samples_in},
    guard::{self, Guard},
};
use crate::{
    agent::{AudioFrame, Source},
    audio::level_dbfs,
    conversation::Spoken,
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
    /// Keeps out what is no voice, and since which index it has heard one.
    guard: Option<Guard>,
    voice_from: Option<u64>,
    /// The utterance that goes on.
    going: Option<Going>,
    /// Before this index lies what was part of an utterance already.
    free_from: u64,
}

/// An utterance that goes on.
struct Going {
    utterance: Utterance,
    /// The index of its first sample.
    first: u64,
    /// Whether it has been told of: until it is sure that it is a voice it has no number.
    is_told: bool,
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
            guard: settings.keep_music_out.then(Guard::default),
            voice_from: None,
            going: None,
            free_from: 0,
        }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn open(&self) -> Option<&Utterance> {
        self.going.as_ref().filter(|going| going.is_told).map(|going| &going.utterance)
    }

    pub(super) fn on_platform_voice(&mut self, is_speaking: bool) {
        self.platform = Some(is_speaking);
    }

    pub(super) fn hear(&mut self, frame: &AudioFrame, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let expected = self.judged + self.block.len() as u64;
        if frame.index() > expected {
            self.on_missing(frame.index() - expected, next, tell);
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
    pub(super) fn on_pause(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        self.finish(End::Stopped, next, tell);
    }

    /// Nothing more comes, or not for long.
    pub(super) fn finish(&mut self, end: End, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        self.take_rest();
        if let Some(ActivityChange::Ended(at)) = self.activity.stop(self.judged) {
            self.close(at, end, next, tell);
        }
        self.forget();
    }

    /// So many samples are missing. Someone who speaks may go on behind a short hole.
    fn on_missing(&mut self, samples: u64, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        self.take_rest();
        let silent = Verdict { probability: 0.0, level_dbfs: f64::MIN, platform: self.platform };
        let change = self.activity.handle(self.judged, samples, silent);
        // The machine moves one state at a time: the hole may be the whole pause.
        let change = change.or_else(|| self.activity.handle(self.judged, samples, silent));
        match change {
            Some(ActivityChange::Ended(at)) => self.close(at, End::Stopped, next, tell),
            Some(ActivityChange::Paused(at)) => self.on_short_pause(at, next, tell),
            _ => {}
        }
        self.judged += samples;
        match &mut self.going {
            Some(going) => going.utterance.append_silence(samples as usize),
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
        self.voice_from = None;
        if let Some(guard) = &mut self.guard {
            *guard = Guard::default();
        }
        if let Some(noise) = &mut self.noise {
            noise.reset();
        }
    }

    fn judge(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let block = std::mem::take(&mut self.block);
        let verdict = self.verdict(&block);
        let change = self.activity.handle(self.judged, block.len() as u64, verdict);
        self.ask_guard(&block, verdict.probability, tell);
        self.judged += block.len() as u64;
        self.keep(&block);
        self.block = block;
        self.block.clear();
        match change {
            Some(ActivityChange::Began(at)) => {
                self.begin(at);
                tell(Heard::Active(self.source.clone()));
            }
            Some(ActivityChange::Paused(at)) => self.on_short_pause(at, next, tell),
            Some(ActivityChange::WentOn) => {
                if let Some(open) = self.open() {
                    tell(Heard::WentOn(self.source.clone(), open.id));
                }
            }
            Some(ActivityChange::Ended(at)) => self.close(at, End::Pause, next, tell),
            None => {}
        }
        self.tell_if_sure(next, tell);
        self.cut_if_long(next, tell);
    }

    /// It may be all that is said: a short word that was not sure to be a voice is by now.
    fn on_short_pause(&mut self, at: u64, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        if self.going.as_ref().is_some_and(|going| !going.is_told) {
            self.look_for_brief_voice(|guard| guard.brief_voice());
            self.tell_if_sure(next, tell);
        } else {
            self.tell_pause(at, tell);
        }
    }

    fn tell_pause(&mut self, at: u64, tell: &mut impl FnMut(Heard)) {
        let since = self.heard(at);
        let Some(going) = self.going.as_mut().filter(|going| going.is_told) else { return };
        going.utterance.speech_ends = (at.saturating_sub(going.first) as usize).min(going.utterance.samples.len());
        tell(Heard::Paused(self.source.clone(), going.utterance.id, since));
    }

    fn look_for_brief_voice(&mut self, look: impl FnOnce(&mut Guard) -> Option<u32>) {
        if let Some(frames_ago) = self.guard.as_mut().and_then(look) {
            self.voice_from = Some(self.judged.saturating_sub(u64::from(frames_ago) * guard::FRAME as u64));
        }
    }

    /// What is said from now on is another utterance.
    pub(super) fn cut_here(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        if self.going.as_ref().is_some_and(|going| going.is_told)
            && let Some(ActivityChange::Ended(at)) = self.activity.stop(self.judged)
        {
            self.close(at, End::Pause, next, tell);
        }
    }

    /// Whether this is a voice, as far as can be said so far.
    fn ask_guard(&mut self, block: &[i16], score: f32, tell: &mut impl FnMut(Heard)) {
        for (n, frame) in block.chunks_exact(guard::FRAME).enumerate() {
            let Some(guard) = &mut self.guard else { return };
            let now = self.judged + ((n + 1) * guard::FRAME) as u64;
            match guard.judge(frame, score) {
                guard::Verdict::Voice { frames_ago } => {
                    let from = now.saturating_sub(u64::from(frames_ago) * guard::FRAME as u64);
                    self.voice_from.get_or_insert(from);
                }
                guard::Verdict::Quiet | guard::Verdict::Candidate => self.voice_from = None,
                guard::Verdict::Revoked => self.withdraw(tell),
                guard::Verdict::Other => self.on_no_voice(now, tell),
            }
        }
    }

    /// What was told of is none.
    fn withdraw(&mut self, tell: &mut impl FnMut(Heard)) {
        self.voice_from = None;
        if self.going.as_ref().is_some_and(|going| going.is_told)
            && let Some(going) = self.going.take()
        {
            self.activity.stop(self.judged);
            tell(Heard::Withdrawn(going.utterance));
        }
    }

    /// What goes on is no voice any more.
    fn on_no_voice(&mut self, now: u64, tell: &mut impl FnMut(Heard)) {
        self.voice_from = None;
        if self.going.as_ref().is_some_and(|going| going.is_told) {
            self.activity.stop(now);
            self.end(now, End::Pause, tell);
        }
    }

    /// An utterance has its number from the moment at which it is sure that it is a voice; what came long before is none.
    fn tell_if_sure(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let pre_roll = self.pre_roll as u64;
        let Some(going) = self.going.as_mut().filter(|going| !going.is_told) else { return };
        let speech_from = going.first + going.utterance.pre_roll as u64;
        let voice_from = match (self.guard.is_some(), self.voice_from) {
            (false, _) => speech_from,
            (true, Some(from)) => from.max(speech_from),
            (true, None) => return going.forget_before(self.judged.saturating_sub(LONGEST_DOUBT)),
        };
        going.forget_before(voice_from.saturating_sub(pre_roll));
        going.utterance.pre_roll = (voice_from - going.first.min(voice_from)) as usize;
        going.utterance.id = take(next);
        going.is_told = true;
        tell(Heard::Began(self.source.clone(), going.utterance.id, going.utterance.speech_began()));
        if let Some(since) = self.activity.paused_since() {
            self.tell_pause(since, tell);
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
        if let Some(going) = &mut self.going {
            going.utterance.append(samples);
            return;
        }
        self.before.extend(samples);
        let most = self.pre_roll + LONGEST_CANDIDATE;
        let too_many = self.before.len().saturating_sub(most);
        self.before.drain(..too_many);
    }

    fn begin(&mut self, at: u64) {
        let oldest = self.judged - self.before.len() as u64;
        let from = at.saturating_sub(self.pre_roll as u64).max(oldest).max(self.free_from.min(at));
        self.before.drain(..(from - oldest) as usize);
        let samples: Vec<i16> = std::mem::take(&mut self.before).into();
        let utterance = Utterance {
            id: UtteranceId(u64::MAX),
            source: self.source.clone(),
            begins: self.heard(from),
            speech_ends: samples.len(),
            samples,
            pre_roll: at.saturating_sub(from) as usize,
            gaps: Vec::new(),
            end: End::Open,
        };
        self.going = Some(Going { utterance, first: from, is_told: false });
    }

    /// The activity is over. A short word may turn out to be a voice only now.
    fn close(&mut self, at: u64, end: End, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        if self.going.as_ref().is_some_and(|going| !going.is_told) {
            self.look_for_brief_voice(Guard::stop);
        }
        self.tell_if_sure(next, tell);
        self.end(at, end, tell);
    }

    fn end(&mut self, at: u64, end: End, tell: &mut impl FnMut(Heard)) {
        let Some(Going { utterance, first, is_told }) = self.going.take() else { return };
        let length = at.saturating_sub(first) as usize;
        // The pause behind it may be what comes before the next one.
        let pause = utterance.samples.len().saturating_sub(length);
        let tail = &utterance.samples[utterance.samples.len() - pause..];
        self.before.clear();
        self.before.extend(&tail[tail.len().saturating_sub(self.pre_roll)..]);
        self.free_from = at;
        match is_told {
            true => tell(Heard::Ended(utterance.close(length, end))),
            false => tell(Heard::Inactive(self.source.clone())),
        }
    }

    fn cut_if_long(&mut self, next: &mut UtteranceId, tell: &mut impl FnMut(Heard)) {
        let Some(going) = self.going.as_mut().filter(|going| going.is_told) else { return };
        if going.utterance.samples.len() < self.longest {
            return;
        }
        let part = going.utterance.cut(take(next));
        going.first += part.samples.len() as u64;
        let (goes_on_as, begins) = (going.utterance.id, going.utterance.begins);
        // First the next one, so that nothing comes between the two.
        tell(Heard::Began(self.source.clone(), goes_on_as, begins));
        tell(Heard::Ended(part));
    }

    /// When sample `index` was heard.
    fn heard(&self, index: u64) -> Duration {
        let (heard, anchor) = self.anchor;
        match index.checked_sub(anchor) {
            Some(behind) => heard + Spoken::RATE.duration_of(behind),
            None => heard.saturating_sub(Spoken::RATE.duration_of(anchor - index)),
        }
    }
}

impl Going {
    /// What lies before this index is no part of it.
    fn forget_before(&mut self, index: u64) {
        let samples = (index.saturating_sub(self.first) as usize).min(self.utterance.samples.len());
        self.utterance.forget(samples);
        self.first += samples as u64;
    }
}

fn take(next: &mut UtteranceId) -> UtteranceId {
    let id = *next;
    next.0 += 1;
    id
}

/// How long it may take until a detector is sure that somebody speaks: half a second.
const LONGEST_CANDIDATE: usize = 8_000;
/// How far back a voice may have begun when it is sure that it is one, and what came before it: 2.5 s.
const LONGEST_DOUBT: u64 = 40_000;
