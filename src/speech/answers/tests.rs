use std::{path::PathBuf, time::Duration};

use tokio::sync::mpsc;

use super::*;
use crate::{
    audio::Hz,
    conversation::{SoundPiece, Word},
    speech::Said,
};

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roomtone-answers-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn sound(n: i16) -> Said {
    Said::Piece(SoundPiece::Sound { rate: Hz::K24, samples: vec![n, -n, i16::MIN] })
}

/// A voice that makes these pieces, each after its wait, and fails at the end.
fn voice(text: &'static str, waits: &'static [u64]) -> Made<Said> {
    let (making, pieces) = mpsc::channel(1);
    let work = async move {
        for (n, wait) in waits.iter().enumerate() {
            tokio::time::sleep(Duration::from_millis(*wait)).await;
            making.send(sound(n as i16)).await.ok();
        }
        let word = Word { text: "a".into(), begins: Duration::from_nanos(1), ends: Duration::from_nanos(12_345_678) };
        making.send(Said::Piece(SoundPiece::Word(word))).await.ok();
        Err(EngineError::Broken("it died".into()))
    };
    Made::new(Kind::TextToSpeech, || Key::default().text(text), work, pieces)
}

/// All that comes, each with the step at which it did.
async fn taken(answers: &Answers, made: &mut Made<Said>, steps: std::ops::Range<u64>) -> Vec<(u64, String)> {
    let mut taken = Vec::new();
    for step in steps {
        answers.begin_step(step).unwrap();
        while let Ok(piece) = tokio::time::timeout(Duration::from_millis(20), made.next()).await {
            let ends = !matches!(piece, Ok(Some(_)));
            taken.push((step, format!("{piece:?}")));
            if ends {
                return taken;
            }
        }
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn the_same_comes_at_the_same_steps_and_nothing_between_them() {
    let folder = folder();
    let recorded = {
        let answers = Answers::record(&folder).unwrap();
        let _entered = answers.enter();
        answers.begin_step(0).unwrap();
        let mut first = voice("hello", &[5, 1, 90]);
        let before_any_step = tokio::time::timeout(Duration::from_millis(19), first.next()).await;
        assert!(before_any_step.is_err(), "what has come waits for the next step");
        taken(&answers, &mut first, 1..20).await
    };
    assert_eq!(recorded.len(), 5, "three pieces, a word, an error: {recorded:?}");
    let answers = Answers::replay(&folder).unwrap();
    let _entered = answers.enter();
    assert!(Answers::are_known());
    answers.begin_step(0).unwrap();
    // The engine would never answer.
    let mut again = voice("hello", &[1_000_000]);
    assert_eq!(taken(&answers, &mut again, 1..20).await, recorded);
    assert_eq!(answers.missing(), 0);
    // Asked once more, it is another question; so is what nobody asked.
    let mut more = voice("hello", &[]);
    let said = taken(&answers, &mut more, 20..25).await;
    assert!(said.len() == 1 && said[0].1.contains("not asked when the session was recorded"), "{said:?}");
    assert_eq!(answers.missing(), 1);
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test(start_paused = true)]
async fn before_the_session_answers_are_given_as_they_come() {
    let folder = folder();
    let ask = || once(Kind::TurnListener, || Key::default().samples(&[1, 2]), async { Some(0.1_f32) });
    let recorded = Answers::record(&folder).unwrap();
    assert_eq!(recorded.scope(ask()).await, Some(0.1));
    assert!(Answers::current().is_none(), "it stands beside that future alone");
    assert_eq!(ask().await, Some(0.1), "by itself");
    assert_eq!(recorded.scope(Answers::aside(ask())).await, Some(0.1), "it is not written down");
    recorded.begin_step(1).unwrap();
    let again = Answers::replay(&folder).unwrap();
    let never = || once(Kind::TurnListener, || Key::default().samples(&[1, 2]), std::future::pending::<Option<f32>>());
    assert_eq!(again.scope(async { never().await }).await, Some(0.1));
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test(start_paused = true)]
async fn who_waits_no_more_is_given_nothing_and_holds_nothing() {
    let folder = folder();
    let answers = Answers::record(&folder).unwrap();
    let _entered = answers.enter();
    answers.begin_step(1).unwrap();
    let mut made = voice("gone", &[1, 1, 1]);
    tokio::time::timeout(Duration::from_millis(10), made.next()).await.unwrap_err();
    drop(made);
    answers.begin_step(2).unwrap();
    assert!(answers.lock().open.is_empty());
    std::fs::remove_dir_all(folder).ok();
}

#[test]
fn what_was_heard_comes_back_as_it_was_and_older_recordings_say_nothing_of_what_is_new() {
    use super::item::Recorded;
    use crate::{
        conversation::Transcription,
        speech::{Answer, AskedEngine},
    };
    let heard = Transcription { confidence: Some(-0.5), is_tentative: true, ..Transcription::of("I'm not") };
    let answer = Answer { heard, nonsense: None, queued: Duration::ZERO, took: Duration::from_millis(3) };
    let result: Result<(Answer, AskedEngine), EngineError> = Ok((answer, AskedEngine::named("ear".into())));
    let line = serde_json::to_value(result.into_item()).unwrap();
    let read = |line| {
        let (answer, _) = <Result<(Answer, AskedEngine), _>>::from_item(serde_json::from_value(line).unwrap()).unwrap();
        (answer.heard.text.clone(), answer.heard.confidence, answer.heard.is_tentative)
    };
    assert_eq!(read(line.clone()), ("I'm not".into(), Some(-0.5), true));
    let older = line.to_string().replace(",\"is_tentative\":true", "").replace("\"is_tentative\":true,", "");
    assert_eq!(read(serde_json::from_str(&older).unwrap()), ("I'm not".into(), Some(-0.5), false));
}
