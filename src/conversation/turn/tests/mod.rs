mod barge_in;
mod hand_over;
mod properties;
mod reference;

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A conversation on made-up time: inputs by hand, and what came of them as lines.
struct Play {
    machine: TurnMachine,
    now: Duration,
    said: Vec<String>,
}

impl Play {
    fn new(settings: TurnSettings) -> Play {
        Play { machine: TurnMachine::new(settings), now: Duration::ZERO, said: Vec::new() }
    }

    fn at(&mut self, ms: u64, input: TurnInput) -> &mut Play {
        self.pass_to(ms);
        self.machine.handle(self.now, input);
        self.write();
        self
    }

    /// Lets time pass, each deadline at its moment.
    fn pass_to(&mut self, ms: u64) -> &mut Play {
        while let Some(at) = self.machine.deadline().filter(|at| *at <= MS(ms)) {
            self.now = at.max(self.now);
            self.machine.handle(self.now, TurnInput::Tick);
            self.write();
        }
        self.now = MS(ms);
        self
    }

    fn write(&mut self) {
        let now = self.now.as_millis();
        // With the words, which `Debug` does not show.
        let line = |order: &Order| match order {
            Order::Tell { event } => format!("{now} {event:?}"),
            order => format!("{now} {order:?} {}", serde_json::to_string(order).unwrap()),
        };
        let orders: Vec<Order> = self.machine.orders().collect();
        self.said.extend(orders.iter().map(line));
    }

    fn says(&mut self, who: &str, from: u64, to: u64, text: &str) -> &mut Play {
        self.at(from + 80, TurnInput::Active { speaker: who.into() });
        self.at(from + 120, TurnInput::Began { speaker: who.into(), at: MS(from) });
        self.at(to + 160, TurnInput::Paused { speaker: who.into(), at: MS(to) });
        self.at(to + 230, text_of(who, text, Covers::All))
    }

    /// When the first line that has this was written.
    fn when(&self, what: &str) -> Option<u64> {
        let line = self.said.iter().find(|line| line.contains(what))?;
        line.split(' ').next()?.parse().ok()
    }

    fn count(&self, what: &str) -> usize {
        self.said.iter().filter(|line| line.contains(what)).count()
    }
}

fn text_of(who: &str, text: &str, covers: Covers) -> TurnInput {
    TurnInput::Text { speaker: who.into(), text: text.into(), covers, confidence: None }
}

fn hint(who: &str, complete: f32) -> TurnInput {
    TurnInput::Hint { speaker: who.into(), complete }
}

fn answered(settings: TurnSettings, complete: Option<f32>) -> u64 {
    let mut play = Play::new(settings);
    play.says("ada", 0, 1_000, "What time is it?");
    if let Some(complete) = complete {
        play.at(1_240, hint("ada", complete));
    }
    play.pass_to(5_000).when("Confirm").unwrap()
}

#[test]
fn the_delay_follows_from_how_whole_the_turn_seems() {
    let settings = TurnSettings::default();
    assert_eq!(answered(settings.clone(), Some(0.9)), 1_590);
    assert_eq!(answered(settings.clone(), None), 1_840);
    assert_eq!(answered(settings.clone(), Some(0.1)), 2_200);
    let fixed = TurnSettings { end_delay: EndDelay::fixed(MS(800)), ..settings };
    assert_eq!(answered(fixed.clone(), Some(0.1)), 1_800);
    assert_eq!(answered(fixed, Some(0.9)), 1_800);
}

#[test]
fn a_hint_that_comes_when_its_turn_is_over_says_nothing_about_the_next_one() {
    let mut play = Play::new(TurnSettings::default());
    play.says("ada", 0, 1_000, "What time is it?").pass_to(2_000);
    play.at(2_000, hint("ada", 0.0)).at(2_100, TurnInput::Finished { reply: ReplyId(1) });
    play.says("ada", 4_000, 5_000, "And in Tokyo?").pass_to(9_000);
    assert_eq!(play.said.iter().rfind(|line| line.contains("Confirm")).unwrap().split(' ').next(), Some("5840"));
}

