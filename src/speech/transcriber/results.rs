//! What engines have done becomes captions: partial ones, and one for the end of every utterance, whatever came of it.

use std::{sync::Arc, time::Duration};

use super::{Open, Transcriber, Work};
use crate::{
    conversation::{
        EngineError, Spoken, Transcription, Word,
        listening::{Utterance, UtteranceId},
        transcript::{Caption, Lost, Quality},
        turn::Covers,
    },
    speech::{Answer, AskedEngine},
};

impl Transcriber {
    pub(super) fn on_work(&mut self, work: Work) {
        match work {
            Work::Pause { id, ends, result } => self.on_pause_understood(id, ends, result),
            Work::Partial { id, samples, result } => self.on_partial(id, samples, result),
            Work::Final { id, result } => self.on_final(id, result),
        }
    }

    fn on_pause_understood(
        &mut self,
        id: UtteranceId,
        ends: usize,
        result: Result<(Answer, AskedEngine), EngineError>,
    ) {
        let is_over = self.over.contains_key(&id);
        let Some(open) = self.open.get_mut(&id) else { return };
        // It may have gone on, and paused again.
        let Some(pause) = open.pause.as_mut().filter(|pause| pause.ends == ends) else { return };
        if is_over {
            return self.on_final(id, result);
        }
        // Whoever waits for it need not any more if it failed: what was understood so far stands in.
        let covers = if result.is_ok() { Covers::All } else { Covers::StoodIn };
        let heard = result.as_ref().ok().map(|(answer, engine)| (answer.heard.clone(), engine.name.clone()));
        pause.result = Some(result);
        let Some(utterance) = self.listener.open().find(|utterance| utterance.id == id) else { return };
        let mut caption = Caption::of(utterance, Quality::Partial);
        caption.covers = covers;
        if let Some((heard, engine)) = heard {
            (open.partial, open.engine) = (heard, Some(engine));
        }
        fill(&mut caption, open.partial.clone(), open.engine.clone(), utterance.begins);
        self.ready.push_back(caption);
    }

    fn on_partial(&mut self, id: UtteranceId, samples: usize, result: Result<(Transcription, Arc<str>), EngineError>) {
        // It may be over by now.
        let Some(open) = self.open.get_mut(&id) else { return };
        open.is_asked = false;
        let Ok((heard, engine)) = result else { return };
        // Live captions are for reading; whoever decides by them asks at pauses.
        let is_shown = !heard.is_tentative || self.settings.at_pauses;
        if heard.text.is_empty() || open.pause.is_some() || !is_shown {
            return;
        }
        let interval = Spoken::RATE.duration_of((samples - open.understood) as u64);
        self.chain.first().stats().partial_interval.note(interval);
        open.understood = samples;
        if let Some(utterance) = self.listener.open().find(|utterance| utterance.id == id) {
            let mut caption = Caption::of(utterance, Quality::Partial);
            caption.ends = utterance.begins + Spoken::RATE.duration_of(samples as u64);
            if heard.is_tentative {
                caption.covers = Covers::Tentative;
            }
            fill(&mut caption, heard.clone(), Some(engine.clone()), utterance.begins);
            self.ready.push_back(caption);
        }
        if !heard.is_tentative {
            (open.partial, open.engine) = (heard, Some(engine));
        }
    }

    pub(super) fn on_final(&mut self, id: UtteranceId, result: Result<(Answer, AskedEngine), EngineError>) {
        let Some((utterance, ended)) = self.over.remove(&id) else { return };
        let mut open = self.open.remove(&utterance.id).unwrap_or_default();
        let (mut caption, heard, engine) = match result {
            Ok((answer, engine)) => {
                self.losses.remove(&utterance.source.track);
                engine.stats().to_final.note(ended.elapsed());
                let engine = Some(engine.name);
                if answer.nonsense.is_none() || !utterance.is_broken_off() {
                    (Caption::of(&utterance, Quality::Final), answer.heard, engine)
                } else {
                    if !answer.heard.text.is_empty() {
                        (open.partial, open.engine) = (answer.heard, engine);
                    }
                    stand_in(&utterance, open, Lost::BrokenOff)
                }
            }
            Err(error) => {
                *self.losses.entry(utterance.source.track.clone()).or_default() += 1;
                stand_in(&utterance, open, lost(&error))
            }
        };
        fill(&mut caption, heard, engine, utterance.begins);
        self.ready.push_back(caption);
    }
}

/// What was understood so far stands for all of it, if anything was.
fn stand_in(utterance: &Utterance, open: Open, why: Lost) -> (Caption, Transcription, Option<Arc<str>>) {
    let quality = if open.partial.text.is_empty() { Quality::Lost(why) } else { Quality::StoodIn(why) };
    (Caption::of(utterance, quality), open.partial, open.engine)
}

/// Puts what was understood into a caption; its words get the times of the agent's clock.
fn fill(caption: &mut Caption, heard: Transcription, engine: Option<Arc<str>>, begins: Duration) {
    let moved = |word: Word| Word { begins: word.begins + begins, ends: word.ends + begins, ..word };
    caption.words = heard.words.into_iter().map(moved).collect();
    caption.text = heard.text.trim().to_owned();
    caption.sentence_end = heard.sentence_end;
    caption.confidence = heard.confidence;
    caption.engine = engine;
}

fn lost(error: &EngineError) -> Lost {
    match error {
        EngineError::Late | EngineError::Shed => Lost::Late,
        EngineError::Full => Lost::Full,
        EngineError::Unavailable(_) | EngineError::Failed(_) | EngineError::Broken(_) => Lost::Failed,
    }
}
