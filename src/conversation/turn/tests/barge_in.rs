//! How sure words are, and what that decides.

use super::*;

fn sure_by(who: &str, text: &str, covers: Covers, confidence: f32) -> TurnInput {
    TurnInput::Text { speaker: who.into(), text: text.into(), covers, confidence: Some(confidence) }
}

/// Ada begins to speak, and is known to after 0.22 s.
fn speaks_up(play: &mut Play, from_ms: u64) {
    play.at(from_ms + 80, TurnInput::Active { speaker: "ada".into() });
    play.at(from_ms + 220, TurnInput::Began { speaker: "ada".into(), at: MS(from_ms) });
}

/// Ada hums from 3 s on, or says something that is understood no better; the pause behind it is known 0.2 s later.
fn hums(play: &mut Play, lasts_ms: u64, text: &str) {
    speaks_up(play, 3_000);
    play.at(3_380, sure_by("ada", text, Covers::Beginning, -0.7));
    let ends = 3_000 + lasts_ms;
    play.at(ends + 200, TurnInput::Paused { speaker: "ada".into(), at: MS(ends) });
    play.at(ends + 240, sure_by("ada", text, Covers::All, -0.7));
}

#[test]
fn what_an_engine_makes_of_a_hum_takes_no_turn() {
    for lasts_ms in [200, 350, 590] {
        let mut play = speaking(TurnSettings::default());
        hums(&mut play, lasts_ms, "Ma'am.");
        assert_eq!(play.when("Resume {"), Some(3_240 + lasts_ms), "{lasts_ms}: {:?}", play.said);
        assert_eq!(play.count("NothingUnderstood"), 1);
    }
    // Longer, more words than that, or before anything is heard of the agent: it is none.
    for (lasts_ms, text, taken) in [(900, "Ma'am.", 3_800), (590, "Please stop now.", 3_500)] {
        let mut play = speaking(TurnSettings::default());
        hums(&mut play, lasts_ms, text);
        assert_eq!((play.count("Resume {"), play.when("Drop")), (0, Some(taken)), "{:?}", play.said);
    }
    let mut play = Play::new(TurnSettings::default());
    play.says("ada", 0, 1_000, "Tell me a story.").pass_to(2_000);
    hums(&mut play, 350, "Tomorrow.");
    assert_eq!((play.count("TakeBack"), play.count("Resume {")), (1, 0), "{:?}", play.said);
}

#[test]
fn words_that_are_sure_take_the_turn_at_once_unless_they_may_become_a_back_channel() {
    let mut play = speaking(TurnSettings::default());
    speaks_up(&mut play, 3_000);
    play.at(3_340, sure_by("ada", "Got", Covers::Beginning, -0.1));
    play.at(3_700, TurnInput::Paused { speaker: "ada".into(), at: MS(3_500) });
    play.at(3_740, sure_by("ada", "Got it.", Covers::All, -0.1));
    assert_eq!((play.when("Resume {"), play.count("BackChannel")), (Some(3_740), 1), "{:?}", play.said);
    speaks_up(&mut play, 5_000);
    play.at(5_340, sure_by("ada", "Why", Covers::Beginning, -0.5));
    assert_eq!(play.count("Drop"), 0);
    play.at(5_460, sure_by("ada", "What is", Covers::Beginning, -0.2));
    assert_eq!(play.when("Drop"), Some(5_460));
}

#[test]
fn a_hum_that_is_taken_for_many_words_is_waited_for_and_words_that_are_less_doubtful_are_not() {
    for (confidence, taken) in [(-0.9, 3_500), (-0.5, 3_300)] {
        let mut play = speaking(TurnSettings::default());
        speaks_up(&mut play, 3_000);
        play.at(3_300, sure_by("ada", "I'm going to", Covers::Beginning, confidence));
        play.pass_to(3_600);
        assert_eq!(play.when("Drop"), Some(taken), "{confidence}: {:?}", play.said);
    }
    let mut play = speaking(TurnSettings::default());
    speaks_up(&mut play, 3_000);
    play.at(3_300, sure_by("ada", "I'm going to", Covers::Beginning, -0.9));
    play.at(3_420, sure_by("ada", "Alright.", Covers::Beginning, -0.2));
    play.at(3_600, TurnInput::Paused { speaker: "ada".into(), at: MS(3_410) });
    play.at(3_640, sure_by("ada", "Alright.", Covers::All, -0.2));
    assert_eq!((play.count("Drop"), play.count("BackChannel")), (0, 1), "{:?}", play.said);
}

#[test]
fn a_tentative_beginning_takes_the_turn_and_nobody_has_said_it() {
    for (next, told) in [
        (text_of("ada", "", Covers::StoodIn), "NotUnderstood"),
        (TurnInput::Left { speaker: "ada".into() }, "how: Left"),
    ] {
        let mut play = speaking(TurnSettings::default());
        speaks_up(&mut play, 3_000);
        play.at(3_300, sure_by("ada", "I'm not afraid", Covers::Tentative, -0.2));
        assert_eq!(play.when("Drop"), Some(3_300), "{:?}", play.said);
        play.at(4_200, TurnInput::Paused { speaker: "ada".into(), at: MS(4_000) });
        play.at(4_400, next).pass_to(9_000);
        let has = |what: &str| play.said.iter().any(|line| line.contains(what));
        assert!(has(told) && !has("afraid"), "{:?}", play.said);
    }
    // What stands already stands, and waits for the rest.
    let mut play = speaking(TurnSettings::default());
    speaks_up(&mut play, 3_000);
    play.at(3_300, sure_by("ada", "Could you tell me", Covers::Beginning, -0.2));
    play.at(3_600, sure_by("ada", "Could you tell me I'm not afraid", Covers::Tentative, -0.2));
    play.at(4_200, TurnInput::Paused { speaker: "ada".into(), at: MS(4_000) }).pass_to(9_000);
    let confirmed = play.said.iter().rfind(|line| line.contains("Confirm")).unwrap();
    assert!(confirmed.contains("Could you tell me") && !confirmed.contains("afraid"), "{confirmed}");
}

#[test]
fn confidences_are_logarithms_in_their_order() {
    let with = |sure, unsure| {
        let barge_in = BargeIn { sure, unsure, ..BargeIn::default() };
        TurnSettings { barge_in, ..TurnSettings::default() }.check().is_ok()
    };
    assert!(with(-0.4, -0.6) && with(0.0, -9.0) && with(-1.0, -1.0));
    assert!(!with(0.3, -0.6) && !with(-0.6, -0.4) && !with(f32::NAN, -0.6) && !with(-0.4, f32::NAN));
}
