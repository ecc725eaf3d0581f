//! The speaker's two ends: the sound thread writes, the device's callback reads. Between them is a lock-free ring; nothing
//! here waits, locks or allocates once it is made.

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use cpal::{FromSample, Sample};
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Observer, Producer, Split},
};

use super::ring::{AT_ONCE, drain_into};
use crate::audio::Hz;

/// Makes both ends, at the device's rate.
pub(super) fn playback(rate: Hz) -> (Playback, PlaybackCallback) {
    let (writer, reader) = HeapRb::new(rate.samples_in(super::LONGEST_QUEUE)).split();
    let (played, played_out) = HeapRb::new(rate.samples_in(super::LONGEST_QUEUE)).split();
    let shared = Arc::new(Shared::default());
    let callback = PlaybackCallback {
        ring: reader,
        played,
        shared: shared.clone(),
        position: 0,
        cut_seen: 0,
        fade: Fade { left: 0, length: rate.samples_in(FADE) },
        dry: None,
        longest_hole: rate.samples_in(LONGEST_HOLE) as u64,
    };
    (Playback { ring: writer, played: played_out, shared, written: 0 }, callback)
}

#[derive(Debug, Default)]
struct Shared {
    /// What was written before this position is not to be heard.
    cut: AtomicU64,
    underruns: AtomicU64,
    missing_samples: AtomicU64,
    callbacks: AtomicU64,
    /// The device was given sound when it asked last.
    sounds: AtomicBool,
    /// Silence may follow: what is said has ended, or was cut.
    may_end: AtomicBool,
}

/// The sound thread's end.
pub(super) struct Playback {
    ring: HeapProd<f32>,
    played: HeapCons<f32>,
    shared: Arc<Shared>,
    written: u64,
}

impl Playback {
    /// Takes what fits and returns how many samples that were.
    pub(super) fn play(&mut self, samples: &[f32]) -> usize {
        let taken = self.ring.push_slice(samples);
        self.written += taken as u64;
        taken
    }

    /// The same for the very end of what is said: silence around it is no hole.
    pub(super) fn play_rest(&mut self, samples: &[f32]) {
        self.shared.may_end.store(true, Release);
        self.play(samples);
    }

    /// Drops what waits; what is heard swings out.
    pub(super) fn cut(&mut self) {
        self.shared.may_end.store(true, Release);
        self.shared.cut.store(self.written, Release);
    }

    /// Drops what waits but for the newest samples, so many of them, and returns how many are left out. The sound swings out and goes
    /// on there.
    pub(super) fn leave_out_all_but(&mut self, newest: usize) -> usize {
        let surplus = self.waiting().saturating_sub(newest);
        if surplus > 0 {
            self.shared.cut.store(self.written - newest as u64, Release);
        }
        surplus
    }

    /// Samples that wait to be played.
    pub(super) fn waiting(&self) -> usize {
        self.ring.occupied_len()
    }

    /// Whether the device plays silence because there is nothing else.
    pub(super) fn is_dry(&self) -> bool {
        self.waiting() == 0 && !self.shared.sounds.load(Acquire)
    }

    /// Appends what the device has taken since the last call, silence included: what a microphone beside it may hear.
    pub(super) fn take_played(&mut self, out: &mut Vec<f32>) {
        drain_into(&mut self.played, out);
    }

    /// How often there was nothing to play in the midst of sound, and how many samples of silence that made.
    pub(super) fn underruns(&self) -> (u64, u64) {
        (self.shared.underruns.load(Relaxed), self.shared.missing_samples.load(Relaxed))
    }

    /// How often the device has asked for sound.
    pub(super) fn callbacks(&self) -> u64 {
        self.shared.callbacks.load(Relaxed)
    }
}

/// The device's end.
pub(super) struct PlaybackCallback {
    ring: HeapCons<f32>,
    played: HeapProd<f32>,
    shared: Arc<Shared>,
    /// Samples taken out of the ring.
    position: u64,
    cut_seen: u64,
    fade: Fade,
    /// Samples of silence since there was sound; `None` before the first.
    dry: Option<u64>,
    /// More silence than this is the end of an utterance.
    longest_hole: u64,
}

/// What is left of a cut voice.
struct Fade {
    left: usize,
    length: usize,
}

impl PlaybackCallback {
    /// Fills a buffer of the device: the same sample for each of its channels.
    pub(super) fn fill<T: Sample + FromSample<f32>>(&mut self, out: &mut [T], channels: usize) {
        self.shared.callbacks.fetch_add(1, Relaxed);
        self.look_for_cut();
        let mut mono = [0.0_f32; AT_ONCE];
        for part in out.chunks_mut(AT_ONCE * channels) {
            let mono = &mut mono[..part.len() / channels];
            let got = self.read(mono);
            self.count_silence(got, mono.len());
            mono[got..].fill(0.0);
            for (frame, sample) in part.chunks_mut(channels).zip(mono.iter()) {
                frame.fill(T::from_sample(*sample));
            }
            // A sound thread that stands still misses what it could not fetch; the device does not wait for it.
            self.played.push_slice(mono);
        }
    }

    fn look_for_cut(&mut self) {
        let cut = self.shared.cut.load(Acquire);
        if cut != self.cut_seen {
            self.cut_seen = cut;
            self.fade.left = self.fade.length.min(cut.saturating_sub(self.position) as usize);
            self.skip_cut();
        }
    }

