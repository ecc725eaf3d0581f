//! What becomes of frames.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{agent::testing::Microphone, conversation::Spoken, event::VoiceActivity as PlatformEvent};

/// Loud is speech.
struct Loud;

impl VoiceActivity for Loud {
    fn block_samples(&self) -> usize {
        256
    }

    fn probability(&mut self, block: &[i16]) -> f32 {
        if block.iter().any(|sample| sample.unsigned_abs() > 1_000) { 0.9 } else { 0.0 }
    }

    fn reset(&mut self) {}
}

struct LoudParts;

impl Parts for LoudParts {
    fn voice_activity(&self) -> Box<dyn VoiceActivity> {
        Box::new(Loud)
    }
}

fn settings() -> ListeningSettings {
    ListeningSettings { keep_music_out: false, parts: Arc::new(LoudParts), ..ListeningSettings::default() }
}

fn voice(samples: usize) -> Vec<i16> {
    (0..samples).map(|n| if n % 2 == 0 { 5_000 } else { -5_000 }).collect()
}

fn seconds(s: f64) -> usize {
    (s * 16_000.0) as usize
}

fn hear(listener: &mut Listener, inputs: impl IntoIterator<Item = Input>) -> Vec<Heard> {
    let mut heard = Vec::new();
    inputs.into_iter().for_each(|input| listener.handle(&input, |what| heard.push(what)));
    heard
}

fn ended(heard: &[Heard]) -> Vec<&Utterance> {
    heard.iter().filter_map(|what| if let Heard::Ended(utterance) = what { Some(utterance) } else { None }).collect()
}

#[test]
fn an_utterance_has_what_came_before_and_its_times() {
    let (mut listener, mut ada) = (Listener::new(settings()), Microphone::new("ada", Spoken::RATE));
    let said = [vec![3; seconds(1.0)], voice(seconds(1.0)), vec![3; seconds(1.0)]].concat();
    let heard = hear(&mut listener, ada.say(&said));
    let [Heard::Active(_), Heard::Began(_, UtteranceId(0), _), Heard::Paused(_, _, paused), Heard::Ended(_)] =
        &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(*paused, Duration::from_secs(2), "since the last sound");
    let [utterance] = ended(&heard)[..] else { panic!("{heard:?}") };
    assert_eq!((utterance.source.peer.as_str(), utterance.end), ("ada", End::Pause));
    let near = |time: Duration, s: f64| (time.as_secs_f64() - s).abs() < 0.02;
    assert!(near(utterance.speech_began(), 1.0) && near(utterance.speech_ended(), 2.0), "{utterance:?}");
    assert!(near(utterance.begins, 0.6) && near(utterance.lasts(), 0.4 + 1.0 + 0.4), "{utterance:?}");
    let from = (utterance.begins.as_secs_f64() * 16_000.0).round() as usize;
    assert_eq!(utterance.samples, said[from..from + utterance.samples.len()]);
}

#[test]
fn a_mute_in_mid_word_ends_it_and_a_short_hole_does_not() {
    let (mut listener, mut ada) = (Listener::new(settings()), Microphone::new("ada", Spoken::RATE));
    let mut inputs = ada.say(&voice(seconds(0.5)));
    inputs.push(ada.miss(Duration::from_millis(200)));
    inputs.extend(ada.say(&voice(seconds(0.5))));
    inputs.push(ada.pause());
    let heard = hear(&mut listener, inputs);
    let [utterance] = ended(&heard)[..] else { panic!("{heard:?}") };
    assert_eq!((utterance.end, utterance.samples.len()), (End::Stopped, seconds(1.2)));
    assert_eq!(utterance.gaps, [(seconds(0.5), seconds(0.2))]);
    assert!(utterance.samples[seconds(0.5)..seconds(0.7)].iter().all(|sample| *sample == 0));
    // It goes on, far behind: another utterance, with nothing of the first in it.
    let mut inputs = vec![ada.miss(Duration::from_secs(3))];
    inputs.extend(ada.say(&voice(seconds(0.4))));
    inputs.push(ada.leave());
    let heard = hear(&mut listener, inputs);
    let [utterance] = ended(&heard)[..] else { panic!("{heard:?}") };
    assert_eq!((utterance.id, utterance.end, utterance.samples.len()), (UtteranceId(1), End::Left, seconds(0.4)));
}

#[test]
fn a_lost_link_without_a_pause_told_ends_it_when_sound_comes_again() {
    let (mut listener, mut ada) = (Listener::new(settings()), Microphone::new("ada", Spoken::RATE));
    let mut inputs = ada.say(&voice(seconds(0.5)));
    inputs.push(ada.miss(Duration::from_secs(20)));
    inputs.extend(ada.say(&vec![0; 320]));
    let heard = hear(&mut listener, inputs);
    let [utterance] = ended(&heard)[..] else { panic!("{heard:?}") };
    assert_eq!((utterance.end, utterance.samples.len()), (End::Stopped, seconds(0.5)));
}

