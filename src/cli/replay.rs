//! `roomtone replay`: runs a kept session again, and says whether it went the same way.

use serde_json::json;

use super::{
    ErrorCode, Failure, agents,
    args::{ReplayArgs, Speed},
    say, say_json,
};
use crate::{
    agent::Registry,
    console::{Outcome, Pace, Recording, RecordingError},
};

pub(super) async fn run(registry: &Registry, args: ReplayArgs) -> Result<(), Failure> {
    let recording = Recording::open(&args.folder).map_err(failure)?;
    let builtin = agents::find(registry, Some(recording.agent()))?;
    let replay = recording.replay(args.keep.as_deref()).map_err(failure)?;
    let maker = replay.prepare(builtin.prepare(recording.options().clone())).await;
    let agent = agents::made(builtin, maker)?;
    let pace = match args.speed {
        Speed::Fast => Pace::Fast,
        Speed::RealTime => Pace::RealTime,
    };
    let begun = std::time::Instant::now();
    let outcome = replay.run(agent, pace).await.map_err(failure)?;
    let took = begun.elapsed().as_secs_f64();
    match args.json {
        true => say_json(&as_json(&outcome, took)),
        false => tell(&outcome, took),
    }
    match &outcome.difference {
        None => Ok(()),
        Some(difference) => Err(Failure::new(
            ErrorCode::Differs,
            format!("it parts from the recording at {:.2} s", difference.at.as_secs_f64()),
        )),
    }
}

fn tell(outcome: &Outcome, took: f64) {
    let lasts = outcome.lasts.as_secs_f64();
    let what = format!("{} events, {lasts:.2} s of sound, run in {took:.2} s", outcome.events);
    if outcome.unknown_questions > 0 {
        say(&format_args!(
            "engines were asked {} times what they were not asked before; the agent is another than it was",
            outcome.unknown_questions
        ));
    }
    let Some(difference) = &outcome.difference else {
        return say(&format_args!("the same: {what}, not a sample differs"));
    };
    let nothing = || "nothing".to_owned();
    say(&format_args!("not the same: {what}"));
    say(&format_args!("was: {}", difference.before.clone().unwrap_or_else(nothing)));
    say(&format_args!("is:  {}", difference.now.clone().unwrap_or_else(nothing)));
}

fn as_json(outcome: &Outcome, took: f64) -> serde_json::Value {
    let difference = outcome.difference.as_ref().map(
        |difference| json!({ "at_s": difference.at.as_secs_f64(), "before": difference.before, "now": difference.now }),
    );
    json!({
        "same": outcome.is_same(),
        "events": outcome.events,
        "lasts_s": outcome.lasts.as_secs_f64(),
        "took_s": took,
        "unknown_questions": outcome.unknown_questions,
        "difference": difference,
        "ended": outcome.summary.how(),
    })
}

fn failure(error: RecordingError) -> Failure {
    Failure::new(ErrorCode::Recording, error.to_string())
}
