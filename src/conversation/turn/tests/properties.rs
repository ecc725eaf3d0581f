//! What holds of any inputs in any order.

use proptest::prelude::*;

use super::*;

/// Anything in any order.
fn inputs() -> impl Strategy<Value = Vec<(u64, TurnInput)>> {
    let who = prop_oneof![3 => Just("ada"), 1 => Just("bob")].prop_map(PeerId::from);
    let words = prop_oneof![Just(""), Just("mhm"), Just("wait a minute"), Just("Jarvis what now")];
    let covers = [Covers::Beginning, Covers::Tentative, Covers::All, Covers::StoodIn].map(Just);
    let covers = proptest::strategy::Union::new(covers);
    let input = (who, words, covers, 0_u64..300, 1_u64..12, 0_u8..19);
    let input = input.prop_map(|(speaker, text, covers, ago, reply, kind)| {
        (
            ago,
            reply,
            match kind {
                0 => TurnInput::Active { speaker },
                1 => TurnInput::Inactive { speaker },
                2 | 3 => TurnInput::Began { speaker, at: MS(ago) },
                4 | 5 => TurnInput::Paused { speaker, at: MS(ago) },
                6 => TurnInput::WentOn { speaker },
                7 | 8 => {
                    let confidence = (ago > 150).then(|| ago as f32 / -300.0);
                    TurnInput::Text { speaker, text: text.into(), covers, confidence }
                }
                9 => TurnInput::Hint { speaker, complete: ago as f32 / 300.0 },
                10 => TurnInput::Left { speaker },
                11 => TurnInput::Wants,
                12 | 13 => TurnInput::Speaks { reply: ReplyId(reply) },
                14 => TurnInput::Finished { reply: ReplyId(reply) },
                15 => TurnInput::Silence,
                16 => TurnInput::HandOver,
                17 => TurnInput::TakeOver,
                _ => TurnInput::Tick,
            },
        )
    });
    let step = (input, prop_oneof![5 => 0_u64..400, 1 => 0_u64..20_000]);
    proptest::collection::vec(step, 0..120).prop_map(|steps| {
        let mut now = 0;
        let placed = |((ago, _, input), wait): ((u64, u64, TurnInput), u64)| {
            now += wait;
            let at = MS(now.saturating_sub(ago));
            (
                now,
                match input {
                    TurnInput::Began { speaker, .. } => TurnInput::Began { speaker, at },
                    TurnInput::Paused { speaker, .. } => TurnInput::Paused { speaker, at },
                    input => input,
                },
            )
        };
        steps.into_iter().map(placed).collect()
    })
}

fn rules() -> impl Strategy<Value = TurnSettings> {
    let floor = prop_oneof![
        Just(FloorRule::Everyone),
        Just(FloorRule::FirstSpeaker),
        Just(FloorRule::Host("bob".into())),
        Just(FloorRule::Addressed(vec!["Jarvis".into()])),
    ];
    (floor, any::<bool>(), 0_u64..2_000, 0_usize..3, any::<bool>(), any::<bool>()).prop_map(
        |(floor, early_reply, protected, words, away, is_called)| {
            let barge_in = BargeIn { protected: MS(protected), words, ..BargeIn::default() };
            let (away_after, longest) = if away { (MS(8_000), MS(60_000)) } else { (MS(0), MS(0)) };
            // "Jarvis what now" calls it back.
            let called_back_by = if is_called { vec!["what now".into()] } else { Vec::new() };
            TurnSettings {
                floor,
                early_reply,
                barge_in,
                away_after,
                longest,
                called_back_by,
                ..TurnSettings::default()
            }
        },
    )
}

/// What must hold of any list of orders.
#[derive(Default)]
struct Judge {
    prepared: Vec<ReplyId>,
    open: Option<ReplyId>,
    paused: bool,
    pauses: usize,
    resolved: usize,
    left: bool,
    handed_over: bool,
}