#[test]
fn who_speaks_for_long_is_cut_into_parts_that_join() {
    let (mut listener, mut ada) = (Listener::new(settings()), Microphone::new("ada", Spoken::RATE));
    let said = [voice(seconds(40.0)), vec![0; seconds(1.0)]].concat();
    let heard = hear(&mut listener, ada.say(&said));
    let parts = ended(&heard);
    assert_eq!(parts.iter().map(|part| part.end).collect::<Vec<_>>(), [End::Cut, End::Cut, End::Cut, End::Pause]);
    let began: Vec<u64> =
        heard.iter().filter_map(|what| if let Heard::Began(_, id, _) = what { Some(id.0) } else { None }).collect();
    assert_eq!(began, [0, 1, 2, 3]);
    let all: Vec<i16> = parts.iter().flat_map(|part| part.samples.clone()).collect();
    assert_eq!(all[..seconds(40.0)], said[..seconds(40.0)]);
    assert!(parts.windows(2).all(|pair| pair[0].begins + pair[0].lasts() == pair[1].begins));
}

#[test]
fn the_platforms_word_may_be_wanted() {
    let activity = ActivitySettings { platform: PlatformVoice::Require, ..ActivitySettings::default() };
    let mut listener = Listener::new(ListeningSettings { activity, ..settings() });
    let mut ada = Microphone::new("ada", Spoken::RATE);
    let says = |ada: &Microphone, speaking| {
        let (peer, track) = (ada.source().peer.clone(), Some(ada.source().track.clone()));
        Input::Event(PlatformEvent { peer, track, speaking }.into())
    };
    let mut inputs = ada.say(&[0; 320]);
    inputs.push(says(&ada, false));
    inputs.extend(ada.say(&voice(seconds(0.5))));
    assert!(hear(&mut listener, inputs).is_empty(), "it says that nobody speaks");
    let mut inputs = vec![says(&ada, true)];
    inputs.extend(ada.say(&voice(seconds(0.5))));
    let heard = hear(&mut listener, inputs);
    assert!(matches!(heard[..], [Heard::Active(_), Heard::Began(..)]), "{heard:?}");
}

#[test]
fn what_is_closed_is_over_and_what_follows_is_another_utterance() {
    let (mut listener, mut ada) = (Listener::new(settings()), Microphone::new("ada", Spoken::RATE));
    let mut heard = hear(&mut listener, ada.say(&[voice(seconds(1.0)), vec![3; seconds(0.3)]].concat()));
    listener.close(&"ada".into(), |what| heard.push(what));
    let [first] = ended(&heard)[..] else { panic!("{heard:?}") };
    assert_eq!((first.id, first.end), (UtteranceId(0), End::Pause));
    listener.close(&"ada".into(), |what| panic!("there is nothing to close: {what:?}"));
    let heard = hear(&mut listener, ada.say(&[voice(seconds(1.0)), vec![3; seconds(1.0)]].concat()));
    let [second] = ended(&heard)[..] else { panic!("{heard:?}") };
    assert!(second.id == UtteranceId(1) && second.begins >= Duration::from_millis(1_000), "{second:?}");
}

proptest! {
    /// Whatever is said, missed and paused, in frames of any length: no sample is in two utterances, each is at its place, and
    /// all that was loud for long enough is in one.
    #[test]
    fn every_sample_of_speech_is_in_one_utterance(pieces in proptest::collection::vec((0_u8..4, 1_usize..40_000), 1..12)) {
        let (mut listener, mut ada) = (Listener::new(settings()), Microphone::new("ada", Spoken::RATE));
        let (mut inputs, mut track, mut pauses) = (Vec::new(), Vec::<i16>::new(), Vec::new());
        for (what, length) in pieces {
            match what {
                0 => {
                    inputs.push(ada.miss(Spoken::RATE.duration_of(length as u64)));
                    let to = track.len() + Spoken::RATE.samples_in(Spoken::RATE.duration_of(length as u64));
                    track.resize(to, 0);
                }
                1 => {
                    inputs.extend(ada.say(&vec![1; length]));
                    track.resize(track.len() + length, 1);
                }
                2 => {
                    inputs.push(ada.pause());
                    pauses.push(track.len());
                }
                _ => {
                    let said = voice(length);
                    inputs.extend(ada.say(&said));
                    track.extend(said);
                }
            }
        }
        inputs.push(ada.leave());
        let heard = hear(&mut listener, inputs);
        let began = heard.iter().filter(|what| matches!(what, Heard::Began(..))).count();
        let utterances = ended(&heard);
        prop_assert_eq!(began, utterances.len());
        let mut end = 0;
        let mut spoken = vec![false; track.len()];
        for utterance in utterances {
            let from = (utterance.begins.as_secs_f64() * 16_000.0).round() as usize;
            prop_assert!(from + utterance.pre_roll >= end, "{:?} begins before {end}", utterance);
            prop_assert_eq!(&utterance.samples[..], &track[from..from + utterance.samples.len()]);
            end = from + utterance.speech_ends;
            spoken[from..from + utterance.samples.len()].fill(true);
        }
        // A stretch that is long enough for any detector is in one of them, but for a block at its edges.
        let loud = |n: usize| track[n].unsigned_abs() > 1_000;
        let mut n = 0;
        while n < track.len() {
            let length = (n..track.len()).take_while(|at| loud(*at) && (*at == n || !pauses.contains(at))).count();
            if length > 4_096 {
                prop_assert!(spoken[n + 512..n + length - 512].iter().all(|is| *is), "from {n}, {length} samples");
            }
            n += length.max(1);
        }
    }
}