/// When somebody is answered who has made four pauses of so many milliseconds, and pauses at 10 s.
fn answered_after_pauses_of(ms: u64) -> u64 {
    let mut play = Play::new(TurnSettings::default());
    play.at(100, TurnInput::Began { speaker: "ada".into(), at: MS(0) });
    for n in 1..=4 {
        play.at(n * 2_000, TurnInput::Paused { speaker: "ada".into(), at: MS(n * 2_000 - 160) });
        play.at(n * 2_000 + ms - 160, TurnInput::WentOn { speaker: "ada".into() });
    }
    play.at(10_160, TurnInput::Paused { speaker: "ada".into(), at: MS(10_000) });
    play.at(10_230, text_of("ada", "So here we are", Covers::All));
    play.pass_to(20_000).when("Confirm").unwrap()
}

/// A delay that is learned may end within a microsecond.
#[test]
fn what_is_due_is_done_when_it_is_told_of_that_time() {
    let mut play = Play::new(TurnSettings::default());
    play.at(100, TurnInput::Began { speaker: "ada".into(), at: MS(0) });
    for (n, pause) in (1..).zip([901, 1_033, 877, 1_109, 923, 951, 1_007]) {
        play.at(n * 3_000, TurnInput::Paused { speaker: "ada".into(), at: MS(n * 3_000) });
        let mut machine = play.machine.clone();
        machine.handle(MS(n * 3_000 + 1), text_of("ada", "So here we are", Covers::All));
        let due = machine.deadline().unwrap();
        machine.handle(due, TurnInput::Tick);
        assert!(machine.orders().any(|order| matches!(order, Order::Confirm { .. })), "{due:?}");
        play.at(n * 3_000 + pause, TurnInput::WentOn { speaker: "ada".into() });
    }
}

#[test]
fn a_speaker_who_makes_long_pauses_is_given_more_time() {
    assert_eq!(answered_after_pauses_of(600), 10_840, "0.84 s are waited anyway");
    assert!((10_990..=11_200).contains(&answered_after_pauses_of(1_000)));
}

#[test]
fn a_reply_is_prepared_at_the_pause_and_taken_back_if_it_goes_on() {
    let mut play = Play::new(TurnSettings::default());
    play.says("ada", 0, 1_000, "I would like to book");
    assert_eq!(play.when("Prepare"), Some(1_230));
    play.at(1_400, TurnInput::WentOn { speaker: "ada".into() });
    assert_eq!(play.when("TakeBack"), Some(1_400));
    play.at(2_160, TurnInput::Paused { speaker: "ada".into(), at: MS(2_000) });
    play.at(2_230, text_of("ada", "I would like to book a table.", Covers::All));
    play.pass_to(9_000);
    assert_eq!(play.count("Confirm"), 1);
    assert!(play.said.iter().any(|line| line.contains("Confirm") && line.contains("a table")), "{:?}", play.said);
}

#[test]
fn no_turn_is_left_in_silence_whatever_the_text_does() {
    for (text, order) in [
        (None, "NotUnderstood"),
        (Some(text_of("ada", "", Covers::All)), "how: Empty"),
        (Some(text_of("ada", "", Covers::StoodIn)), "NotUnderstood"),
        (Some(text_of("ada", "What is", Covers::StoodIn)), "\"stood_in\":true"),
        (Some(text_of("ada", "What is", Covers::Beginning)), "\"stood_in\":true"),
    ] {
        let mut play = Play::new(TurnSettings::default());
        play.at(100, TurnInput::Began { speaker: "ada".into(), at: MS(0) });
        play.at(1_160, TurnInput::Paused { speaker: "ada".into(), at: MS(1_000) });
        if let Some(text) = text {
            play.at(1_200, text);
        }
        play.pass_to(9_000);
        assert!(play.when(order).is_some_and(|at| at <= 3_000), "{order}: {:?}", play.said);
    }
}

/// The agent speaks from 2 s on, and Ada says something at 3 s.
fn speaking(settings: TurnSettings) -> Play {
    let mut play = Play::new(settings);
    play.says("ada", 0, 1_000, "Tell me a story.").pass_to(2_000);
    play.at(2_000, TurnInput::Speaks { reply: ReplyId(1) });
    play
}

