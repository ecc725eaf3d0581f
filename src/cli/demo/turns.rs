//! The turns of a conversation, and what the time before each answer is made of, as bars.

use std::{fmt::Write, time::Duration};

use crate::{
    agent::Note,
    dialogue::{TurnFigures, TurnPart},
};

/// The figures that a note tells, on the scene's clock.
pub(super) fn of_note(note: &Note, begun: Duration) -> Option<TurnFigures> {
    let figures = TurnFigures::of_note(note)?;
    Some(TurnFigures { speech_ended: figures.speech_ended + begun, ..figures })
}

/// What happened in a conversation, in words, and of what.
pub(super) fn event_of(note: &Note) -> Option<(String, String)> {
    let event = note.data.get("turn")?;
    let what = event["event"].as_str()?.replace('-', " ");
    let about = ["speaker", "by", "how", "because", "why"].into_iter().filter_map(|key| event[key].as_str());
    Some((what, about.collect::<Vec<_>>().join(", ")))
}

/// In a line: the mean, and which part most of it is.
pub(super) fn line(turns: &[TurnFigures]) -> Option<String> {
    let n = turns.len() as u32;
    let mean = turns.iter().map(TurnFigures::total).sum::<Duration>().checked_div(n)?;
    let part = |part: TurnPart| {
        turns.iter().flat_map(|turn| &turn.parts_ms).filter(|(p, _)| *p == part).map(|(_, ms)| ms).sum()
    };
    let of_parts: Vec<(TurnPart, f64)> = TurnPart::ALL.iter().map(|p| (*p, part(*p))).collect();
    let (longest, ms) = of_parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!(
        "{n} answers, {:.0} ms after the person's last sound in the mean; {:.0} ms of it are {}, set by {}",
        mean.as_secs_f64() * 1e3,
        ms / f64::from(n),
        longest.name(),
        longest.setting(),
    ))
}

/// A bar for each turn, its parts one behind the other.
pub(super) fn bars(turns: &[TurnFigures]) -> String {
    if turns.is_empty() {
        return String::new();
    }
    let longest = turns.iter().map(|turn| turn.total().as_secs_f64() * 1e3).fold(1.0, f64::max);
    let mut html = "<h2>turns</h2><table class=\"turns\">".to_owned();
    for turn in turns {
        let parts = turn.parts_ms.iter().filter(|(_, ms)| *ms >= 0.5).map(|(part, ms)| {
            let name = part.name();
            format!("<i class=\"{name}\" style=\"width:{:.2}%\" title=\"{name} {ms:.0} ms\"></i>", ms / longest * 100.0)
        });
        let bar: String = parts.collect();
        let (at, total) = (turn.speech_ended.as_secs_f64(), turn.total().as_secs_f64() * 1e3);
        write!(html, "<tr><td>{at:.2} s</td><td class=\"bar\">{bar}</td><td>{total:.0} ms</td></tr>")
            .expect("writing to a String");
    }
    let legend = TurnPart::ALL.iter().map(|part| format!("<i class=\"{0}\"></i>{0} ", part.name()));
    html.push_str("</table><p class=\"legend\">");
    html.extend(legend);
    html.push_str("</p>");
    html
}

pub(super) const STYLE: &str = "\
.turns td:first-child,.turns td:last-child{width:1%;white-space:nowrap}.bar{padding:3px 0}\
.bar i{display:inline-block;height:14px;vertical-align:middle}\
.legend i{display:inline-block;width:12px;height:12px;margin:0 5px 0 12px;vertical-align:-1px}\
.legend{color:var(--dim);font-size:13px;margin:4px 0 24px -12px}\
i.activity{background:#7d8ea0}i.text{background:#2a6fbb}i.decision{background:#c9a227}i.model{background:#8a5fb8}\
i.synthesis{background:#c2571a}i.queue{background:#3f8f5b}i.transport{background:#6cc4a4}";
