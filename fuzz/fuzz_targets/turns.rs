//! Whatever a conversation is told in whatever order: one reply at a time, nothing that is due stays undone, and people who have it
//! to themselves are not answered. And whatever a log holds: it is one, and the same log comes of it again, or an error.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use roomtone::conversation::turn::{
    Covers, FloorRule, Order, ReplyId, TurnEvent, TurnInput, TurnMachine, TurnSettings, replay,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(log) = std::str::from_utf8(data)
        && let Ok(again) = replay(log, TurnSettings::default())
    {
        assert_eq!(replay(&again, TurnSettings::default()).unwrap(), again);
    }
    let Some((settings, steps)) = data.split_first() else { return };
    let mut machine = TurnMachine::new(of(*settings));
    let (mut now, mut state) = (Duration::ZERO, State::default());
    for step in steps.chunks_exact(4) {
        let [kind, who, wait, ago] = [step[0], step[1], step[2], step[3]].map(u64::from);
        now += Duration::from_millis(if kind & 0x80 == 0 { wait } else { wait * 100 });
        machine.handle(now, input(kind as u8 & 0x7f, who, now.saturating_sub(Duration::from_millis(ago)), ago));
        machine.orders().for_each(|order| state.follow(&order));
        assert_eq!(machine.is_handed_over(), state.is_handed_over);
        assert!(machine.deadline().is_none_or(|due| due > now), "what is due is done");
    }
});

fn of(byte: u8) -> TurnSettings {
    let floor = match byte & 3 {
        0 => FloorRule::Everyone,
        1 => FloorRule::FirstSpeaker,
        2 => FloorRule::Host("p1".into()),
        _ => FloorRule::Addressed(vec!["jarvis".into()]),
    };
    let called_back_by = if byte & 4 == 0 { Vec::new() } else { vec!["jarvis".into()] };
    let away_after = Duration::from_secs(if byte & 8 == 0 { 0 } else { 5 });
    TurnSettings { floor, called_back_by, away_after, early_reply: byte & 16 == 0, ..TurnSettings::default() }
}

fn input(kind: u8, who: u64, at: Duration, ago: u64) -> TurnInput {
    let speaker = format!("p{}", who & 3).as_str().into();
    let text = ["", "mhm", "what now", "jarvis wait a minute"][(who >> 2) as usize & 3].to_owned();
    let covers = [Covers::Beginning, Covers::All, Covers::StoodIn][(who >> 4) as usize % 3];
    match kind % 19 {
        0 => TurnInput::Active { speaker },
        1 => TurnInput::Inactive { speaker },
        2 | 3 => TurnInput::Began { speaker, at },
        4 | 5 => TurnInput::Paused { speaker, at },
        6 => TurnInput::WentOn { speaker },
        7 => TurnInput::Text { speaker, text, covers },
        8 => TurnInput::Hint { speaker, complete: ago as f32 / 255.0 },
        9 => TurnInput::Left { speaker },
        10 => TurnInput::Wants,
        11 => TurnInput::Speaks { reply: ReplyId(who & 15) },
        12 => TurnInput::Finished { reply: ReplyId(who & 15) },
        13 => TurnInput::Silence,
        14 => TurnInput::HandOver,
        15 => TurnInput::TakeOver,
        // Seldom: nothing follows.
        16 if ago > 250 => TurnInput::End,
        17 => TurnInput::Named { speaker, name: text },
        _ => TurnInput::Tick,
    }
}

/// What the orders so far have led to.
#[derive(Default)]
struct State {
    open: Option<ReplyId>,
    is_handed_over: bool,
}

impl State {
    fn follow(&mut self, order: &Order) {
        match order {
            Order::Confirm { reply, .. } | Order::Prompt { reply, .. } | Order::NotUnderstood { reply, .. } => {
                assert!(!self.is_handed_over, "people have it to themselves: {order:?}");
                assert!(self.open.replace(*reply).is_none(), "two replies at once: {order:?}");
            }
            Order::Drop { reply } | Order::Tell { event: TurnEvent::AgentFinished { reply } } => {
                assert_eq!(self.open.take(), Some(*reply), "{order:?}");
            }
            Order::TakeBack { reply } if self.open == Some(*reply) => self.open = None,
            Order::Tell { event: TurnEvent::HandedOver } => {
                assert!(self.open.is_none());
                self.is_handed_over = true;
            }
            Order::Tell { event: TurnEvent::CalledBack { .. } | TurnEvent::TakenOver } => self.is_handed_over = false,
            Order::Prepare { .. } => assert!(!self.is_handed_over, "people have it to themselves: {order:?}"),
            _ => {}
        }
    }
}