#[test]
fn who_speaks_up_silences_the_agent_at_once_and_words_take_the_turn() {
    let mut play = speaking(TurnSettings::default());
    play.at(3_080, TurnInput::Active { speaker: "ada".into() });
    assert_eq!(play.when("Pause {"), Some(3_080));
    play.at(3_120, TurnInput::Began { speaker: "ada".into(), at: MS(3_000) });
    play.at(3_400, text_of("ada", "Wait a", Covers::Beginning));
    play.pass_to(3_700);
    assert_eq!((play.when("Drop"), play.when("AgentInterrupted")), (Some(3_500), Some(3_500)));
    play.at(4_160, TurnInput::Paused { speaker: "ada".into(), at: MS(4_000) });
    play.at(4_230, text_of("ada", "Wait a minute.", Covers::All)).pass_to(9_000);
    assert_eq!(play.count("Confirm"), 2);
}

#[test]
fn back_channels_and_coughs_let_it_go_on() {
    let mut play = speaking(TurnSettings::default());
    play.says("ada", 3_000, 3_400, "Mm-hmm.");
    assert_eq!(play.when("Resume {"), Some(3_630));
    play.at(5_000, TurnInput::Active { speaker: "bob".into() });
    play.at(5_200, TurnInput::Inactive { speaker: "bob".into() });
    assert_eq!((play.count("Pause {"), play.count("Resume {"), play.count("Drop")), (2, 2, 0));
    // A detector that fires for ever silences it for a while, once.
    play.at(6_000, TurnInput::Active { speaker: "bob".into() }).pass_to(30_000);
    assert_eq!((play.count("Pause {"), play.count("Resume {")), (3, 3));
    play.at(40_000, TurnInput::Finished { reply: ReplyId(1) });
    assert_eq!(play.count("Confirm"), 1, "{:?}", play.said);
}

#[test]
fn the_first_words_are_protected_if_that_is_set_and_what_was_said_into_them_counts() {
    let barge_in = BargeIn { protected: MS(3_000), ..BargeIn::default() };
    let mut play = speaking(TurnSettings { barge_in, ..TurnSettings::default() });
    play.at(3_080, TurnInput::Active { speaker: "ada".into() });
    play.at(3_120, TurnInput::Began { speaker: "ada".into(), at: MS(3_000) });
    play.at(3_400, text_of("ada", "Wait a", Covers::Beginning)).pass_to(4_990);
    assert_eq!(play.count("Pause {"), 0);
    play.pass_to(5_010);
    assert_eq!((play.when("Pause {"), play.when("Drop")), (Some(5_000), Some(5_000)));
}

#[test]
fn whoever_goes_on_before_anything_is_heard_goes_on_with_the_same_turn() {
    let mut play = Play::new(TurnSettings::default());
    play.says("ada", 0, 1_000, "Tell me a story.").pass_to(1_900);
    play.says("ada", 1_950, 3_000, "About a fox.").pass_to(9_000);
    assert_eq!((play.count("Confirm"), play.count("TakeBack { reply: ReplyId(1) }")), (2, 1));
    assert!(play.said.iter().any(|line| line.contains("Confirm") && line.contains("Tell me a story. About a fox.")));
}

#[test]
fn rules_say_who_may_speak_and_what_others_say_is_kept() {
    let first = TurnSettings { floor: FloorRule::FirstSpeaker, ..TurnSettings::default() };
    let host = TurnSettings { floor: FloorRule::Host("Ada".into()), ..TurnSettings::default() };
    let called = TurnSettings { floor: FloorRule::Addressed(vec!["Jarvis".into()]), ..TurnSettings::default() };
    for settings in [first, host, called] {
        let rule = format!("{:?}", settings.floor);
        let mut play = Play::new(settings);
        play.at(0, TurnInput::Named { speaker: "p1".into(), name: "Ada".into() });
        play.says("p1", 0, 1_000, "Jarvis, what time is it?").pass_to(2_000);
        play.at(2_000, TurnInput::Speaks { reply: ReplyId(1) });
        play.says("bob", 2_500, 3_000, "I had no idea that it talks.");
        assert_eq!((play.count("Confirm"), play.count("Pause {")), (1, 0), "{rule}: {:?}", play.said);
        play.at(5_000, TurnInput::Finished { reply: ReplyId(1) }).pass_to(9_000);
        assert_eq!((play.count("Confirm"), play.count("Aside {")), (1, 1), "{rule}: {:?}", play.said);
        play.says("p1", 9_000, 9_500, "Thank you, Jarvis.").pass_to(20_000);
        assert_eq!(play.count("Confirm"), 2, "{rule}");
    }
}