    fn read(&mut self, out: &mut [f32]) -> usize {
        let mut got = 0;
        if self.fade.left > 0 {
            let most = self.fade.left.min(out.len());
            got = self.ring.pop_slice(&mut out[..most]);
            for sample in &mut out[..got] {
                *sample *= self.fade.left as f32 / self.fade.length as f32;
                self.fade.left -= 1;
            }
            self.position += got as u64;
            self.skip_cut();
        }
        if self.fade.left == 0 {
            let more = self.ring.pop_slice(&mut out[got..]);
            self.position += more as u64;
            got += more;
        }
        got
    }

    /// Leaves out what was cut, once the fade is over.
    fn skip_cut(&mut self) {
        if self.fade.left == 0 && self.cut_seen > self.position {
            self.position += self.ring.skip((self.cut_seen - self.position) as usize) as u64;
        }
    }

    fn count_silence(&mut self, got: usize, wanted: usize) {
        if got > 0
            && let Some(silence) = self.dry.replace(0)
            && silence > 0
            && !self.shared.may_end.swap(false, Acquire)
            && silence <= self.longest_hole
        {
            self.shared.underruns.fetch_add(1, Relaxed);
            self.shared.missing_samples.fetch_add(silence, Relaxed);
        }
        if let Some(silence) = &mut self.dry {
            *silence += (wanted - got) as u64;
        }
        self.shared.sounds.store(got == wanted, Release);
    }
}

/// How long a voice that is cut takes to swing out.
const FADE: std::time::Duration = std::time::Duration::from_millis(5);
/// The longest silence that is taken for a hole in what is said.
const LONGEST_HOLE: std::time::Duration = std::time::Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(samples: usize) -> Vec<f32> {
        (0..samples).map(|n| n as f32 / 48_000.0).collect()
    }

    #[test]
    fn what_waits_too_long_is_left_out_and_the_newest_is_heard() {
        let (mut playback, mut callback) = playback(Hz::K48);
        assert_eq!(playback.play(&ramp(10_000)), 10_000);
        assert_eq!(playback.leave_out_all_but(1_000), 9_000);
        let mut out = [0.0_f32; 1_000];
        callback.fill(&mut out, 1);
        // A fade of 5 ms out of what waited, then the newest.
        assert!(out[239] < ramp(240)[239] && out[240] == 9_000.0 / 48_000.0, "{} {}", out[239], out[240]);
        assert_eq!((playback.waiting(), playback.underruns()), (240, (0, 0)));
        assert_eq!(playback.leave_out_all_but(1_000), 0);
    }

    #[test]
    fn every_channel_gets_the_sound_in_the_devices_own_format_and_what_was_played_comes_back() {
        let (mut playback, mut callback) = playback(Hz::K48);
        assert_eq!(playback.play(&ramp(1_000)), 1_000);
        let mut out = [0_i16; 2 * 600];
        callback.fill(&mut out, 2);
        assert!(out.chunks(2).all(|frame| frame[0] == frame[1]));
        assert_eq!((out[0], out[2 * 480]), (0, (480.0 / 48_000.0 * 32_768.0) as i16));
        let mut rest = [7_u8; 600];
        callback.fill(&mut rest, 1);
        assert_eq!(rest[599], 128, "the silence of unsigned samples");
        let mut played = Vec::new();
        playback.take_played(&mut played);
        assert_eq!((played.len(), &played[..1_000], played[1_100]), (1_200, &ramp(1_000)[..], 0.0));
    }

    #[test]
    fn a_cut_voice_swings_out_within_five_ms_and_what_follows_is_heard_from_its_first_sample() {
        let (mut playback, mut callback) = playback(Hz::K48);
        playback.play(&[0.5; 4_800]);
        callback.fill(&mut [0.0_f32; 480], 1);
        playback.cut();
        playback.play(&[0.25; 480]);
        let mut out = [9.0_f32; 960];
        callback.fill(&mut out, 1);
        assert!(out[..240].windows(2).all(|pair| pair[1] < pair[0]), "it fades");
        assert!(out[239] < 0.01 && out[240..720].iter().all(|sample| *sample == 0.25), "{:?}", &out[238..242]);
        assert!(out[720..].iter().all(|sample| *sample == 0.0));
        assert_eq!(playback.waiting(), 0);
    }

    #[test]
    fn silence_within_a_voice_is_an_underrun_and_silence_after_it_is_none() {
        let (mut playback, mut callback) = playback(Hz::K48);
        let mut fill = |samples: usize| callback.fill(&mut vec![0.0_f32; samples], 1);
        fill(4_800);
        playback.play(&[0.5; 480]);
        fill(480);
        fill(480);
        playback.play(&[0.5; 480]);
        fill(480);
        assert_eq!(playback.underruns(), (1, 480));
        fill(48_000);
        playback.play(&[0.5; 480]);
        fill(480);
        assert_eq!(playback.underruns(), (1, 480), "a second later it is another utterance");
    }

    /// A device's thread must not wait: neither for memory nor for a lock.
    #[test]
    fn the_callbacks_ask_for_no_memory_whatever_the_other_side_does() {
        let (mut playback, mut callback) = playback(Hz::K48);
        let (mut capture, mut heard) = crate::console::capture::capture(Hz::K48);
        let (mut out, said, mut rest) = ([0_i16; 2 * 480], [7_i16; 2 * 480], Vec::with_capacity(48_000));
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..2_000 {
            match rng.u8(0..4) {
                0 => drop(playback.play(&[0.1; 1_440])),
                1 => playback.cut(),
                2 => capture.take(&mut rest),
                _ => playback.take_played(&mut rest),
            }
            rest.clear();
            let asked = allocation_counter::measure(|| {
                callback.fill(&mut out, 2);
                heard.take(&said, 2);
            });
            assert_eq!((asked.count_total, asked.count_current), (0, 0));
        }
    }
}