impl Judge {
    fn see(&mut self, order: &Order) {
        assert!(
            !self.left || matches!(order, Order::Tell { event: TurnEvent::Ended { .. } }),
            "after the end: {order:?}"
        );
        let speaks = matches!(
            order,
            Order::Prepare { .. } | Order::Confirm { .. } | Order::Prompt { .. } | Order::NotUnderstood { .. }
        );
        assert!(!(self.handed_over && speaks), "people have it to themselves: {order:?}");
        match order {
            Order::Prepare { reply, .. } => {
                assert!(self.prepared.is_empty() && self.open.is_none(), "one reply at a time");
                self.prepared.push(*reply);
            }
            Order::Confirm { reply, .. } | Order::Prompt { reply, .. } | Order::NotUnderstood { reply, .. } => {
                assert!(self.open.is_none(), "two starts in a row: {order:?}");
                self.prepared.retain(|known| known != reply);
                assert!(self.prepared.is_empty(), "what was prepared is used or taken back");
                self.open = Some(*reply);
            }
            Order::TakeBack { reply } => {
                let was_prepared = self.prepared.contains(reply);
                self.prepared.retain(|known| known != reply);
                if !was_prepared {
                    self.resolve(*reply);
                }
            }
            Order::Pause { reply } => {
                assert!(self.open == Some(*reply) && !self.paused, "a pause of what speaks");
                self.paused = true;
                self.pauses += 1;
            }
            Order::Resume { reply } => {
                assert!(self.open == Some(*reply) && self.paused, "only what is paused goes on");
                self.paused = false;
                self.resolved += 1;
            }
            Order::Drop { reply } => self.resolve(*reply),
            Order::Tell { event: TurnEvent::AgentFinished { reply } } => self.resolve(*reply),
            Order::Leave { .. } => {
                assert!(self.open.is_none());
                self.left = true;
            }
            Order::Aside { said } => assert!(!said.text.is_empty()),
            Order::Tell { event: TurnEvent::HandedOver } => {
                assert!(self.open.is_none() && self.prepared.is_empty());
                self.handed_over = true;
            }
            Order::Tell { event: TurnEvent::CalledBack { .. } | TurnEvent::TakenOver } => self.handed_over = false,
            Order::Close { .. } | Order::Tell { .. } => {}
        }
    }

    fn resolve(&mut self, reply: ReplyId) {
        assert_eq!(self.open.take(), Some(reply));
        self.resolved += usize::from(std::mem::take(&mut self.paused));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever comes in which order: one reply at a time, every pause ends, no state outlives its deadline, and the same log
    /// gives the same orders.
    #[test]
    fn any_order_of_events_comes_to_a_defined_end(settings in rules(), inputs in inputs()) {
        let (mut machine, mut judge) = (TurnMachine::new(settings.clone()), Judge::default());
        let mut log = TurnLog::new(Vec::new());
        let mut feed = |machine: &mut TurnMachine, at: Duration, input: TurnInput| {
            log.input(at, &input).unwrap();
            machine.handle(at, input);
            for order in machine.orders() {
                log.order(at, &order).unwrap();
                judge.see(&order);
            }
            if let Some(due) = machine.deadline() {
                assert!(due > at, "what is due is done: {:?} at {at:?}", machine.floor);
            }
        };
        let mut end = 0;
        for (at, input) in inputs {
            feed(&mut machine, MS(at), input);
            end = at;
        }
        // Everybody falls silent and the driver does as it is told: it all comes to rest.
        for who in ["ada", "bob"] {
            feed(&mut machine, MS(end), TurnInput::Inactive { speaker: who.into() });
            feed(&mut machine, MS(end), TurnInput::Paused { speaker: who.into(), at: MS(end) });
        }
        for n in 1..=12_u64 {
            feed(&mut machine, MS(end + n * 60_000), TurnInput::Tick);
        }
        let rests = matches!(machine.floor, Floor::Idle { .. } | Floor::Ended);
        prop_assert!(rests || !settings.away_after.is_zero(), "{:?}", machine.floor);
        prop_assert_eq!(judge.pauses, judge.resolved);
        let log = String::from_utf8(log.into_inner()).unwrap();
        prop_assert_eq!(replay(&log, settings).unwrap(), log);
    }
}

/// Orders with their times, of a machine that is told of the time whenever `wakes` says.
fn ordered(
    settings: &TurnSettings,
    inputs: &[(u64, TurnInput)],
    wakes: impl Fn(&TurnMachine, Duration) -> Option<Duration>,
) -> Vec<(Duration, Order)> {
    let (mut machine, mut now, mut orders) = (TurnMachine::new(settings.clone()), Duration::ZERO, Vec::new());
    let end = inputs.last().map_or(0, |(at, _)| at + 5_000);
    machine.handle(now, TurnInput::Tick);
    for (at, input) in inputs.iter().cloned().chain([(end, TurnInput::Tick)]) {
        while let Some(due) = wakes(&machine, now).filter(|due| *due < MS(at)) {
            assert!(due > now || now.is_zero(), "what is due is done: {:?} at {now:?}", machine.floor);
            now = due;
            machine.handle(now, TurnInput::Tick);
            orders.extend(machine.orders().map(|order| (now, order)));
        }
        now = MS(at);
        machine.handle(now, input);
        orders.extend(machine.orders().map(|order| (now, order)));
    }
    orders
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Looking at the clock in every millisecond finds nothing that the deadlines miss, and nothing earlier.
    #[test]
    fn deadlines_are_exact(settings in rules(), inputs in inputs()) {
        let inputs: Vec<(u64, TurnInput)> = inputs.into_iter().take_while(|(at, _)| *at < 60_000).collect();
        let by_deadlines = ordered(&settings, &inputs, |machine, now| machine.deadline().map(|at| at.max(now)));
        let by_the_clock = ordered(&settings, &inputs, |_, now| Some(now + MS(1)));
        prop_assert_eq!(by_deadlines, by_the_clock);
    }
}