#[test]
fn it_speaks_first_if_it_wants_and_leaves_when_it_has_spoken() {
    let mut play = Play::new(TurnSettings::default());
    play.at(0, TurnInput::Wants);
    assert_eq!(play.when("Confirm"), Some(0));
    play.at(200, TurnInput::Speaks { reply: ReplyId(1) }).at(300, TurnInput::End);
    assert_eq!(play.count("Leave"), 0);
    play.at(2_000, TurnInput::Finished { reply: ReplyId(1) });
    assert_eq!((play.when("Leave"), play.machine.deadline()), (Some(2_000), None));
}

#[test]
fn people_who_are_away_are_asked_and_then_left() {
    let settings = TurnSettings { away_after: MS(15_000), ..TurnSettings::default() };
    let mut play = Play::new(settings);
    play.at(0, TurnInput::Tick).pass_to(15_000);
    play.at(15_200, TurnInput::Speaks { reply: ReplyId(1) }).at(16_000, TurnInput::Finished { reply: ReplyId(1) });
    play.pass_to(31_000).at(31_200, TurnInput::Finished { reply: ReplyId(2) }).pass_to(60_000);
    assert_eq!((play.count("Prompt"), play.when("Leave")), (2, Some(46_200)));
}

#[test]
fn what_never_comes_and_what_never_ends_is_given_up() {
    let mut play = Play::new(TurnSettings::default());
    play.says("ada", 0, 1_000, "Hello.").pass_to(30_000);
    assert_eq!(play.when("ReplyOverdue"), Some(11_840));
    let mut play = speaking(TurnSettings { longest: MS(400_000), ..TurnSettings::default() });
    play.pass_to(500_000);
    assert_eq!((play.when("ReplyOverdue"), play.when("Leave")), (Some(302_000), Some(400_080)));
}

