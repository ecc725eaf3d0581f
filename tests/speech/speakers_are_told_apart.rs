//! Several people at once: every word at the right one, as well understood as alone.

use std::time::Duration;

use crate::common::*;

/// Each of so many people reads sentences of their own, all at once; then each alone.
async fn together(people: usize) {
    let Some(place) = place() else { return };
    let chain = chain(&place, "moonshine").await;
    let names = &["ada", "bob", "cyd", "dan"][..people];
    let voices: Vec<(Vec<i16>, String)> = [read_aloud(&place, "hibari"), read_aloud(&place, "flite")].concat();
    // Of each voice every other sentence, so that no two people say the same.
    let share = |n: usize| voices.iter().skip(n).step_by(people).take(6).collect::<Vec<_>>();
    let shares: Vec<Vec<&(Vec<i16>, String)>> = (0..people).map(share).collect();
    let person = |n: usize| {
        // They begin one after the other, within a second, and overlap from then on.
        let mut at = Duration::from_millis(300 * n as u64 + 200);
        let says = shares[n].iter().map(|(samples, _)| {
            let begins = at;
            at += Duration::from_millis(samples.len() as u64 / 16 + 900);
            (begins, samples.as_slice())
        });
        Person { name: names[n], says: says.collect() }
    };
    let all: Vec<Person<'_>> = (0..people).map(person).collect();
    let captions = transcribe(&chain, finals(), &all).await;
    let mut heard = by_speaker(&captions);
    let (mut crowd, mut alone) = (Score::default(), Score::default());
    for (n, name) in names.iter().enumerate() {
        let words = shares[n].iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join(" ");
        let text = heard.remove(*name).unwrap();
        crowd.add(&words, &text);
        // An utterance of somebody else would be some ten words too many here.
        let mut own = Score::default();
        own.add(&words, &text);
        assert!(own.percent() < 12.0, "{name}: {own:?}");
        let single = by_speaker(&transcribe(&chain, finals(), &[person(n)]).await).remove(*name).unwrap();
        alone.add(&words, &single);
    }
    assert!(heard.is_empty(), "nobody else spoke");
    println!("{people} at once: {:.1} %; alone {:.1} %, of {} words", crowd.percent(), alone.percent(), crowd.words);
    assert!((crowd.percent() - alone.percent()).abs() <= 2.0);
}

#[tokio::test]
async fn two_people_at_once() {
    together(2).await;
}

#[tokio::test]
async fn four_people_at_once() {
    together(4).await;
}
