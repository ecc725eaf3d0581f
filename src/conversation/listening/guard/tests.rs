//! What is a voice, and what is none.

use super::*;
use crate::conversation::{
    listening::{Earshot, VoiceActivity},
    testing::{CALL_TONES, HOLD_MUSIC, call_tone, hold_music, louder, through_telephone},
};

/// How many frames the detector fires on, and how many are part of a voice.
fn heard(sound: &[i16]) -> (usize, usize) {
    let (mut detector, mut guard) = (Earshot::default(), Guard::default());
    let (mut fired, mut voice) = (0, 0);
    for frame in sound.chunks_exact(FRAME) {
        let score = detector.probability(frame);
        fired += usize::from(score >= FIRES);
        voice += usize::from(matches!(guard.judge(frame, score), Verdict::Voice { .. }));
    }
    (fired, voice)
}

#[test]
fn a_call_tone_is_no_voice_though_the_detector_fires() {
    let mut fired = 0;
    for name in CALL_TONES {
        let tone = call_tone(name);
        for sound in [through_telephone(&tone), louder(&tone, -20.0), tone] {
            let (fires, voice) = heard(&sound);
            fired += fires;
            assert_eq!(voice, 0, "{name}");
        }
    }
    assert!(fired > 1_000, "the detector fired on {fired} frames only, so there was nothing to keep out");
}

#[test]
fn of_hold_music_next_to_nothing_is_a_voice() {
    let (mut fired, mut voices) = (0, 0);
    for kind in HOLD_MUSIC {
        let (fires, voice) = heard(&hold_music(kind, 20.0));
        println!("{kind}: {fires} fired, {voice} voice");
        fired += fires;
        voices += voice;
    }
    assert!(fired > 4_000 && voices * 40 < fired, "{voices} of {fired}");
}