/// The same conversation under each policy: what is said, agreed to, interrupted, left. Settings that change change their log;
/// `ROOMTONE_WRITE_DOCS=1 cargo test --lib turn::` writes them anew.
#[test]
fn each_policy_has_its_log() {
    let barge_in = |barge_in| TurnSettings { barge_in, ..TurnSettings::default() };
    let floor = |floor| TurnSettings { floor, ..TurnSettings::default() };
    let away = TurnSettings { away_after: MS(6_000), idle_prompts: 1, ..TurnSettings::default() };
    let policies = [
        ("default", TurnSettings::default()),
        ("fixed-delay", TurnSettings { end_delay: EndDelay::fixed(MS(800)), ..TurnSettings::default() }),
        ("no-early-reply", TurnSettings { early_reply: false, ..TurnSettings::default() }),
        ("no-barge-in", barge_in(BargeIn { allowed: false, ..BargeIn::default() })),
        ("protected", barge_in(BargeIn { protected: MS(2_500), ..BargeIn::default() })),
        ("any-speech", barge_in(BargeIn { words: 0, ..BargeIn::default() })),
        ("first-speaker", floor(FloorRule::FirstSpeaker)),
        ("host", floor(FloorRule::Host("bob".into()))),
        ("addressed", floor(FloorRule::Addressed(vec!["Jarvis".into()]))),
        ("away", away),
        ("handed-over", TurnSettings { called_back_by: vec!["Jarvis".into()], ..TurnSettings::default() }),
    ];
    for (name, settings) in policies {
        let log = played(settings.clone(), name == "handed-over");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/turns/{name}.jsonl"));
        if std::env::var_os("ROOMTONE_WRITE_DOCS").is_some() {
            std::fs::write(&path, &log).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(log, golden, "{name}");
        assert_eq!(replay(&golden, settings).unwrap(), golden, "{name}");
    }
}

fn played(settings: TurnSettings, is_handed_over: bool) -> String {
    let (mut machine, mut log) = (TurnMachine::new(settings), TurnLog::new(Vec::new()));
    let mut feed = |machine: &mut TurnMachine, at: u64, input: TurnInput| {
        // What is due comes as a tick, as a driver would tell it.
        while let Some(due) = machine.deadline().filter(|due| *due < MS(at)) {
            log.input(due, &TurnInput::Tick).unwrap();
            machine.handle(due, TurnInput::Tick);
            machine.orders().for_each(|order| log.order(due, &order).unwrap());
        }
        log.input(MS(at), &input).unwrap();
        machine.handle(MS(at), input);
        machine.orders().for_each(|order| log.order(MS(at), &order).unwrap());
    };
    let says = |who: &str, from: u64, to: u64, text: &str| {
        let speaker = || PeerId::from(who);
        vec![
            (from + 80, TurnInput::Active { speaker: speaker() }),
            (from + 120, TurnInput::Began { speaker: speaker(), at: MS(from) }),
            (
                from + 350,
                TurnInput::Text {
                    speaker: speaker(),
                    text: text.split(' ').next().unwrap().into(),
                    covers: Covers::Beginning,
                    confidence: None,
                },
            ),
            (to + 192, TurnInput::Paused { speaker: speaker(), at: MS(to) }),
            (
                to + 260,
                TurnInput::Text { speaker: speaker(), text: text.into(), covers: Covers::All, confidence: None },
            ),
            (to + 261, TurnInput::Hint { speaker: speaker(), complete: 1.0 }),
        ]
    };
    let mut inputs = vec![(0, TurnInput::Wants), (300, TurnInput::Speaks { reply: ReplyId(1) })];
    inputs.push((1_000, TurnInput::Finished { reply: ReplyId(1) }));
    inputs.extend(says("ada", 2_000, 3_000, "Jarvis, tell me"));
    inputs.push((3_300, TurnInput::WentOn { speaker: "ada".into() }));
    inputs.extend(says("ada", 3_300, 4_000, "Jarvis, tell me a story.").split_off(3));
    (2..=9).for_each(|n| inputs.push((4_800 + n, TurnInput::Speaks { reply: ReplyId(n) })));
    inputs.extend(says("ada", 6_000, 6_400, "Mm-hmm."));
    inputs.extend(says("bob", 8_000, 9_000, "What is it talking about?"));
    (2..=9).for_each(|n| inputs.push((10_200 + n, TurnInput::Speaks { reply: ReplyId(n) })));
    (2..=9).for_each(|n| inputs.push((14_000 + n, TurnInput::Finished { reply: ReplyId(n) })));
    inputs.push((15_000, TurnInput::Left { speaker: "bob".into() }));
    if is_handed_over {
        inputs.insert(inputs.iter().position(|(at, _)| *at > 7_000).unwrap(), (7_000, TurnInput::HandOver));
        inputs.extend(says("ada", 20_000, 21_000, "Jarvis, are you there?"));
    }
    inputs.push((40_000, TurnInput::End));
    inputs.into_iter().for_each(|(at, input)| feed(&mut machine, at, input));
    String::from_utf8(log.into_inner()).unwrap()
}

#[test]
fn who_is_told_to_be_silent_says_no_more_and_listens() {
    let mut play = Play::new(TurnSettings::default());
    play.at(0, TurnInput::Silence).at(100, TurnInput::Wants).at(300, TurnInput::Speaks { reply: ReplyId(1) });
    assert!(play.machine.is_agents());
    play.at(900, TurnInput::Wants).at(1_000, TurnInput::Silence);
    assert!(!play.machine.is_agents());
    // What it had to say by then is over; what comes behind that is said.
    play.at(1_100, TurnInput::Finished { reply: ReplyId(1) }).at(1_200, TurnInput::Wants);
    assert!(play.machine.is_agents());
}

#[test]
fn a_log_may_reach_into_the_far_future() {
    let log = "{\"at_s\":1.0,\"input\":\"tick\"}\n{\"at_s\":400000000.0,\"input\":\"tick\"}\n";
    assert_eq!(replay(log, TurnSettings::default()).unwrap(), log);
}
