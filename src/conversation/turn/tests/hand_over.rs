//! A conversation that is left to people, and taken over again.

use super::*;

/// Ada was told that a colleague will talk to her, and the agent has said so.
fn handed_over(settings: TurnSettings) -> Play {
    let mut play = speaking(settings);
    play.at(3_000, TurnInput::HandOver).at(3_000, TurnInput::Finished { reply: ReplyId(1) });
    play
}

#[test]
fn people_who_have_it_to_themselves_are_heard_and_not_answered() {
    let mut play = handed_over(TurnSettings { away_after: MS(5_000), ..TurnSettings::default() });
    play.says("bob", 4_000, 5_000, "How can I help you?").says("ada", 5_500, 6_500, "My order is late.");
    play.at(7_000, TurnInput::Wants).at(8_000, TurnInput::Began { speaker: "bob".into(), at: MS(7_900) });
    // Neither what no engine understands nor a long silence is asked about.
    play.at(9_000, TurnInput::Paused { speaker: "bob".into(), at: MS(8_900) }).pass_to(100_000);
    assert_eq!((play.count("Confirm"), play.count("Aside {"), play.count("HandedOver")), (1, 2, 1), "{:?}", play.said);
    assert_eq!(play.count("NotUnderstood") + play.count("Prompt") + play.count("Leave"), 0, "{:?}", play.said);
    assert!(play.machine.is_handed_over());
}

#[test]
fn who_calls_it_back_is_answered() {
    let called_back_by = vec!["come back".to_owned()];
    let host = FloorRule::Host("ada".into());
    let mut play = handed_over(TurnSettings { called_back_by, floor: host, ..TurnSettings::default() });
    play.says("bob", 4_000, 5_000, "Assistant, come back.").pass_to(7_000);
    assert_eq!((play.count("CalledBack"), play.count("Aside {")), (0, 1), "it is for the host to say");
    play.says("ada", 8_000, 9_000, "Please come back, assistant.").pass_to(20_000);
    assert_eq!((play.when("CalledBack"), play.count("Confirm"), play.count("Aside {")), (Some(9_230), 2, 1));
    assert_eq!(play.said.iter().rfind(|line| line.contains("Confirm")).unwrap().split(' ').next(), Some("9840"));
}

#[test]
fn what_is_being_prepared_and_what_is_heard_ends_when_it_is_handed_over() {
    let mut play = Play::new(TurnSettings::default());
    play.says("ada", 0, 1_000, "Tell me a story.").at(1_400, TurnInput::HandOver).pass_to(20_000);
    assert_eq!((play.when("TakeBack"), play.count("Confirm"), play.count("Aside {")), (Some(1_400), 0, 1));
    let mut play = speaking(TurnSettings::default());
    play.at(2_500, TurnInput::HandOver).at(2_600, TurnInput::HandOver).at(2_700, TurnInput::Wants);
    // Somebody speaks into the end of it, and is not answered.
    play.at(2_900, TurnInput::Inactive { speaker: "ada".into() }).at(3_000, TurnInput::Finished { reply: ReplyId(1) });
    play.says("ada", 3_000, 3_500, "Thank you.").pass_to(20_000);
    assert_eq!((play.when("HandedOver"), play.count("HandedOver"), play.count("Drop")), (Some(3_000), 1, 0));
    assert_eq!((play.count("Confirm"), play.count("Aside {")), (1, 1), "{:?}", play.said);
}

#[test]
fn who_has_spoken_into_the_last_words_is_a_bystander() {
    let barge_in = BargeIn { allowed: false, ..BargeIn::default() };
    let mut play = speaking(TurnSettings { barge_in, ..TurnSettings::default() });
    play.says("ada", 2_500, 3_000, "Thank you.").pass_to(5_000);
    play.at(5_000, TurnInput::HandOver).at(5_000, TurnInput::Finished { reply: ReplyId(1) }).pass_to(20_000);
    assert_eq!((play.count("Confirm"), play.when("HandedOver"), play.count("Aside {")), (1, Some(5_000), 1));
}

#[test]
fn what_calls_it_back_is_answered_whatever_else_a_turn_must_have() {
    let called_back_by = vec!["assistant".to_owned()];
    let named = FloorRule::Addressed(vec!["Jarvis".into()]);
    for settings in [
        TurnSettings { floor: named, ..TurnSettings::default() },
        TurnSettings { least_words: 2, ..TurnSettings::default() },
    ] {
        let mut play = Play::new(TurnSettings { called_back_by: called_back_by.clone(), ..settings });
        play.at(0, TurnInput::HandOver);
        play.says("ada", 1_000, 2_000, "Assistant!").pass_to(9_000);
        assert_eq!((play.count("CalledBack"), play.count("Confirm")), (1, 1), "{:?}", play.said);
        play.at(9_000, TurnInput::Finished { reply: ReplyId(1) });
        play.says("ada", 10_000, 11_000, "Fine.").pass_to(20_000);
        assert_eq!(play.count("Confirm"), 1, "the next turn is one as ever");
    }
}

#[test]
fn the_agent_may_take_over_again_by_itself() {
    let mut play = handed_over(TurnSettings::default());
    play.at(4_000, TurnInput::TakeOver).at(4_000, TurnInput::Wants).pass_to(5_000);
    assert_eq!((play.when("TakenOver"), play.count("Confirm")), (Some(4_000), 2));
}
