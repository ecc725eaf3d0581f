//! The same rules once more, for one person, as plainly as they can be put: a table of what is due, looked at in every millisecond.
//! Whatever happens in whichever order, the machine orders the same at the same times.

use proptest::prelude::*;

use super::*;

/// What happens next, after so many milliseconds. Which reply is meant follows from what was ordered.
#[derive(Debug, Clone)]
enum Happens {
    Active,
    Inactive,
    Began { ago: u64 },
    Paused { ago: u64 },
    WentOn,
    Text { words: &'static str, covers: Covers, confidence: Option<f32> },
    Hint { complete: f32 },
    Wants,
    Silence,
    Speaks,
    Finished,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mouth {
    Closed,
    Open,
    /// Silent since then.
    Resting(u64),
}

#[derive(Debug, Clone, PartialEq)]
enum Turn {
    Nobodys,
    Theirs { since: u64, rests: bool },
    Agents { since: u64, heard: bool, doubt: Option<u64> },
}

/// One person and the agent.
#[derive(Debug, Clone)]
struct Reference {
    rules: TurnSettings,
    now: u64,
    turn: Turn,
    mouth: Mouth,
    begins: u64,
    /// The detector fires; it does and was found to mean nothing.
    fires: bool,
    is_dismissed: bool,
    text: Option<(&'static str, Covers, Option<f32>)>,
    /// What of it was said.
    stands: &'static str,
    hint: Option<f32>,
    /// What was to be answered and was not, with when it began.
    unanswered: Option<(String, u64)>,
    /// What the agent's turn answers; nothing where it speaks by itself.
    answers: Option<(String, u64)>,
    wants: u32,
    reply: u64,
    seen: Vec<String>,
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Of the words that are used here only this one says nothing.
fn says_something(text: &str) -> usize {
    text.split_whitespace().filter(|word| *word != "mhm").count()
}

impl Reference {
    fn new(rules: TurnSettings) -> Reference {
        Reference {
            rules,
            now: 0,
            turn: Turn::Nobodys,
            mouth: Mouth::Closed,
            begins: 0,
            fires: false,
            is_dismissed: false,
            text: None,
            stands: "",
            hint: None,
            unanswered: None,
            answers: None,
            wants: 0,
            reply: 0,
            seen: Vec::new(),
        }
    }

    fn see(&mut self, what: &str) {
        self.seen.push(format!("{} {what}", self.now));
    }

    fn take(&mut self, happens: &Happens) {
        match *happens {
            Happens::Active if !self.fires && !self.is_dismissed => self.fires = true,
            Happens::Active => {}
            Happens::Inactive => (self.fires, self.is_dismissed) = (false, false),
            Happens::Began { ago } => {
                if self.mouth == Mouth::Closed {
                    (self.begins, self.mouth) = (self.now.saturating_sub(ago), Mouth::Open);
                }
                self.go_on();
            }
            Happens::Paused { ago } => {
                (self.fires, self.is_dismissed) = (false, false);
                if self.mouth != Mouth::Closed {
                    self.mouth = Mouth::Resting(self.now.saturating_sub(ago));
                }
            }
            Happens::WentOn => self.go_on(),
            Happens::Text { words, covers, confidence } if self.mouth != Mouth::Closed => {
                self.text = Some((words, covers, confidence));
                self.stands = if covers == Covers::Tentative { self.stands } else { words };
            }
            Happens::Text { .. } => {}
            Happens::Hint { complete } if self.mouth != Mouth::Closed => self.hint = Some(complete),
            Happens::Hint { .. } => {}
            Happens::Wants => self.wants += 1,
            Happens::Silence => {
                self.wants = 0;
                if matches!(self.turn, Turn::Agents { .. }) {
                    self.see(&format!("drop {}", self.reply));
                    self.turn = Turn::Nobodys;
                }
            }
            Happens::Speaks => match &mut self.turn {
                Turn::Agents { heard, doubt: Some(_), .. } => *heard = true,
                Turn::Agents { since, heard: heard @ false, doubt: None } => (*since, *heard) = (self.now, true),
                _ => {}
            },
            Happens::Finished => {
                if matches!(self.turn, Turn::Agents { .. }) {
                    self.see(&format!("finished {}", self.reply));
                    self.turn = Turn::Nobodys;
                }
            }
        }
    }

    fn go_on(&mut self) {
        if let Mouth::Resting(_) = self.mouth {
            (self.mouth, self.hint) = (Mouth::Open, None);
            if let Some((_, covers @ (Covers::All | Covers::StoodIn), _)) = &mut self.text {
                *covers = Covers::Beginning;
            }
        }
    }

    /// All that is due now.
    fn settle(&mut self) {
        loop {
            let before = (self.turn.clone(), self.seen.len());
            match self.turn.clone() {
                Turn::Nobodys if self.mouth != Mouth::Closed => self.begin_theirs(),
                Turn::Nobodys if self.wants > 0 => {
                    self.wants -= 1;
                    self.begin_agents("confirm", None);
                }
                Turn::Nobodys => {}
                Turn::Theirs { since, .. } => self.settle_theirs(since),
                Turn::Agents { since, heard, doubt: None } => self.settle_agents(since, heard),
                Turn::Agents { since, heard, doubt: Some(doubt) } => self.settle_doubt(since, heard, doubt),
            }
            if before == (self.turn.clone(), self.seen.len()) {
                return;
            }
        }
    }

    fn begin_theirs(&mut self) {
        self.see("started");
        self.turn = Turn::Theirs { since: self.now, rests: false };
    }

    fn settle_theirs(&mut self, since: u64) {
        let longest = since + ms(self.rules.longest_turn);
        match self.mouth {
            Mouth::Closed => self.turn = Turn::Nobodys,
            Mouth::Open if self.now >= longest => self.end_theirs(),
            Mouth::Open => self.turn = Turn::Theirs { since, rests: false },
            Mouth::Resting(at) => {
                if self.turn == (Turn::Theirs { since, rests: false }) {
                    self.see("rests");
                    self.turn = Turn::Theirs { since, rests: true };
                }
                let delays = &self.rules.end_delay;
                let [complete, unsure, incomplete] = [delays.complete, delays.unsure, delays.incomplete].map(ms);
                let waits = match (self.text, self.hint) {
                    (None | Some((_, Covers::Beginning | Covers::Tentative, _)), _) => {
                        ms(self.rules.text_within).max(complete).max(unsure).max(incomplete)
                    }
                    (_, Some(hint)) if hint >= 2.0 / 3.0 => complete,
                    (_, Some(hint)) if hint <= 1.0 / 3.0 => incomplete,
                    _ => unsure,
                };
                if self.now >= (at + waits).min(longest) {
                    self.end_theirs();
                }
            }
        }
    }

    fn all_said(&self) -> (String, u64) {
        let now = self.stands;
        match &self.unanswered {
            None => (now.to_owned(), self.begins),
            Some((before, begins)) => (format!("{before} {now}").trim().to_owned(), *begins),
        }
    }

    fn end_theirs(&mut self) {
        let (said, begins) = self.all_said();
        let ends = if let Mouth::Resting(at) = self.mouth { at } else { self.now };
        let is_understood = matches!(self.text, Some((_, Covers::All, _)));
        let is_turn = count(&said) >= self.rules.least_words.max(1) || (count(&said) > 0 && self.unanswered.is_some());
        let is_lost = !is_understood && ends.saturating_sub(begins) >= ms(self.rules.least_speech);
        self.forget();
        match (is_turn, is_lost) {
            (true, _) => {
                self.see("ended answered");
                self.begin_agents("confirm", Some((said, begins)));
            }
            (false, true) => {
                self.see("ended not-understood");
                self.begin_agents("not-understood", None);
            }
            (false, false) => {
                self.see("ended empty");
                self.turn = Turn::Nobodys;
            }
        }
    }

    fn forget(&mut self) {
        (self.mouth, self.text, self.hint, self.unanswered) = (Mouth::Closed, None, None, None);
        self.stands = "";
        if std::mem::take(&mut self.fires) {
            self.is_dismissed = true;
        }
    }

    fn begin_agents(&mut self, order: &str, answers: Option<(String, u64)>) {
        self.reply += 1;
        let text = answers.as_ref().map_or("", |(text, _)| text).to_owned();
        self.see(&format!("{order} {} {text}", self.reply));
        self.answers = answers;
        self.turn = Turn::Agents { since: self.now, heard: false, doubt: None };
    }

    fn settle_agents(&mut self, since: u64, heard: bool) {
        let barge_in = &self.rules.barge_in;
        let within = if heard { self.rules.longest_reply } else { self.rules.reply_within };
        let is_protected = heard && self.now < since + ms(barge_in.protected);
        if self.now >= since + ms(within) {
            self.see(&format!("drop {}", self.reply));
            self.see("overdue");
            self.turn = Turn::Nobodys;
        } else if barge_in.allowed && !is_protected && (self.fires || self.mouth != Mouth::Closed) {
            self.see(&format!("pause {}", self.reply));
            self.turn = Turn::Agents { since, heard, doubt: Some(self.now) };
        }
    }

    fn settle_doubt(&mut self, since: u64, heard: bool, doubt: u64) {
        let barge_in = &self.rules.barge_in;
        let least = if heard { barge_in.words } else { barge_in.words_thinking };
        let text = self.text.map_or("", |(words, ..)| words);
        let decide_within = ms(barge_in.decide_within);
        let is_whole = matches!(self.text, Some((_, Covers::All | Covers::StoodIn, _)));
        let confidence = self.text.and_then(|(.., confidence)| confidence);
        let is_sure = confidence.is_some_and(|confidence| confidence >= barge_in.sure);
        let is_few = least > 0 && says_something(text) <= least + 1;
        let is_doubtful = heard && confidence.is_some_and(|confidence| confidence < barge_in.unsure);
        let is_hum = is_doubtful && is_few;
        let has_words = says_something(text) >= least;
        let turn_after = match says_something(text) {
            many if many > least + 1 && least > 0 && is_doubtful => ms(barge_in.words_after.min(barge_in.speech)),
            many if least == 0 || many > least + 1 => 0,
            0 if count(text) > 0 => ms(self.rules.longest_turn),
            some if some >= least && is_sure => 0,
            some if some >= least && is_hum => 800.min(ms(barge_in.speech)),
            some if some >= least => ms(barge_in.words_after.min(barge_in.speech)),
            _ => ms(barge_in.speech),
        };
        let because = match self.mouth {
            Mouth::Resting(at) if has_words && (!is_hum || at >= self.begins + 800) => return self.interrupt(heard),
            Mouth::Resting(_) if is_whole && count(text) == 0 => "noise",
            Mouth::Resting(_) if is_whole && has_words => "nothing-understood",
            Mouth::Resting(_) if is_whole => "back-channel",
            Mouth::Resting(at) if self.now >= at.max(doubt) + decide_within => "nothing-understood",
            Mouth::Open if self.now >= self.begins + turn_after => return self.interrupt(heard),
            Mouth::Closed if !self.fires || self.now >= doubt + decide_within => "noise",
            _ => return,
        };
        self.forget();
        self.see(&format!("resume {} {because}", self.reply));
        self.turn = Turn::Agents { since: since + (self.now - doubt), heard, doubt: None };
    }

    fn interrupt(&mut self, heard: bool) {
        if heard {
            self.see(&format!("drop {}", self.reply));
        } else {
            self.see(&format!("take-back {}", self.reply));
            match self.answers.take() {
                Some(said) => self.unanswered = Some(said),
                None => self.wants += 1,
            }
        }
        self.begin_theirs();
    }
}

/// What is compared of an order.
fn line(now: Duration, order: &Order) -> Option<String> {
    let what = match order {
        Order::Confirm { reply, said } => {
            format!("confirm {} {}", reply.0, said.as_ref().map_or("", |said| &said.text))
        }
        Order::NotUnderstood { reply, .. } => format!("not-understood {} ", reply.0),
        Order::TakeBack { reply } => format!("take-back {}", reply.0),
        Order::Pause { reply } => format!("pause {}", reply.0),
        Order::Drop { reply } => format!("drop {}", reply.0),
        Order::Tell { event } => match event {
            TurnEvent::TurnStarted { .. } => "started".into(),
            TurnEvent::TurnPaused { .. } => "rests".into(),
            TurnEvent::TurnEnded { how: TurnEnd::Answered, .. } => "ended answered".into(),
            TurnEvent::TurnEnded { how: TurnEnd::Empty, .. } => "ended empty".into(),
            TurnEvent::TurnEnded { how: TurnEnd::NotUnderstood, .. } => "ended not-understood".into(),
            TurnEvent::AgentFinished { reply } => format!("finished {}", reply.0),
            TurnEvent::ReplyOverdue { .. } => "overdue".into(),
            TurnEvent::AgentResumed { reply, because } => {
                let because = match because {
                    NotATurn::BackChannel => "back-channel",
                    NotATurn::Noise | NotATurn::Left => "noise",
                    NotATurn::NothingUnderstood => "nothing-understood",
                };
                format!("resume {} {because}", reply.0)
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(format!("{} {what}", now.as_millis()))
}

fn input(happens: &Happens, now: u64, reply: u64) -> TurnInput {
    let (speaker, reply) = (PeerId::from("ada"), ReplyId(reply));
    let before = |ago: u64| MS(now.saturating_sub(ago));
    match *happens {
        Happens::Active => TurnInput::Active { speaker },
        Happens::Inactive => TurnInput::Inactive { speaker },
        Happens::Began { ago } => TurnInput::Began { speaker, at: before(ago) },
        Happens::Paused { ago } => TurnInput::Paused { speaker, at: before(ago) },
        Happens::WentOn => TurnInput::WentOn { speaker },
        Happens::Text { words, covers, confidence } => {
            TurnInput::Text { speaker, text: words.into(), covers, confidence }
        }
        Happens::Hint { complete } => TurnInput::Hint { speaker, complete },
        Happens::Wants => TurnInput::Wants,
        Happens::Silence => TurnInput::Silence,
        Happens::Speaks => TurnInput::Speaks { reply },
        Happens::Finished => TurnInput::Finished { reply },
    }
}

fn happenings() -> impl Strategy<Value = Vec<(u64, Happens)>> {
    let covers = prop_oneof![
        2 => Just(Covers::Beginning),
        1 => Just(Covers::Tentative),
        3 => Just(Covers::All),
        1 => Just(Covers::StoodIn)
    ];
    let words = prop_oneof![Just(""), Just("mhm"), Just("stop"), Just("wait a minute"), Just("mhm but why")];
    let confidence = prop_oneof![Just(None), (-1.0_f32..0.0).prop_map(Some)];
    let what = prop_oneof![
        2 => Just(Happens::Active),
        1 => Just(Happens::Inactive),
        3 => (0_u64..300).prop_map(|ago| Happens::Began { ago }),
        4 => (0_u64..300).prop_map(|ago| Happens::Paused { ago }),
        1 => Just(Happens::WentOn),
        4 => (words, covers, confidence).prop_map(|(words, covers, confidence)| {
            Happens::Text { words, covers, confidence }
        }),
        1 => (0.0_f32..1.0).prop_map(|complete| Happens::Hint { complete }),
        1 => Just(Happens::Wants),
        1 => prop_oneof![9 => Just(Happens::Inactive), 1 => Just(Happens::Silence)],
        4 => Just(Happens::Speaks),
        2 => Just(Happens::Finished),
    ];
    let wait = prop_oneof![6 => 0_u64..300, 2 => 300_u64..2_000, 1 => 2_000_u64..14_000];
    proptest::collection::vec((wait, what), 0..80)
}

fn rules() -> impl Strategy<Value = TurnSettings> {
    let choice = (0_usize..3, 0_usize..3, 0_u64..1_500, any::<bool>(), 0_usize..3);
    choice.prop_map(|(words, words_thinking, protected, allowed, least_words)| TurnSettings {
        early_reply: false,
        least_words,
        // Two that are reached.
        longest_turn: MS(9_000),
        longest_reply: MS(20_000),
        end_delay: EndDelay { learned: false, ..EndDelay::default() },
        barge_in: BargeIn { words, words_thinking, protected: MS(protected), allowed, ..BargeIn::default() },
        ..TurnSettings::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 2, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_as_the_plain_rules_say(rules in rules(), happenings in happenings()) {
        let (mut machine, mut reference) = (TurnMachine::new(rules.clone()), Reference::new(rules));
        let mut ordered = Vec::new();
        machine.handle(Duration::ZERO, TurnInput::Tick);
        for (wait, happens) in happenings.iter().chain([&(30_000, Happens::Inactive)]) {
            let at = reference.now + wait;
            while reference.now < at {
                reference.now += 1;
                reference.settle();
            }
            while let Some(due) = machine.deadline().filter(|due| *due <= MS(at)) {
                machine.handle(due, TurnInput::Tick);
                ordered.extend(machine.orders().filter_map(|order| line(due, &order)));
            }
            machine.handle(MS(at), input(happens, at, reference.reply));
            ordered.extend(machine.orders().filter_map(|order| line(MS(at), &order)));
            reference.take(happens);
            reference.settle();
            prop_assert_eq!(&ordered, &reference.seen, "after {:?} at {}", happens, at);
        }
    }
}
