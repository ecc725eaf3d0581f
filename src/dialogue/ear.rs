//! The agent's ear: what the room tells becomes inputs of the turn machine, and what each person has said since their last turn
//! is one text, whatever utterances it came in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};

use crate::{
    agent::{Input, Source},
    conversation::{
        SaidSoFar, TurnDetector, TurnListener,
        listening::{End, Heard, Utterance, UtteranceId},
        transcript::Caption,
        turn::{Covers, TurnInput},
    },
    event::{EventKind, PeerEvent, PeerId},
    speech::{self, Chain, Transcriber, TranscriberSettings},
};

/// See the module's head.
pub(super) struct Ear {
    transcriber: Transcriber,
    /// How much more speech makes another partial result where nothing waits for it.
    partials: Option<Duration>,
    detector: Arc<dyn TurnDetector>,
    listener: Option<Arc<dyn TurnListener>>,
    /// What it is asked.
    judging: FuturesUnordered<BoxFuture<'static, Judged>>,
    people: BTreeMap<PeerId, Listening>,
}

/// Something that was heard.
pub(super) enum EarNews {
    /// Words.
    Caption(Caption),
    /// Whether somebody seems to have finished.
    Judged(Judged),
}

/// How what was said up to a pause sounds.
pub(super) struct Judged {
    speaker: PeerId,
    utterance: UtteranceId,
    finished: Option<f32>,
}

/// What was understood of an utterance.
struct Part {
    text: String,
    covers: Covers,
    confidence: Option<f32>,
}

/// What one person has said since their last turn.
#[derive(Default)]
struct Listening {
    /// By utterance.
    parts: BTreeMap<UtteranceId, Part>,
    /// Utterances up to this one belong to turns that are over.
    closed: Option<UtteranceId>,
    /// The utterance of whose pause was told.
    paused: Option<UtteranceId>,
    /// How sure an engine is that a sentence ends at that pause, and how it sounds.
    sentence_end: Option<f32>,
    sound: Option<f32>,
    /// What was written beside that, in the room's chat.
    written: Vec<String>,
}

impl Ear {
    pub(super) fn new(
        ears: Chain,
        settings: TranscriberSettings,
        detector: Arc<dyn TurnDetector>,
        listener: Option<Arc<dyn TurnListener>>,
    ) -> Ear {
        let partials = settings.partials;
        let transcriber = Transcriber::new(ears, TranscriberSettings { at_pauses: true, ..settings });
        Ear { transcriber, partials, detector, listener, judging: FuturesUnordered::new(), people: BTreeMap::new() }
    }

    /// Takes what the room told, and gives what that is to the turn machine.
    pub(super) fn handle(&mut self, input: &Input) -> Vec<TurnInput> {
        let (people, mut pauses, mut ends, mut told) = (&mut self.people, Vec::new(), Vec::new(), Vec::new());
        let listens = self.listener.is_some();
        self.transcriber.handle_and_tell(input, |heard| {
            let is = on_heard(people, heard);
            match heard {
                Heard::Paused(source, id, _) => pauses.push((source.clone(), *id)),
                // One whose sound stops makes no pause before that.
                Heard::Ended(utterance) if listens && is.is_some() => ends.push(utterance.clone()),
                _ => {}
            }
            told.extend(is);
        });
        for (source, id) in pauses {
            if let Some(open) = self.transcriber.open_on(&source.track).filter(|open| open.id == id) {
                self.judging.extend(judgement(self.listener.as_ref(), open));
            }
        }
        self.judging.extend(ends.iter().filter_map(|utterance| judgement(self.listener.as_ref(), utterance)));
        if let Input::Event(event) = input {
            told.extend(self.on_event(&event.kind));
        }
        told
    }

    /// How soon it is to be known what somebody says: who speaks into the agent's turn is waited for.
    pub(super) fn set_hurry(&mut self, hurries: bool) {
        self.transcriber
            .set_partials(self.partials.map(|calm| if hurries { calm.min(HURRIED_PARTIALS) } else { calm }));
    }

    fn on_event(&mut self, event: &EventKind) -> Option<TurnInput> {
        match event {
            EventKind::Peer(PeerEvent::Left { peer, .. }) => {
                self.people.remove(&peer.id);
                Some(TurnInput::Left { speaker: peer.id.clone() })
            }
            EventKind::Peer(PeerEvent::Joined { peer, .. } | PeerEvent::Updated { peer, .. }) => {
                Some(TurnInput::Named { speaker: peer.id.clone(), name: peer.display_name()? })
            }
            _ => None,
        }
    }

    /// Waits for what is heard next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> EarNews {
        tokio::select! {
            biased;
            caption = self.transcriber.next() => EarNews::Caption(caption),
            Some(judged) = self.judging.next() => EarNews::Judged(judged),
        }
    }

    /// Somebody has written something: it is as if they had said it, clearly and whole.
    pub(super) fn on_written(&mut self, speaker: &PeerId, line: &str, now: Duration) -> Vec<TurnInput> {
        let person = self.people.entry(speaker.clone()).or_default();
        person.written.push(line.trim().to_owned());
        let text = person.told(speaker);
        let speaks = person.paused.is_none() && !person.parts.is_empty();
        match speaks {
            // It is answered with what is being said.
            true => vec![text],
            false => vec![
                TurnInput::Began { speaker: speaker.clone(), at: now },
                text,
                TurnInput::Hint { speaker: speaker.clone(), complete: 1.0 },
                TurnInput::Paused { speaker: speaker.clone(), at: now },
            ],
        }
    }

    /// What a caption is to the turn machine.
    pub(super) fn on_caption(&mut self, caption: &Caption) -> Vec<TurnInput> {
        let Some(person) = self.people.get_mut(&caption.speaker) else { return Vec::new() };
        if person.is_closed(caption.utterance) {
            return Vec::new();
        }
        let (text, covers, confidence) = (caption.text.clone(), caption.covers, caption.confidence);
        person.parts.insert(caption.utterance, Part { text, covers, confidence });
        person.sentence_end = caption.sentence_end;
        let text = person.told(&caption.speaker);
        self.hint(&caption.speaker).into_iter().chain([text]).collect()
    }

    /// What a judgement is to it.
    pub(super) fn on_judged(&mut self, judged: &Judged) -> Option<TurnInput> {
        let person = self.people.get_mut(&judged.speaker)?;
        if person.paused != Some(judged.utterance) {
            return None;
        }
        person.sound = judged.finished;
        self.hint(&judged.speaker)
    }

    /// How whole it seems, as far as is known. Whoever is listened to is not taken for finished before that was heard.
    fn hint(&self, speaker: &PeerId) -> Option<TurnInput> {
        let person = self.people.get(speaker)?;
        let (text, covers) = person.text();
        if covers != Covers::All {
            return None;
        }
        let said = SaidSoFar { text: &text, sentence_end: person.sentence_end, sound: person.sound };
        let complete = self.detector.completeness(&said)?;
        let is_unheard = self.listener.is_some() && person.sound.is_none();
        let complete = if is_unheard { complete.min(0.5) } else { complete };
        Some(TurnInput::Hint { speaker: speaker.clone(), complete })
    }

    /// What this person says from now on is something new.
    pub(super) fn close(&mut self, speaker: &PeerId) {
        self.transcriber.close(speaker);
        if let Some(person) = self.people.get_mut(speaker) {
            person.closed = person.parts.keys().next_back().copied().max(person.closed);
            person.parts.clear();
            person.written.clear();
            person.paused = None;
        }
    }

    /// Nothing more is heard: the captions that were on their way.
    pub(super) async fn finish(self) -> Vec<Caption> {
        self.transcriber.finish().await
    }
}

/// Has it heard whether somebody has finished.
fn judgement(listener: Option<&Arc<dyn TurnListener>>, utterance: &Utterance) -> Option<BoxFuture<'static, Judged>> {
    let listener = listener?.clone();
    let samples: Arc<[i16]> = utterance.samples[..utterance.speech_ends.min(utterance.samples.len())].into();
    let (speaker, utterance) = (utterance.source.peer.clone(), utterance.id);
    Some(Box::pin(async move { Judged { speaker, utterance, finished: speech::judge(listener, samples).await } }))
}

fn on_heard(people: &mut BTreeMap<PeerId, Listening>, heard: &Heard) -> Option<TurnInput> {
    let speaker = |source: &Source| source.peer.clone();
    match heard {
        Heard::Active(source) => Some(TurnInput::Active { speaker: speaker(source) }),
        Heard::Inactive(source) => Some(TurnInput::Inactive { speaker: speaker(source) }),
        Heard::Began(source, id, at) => {
            let person = people.entry(speaker(source)).or_default();
            person.parts.insert(*id, Part { text: String::new(), covers: Covers::Beginning, confidence: None });
            person.paused = None;
            Some(TurnInput::Began { speaker: speaker(source), at: *at })
        }
        Heard::Paused(source, id, at) => people.entry(speaker(source)).or_default().pause(source, *id, *at),
        Heard::WentOn(source, _) => {
            if let Some(person) = people.get_mut(&source.peer) {
                person.paused = None;
            }
            Some(TurnInput::WentOn { speaker: speaker(source) })
        }
        Heard::Ended(utterance) if utterance.end == End::Cut => None,
        Heard::Ended(utterance) | Heard::Withdrawn(utterance) => {
            let person = people.entry(speaker(&utterance.source)).or_default();
            person.pause(&utterance.source, utterance.id, utterance.speech_ended())
        }
    }
}

impl Listening {
    /// Whether an utterance belongs to a turn that is over.
    fn is_closed(&self, id: UtteranceId) -> bool {
        self.closed.is_some_and(|closed| id <= closed)
    }

    /// Tells of a pause, once.
    fn pause(&mut self, source: &Source, id: UtteranceId, at: Duration) -> Option<TurnInput> {
        if self.paused == Some(id) || self.is_closed(id) {
            return None;
        }
        self.paused = Some(id);
        (self.sound, self.sentence_end) = (None, None);
        Some(TurnInput::Paused { speaker: source.peer.clone(), at })
    }

    /// All of it for the turn machine.
    fn told(&self, speaker: &PeerId) -> TurnInput {
        let (text, covers) = self.text();
        TurnInput::Text { speaker: speaker.clone(), text, covers, confidence: self.confidence() }
    }

    /// All parts as one text. It covers as much as its least part does.
    fn text(&self) -> (String, Covers) {
        let heard = self.parts.values().map(|part| part.text.trim());
        let parts = heard.chain(self.written.iter().map(String::as_str)).filter(|text| !text.is_empty());
        let text = parts.collect::<Vec<_>>().join(" ");
        let has = |what| self.parts.values().any(|part| part.covers == what);
        let covers = match (has(Covers::Beginning), has(Covers::StoodIn)) {
            (true, _) => Covers::Beginning,
            (false, true) => Covers::StoodIn,
            (false, false) => Covers::All,
        };
        (text, covers)
    }

    /// All of it is as sure as what was said last: what came before did not decide. What is written beside it is no engine's.
    fn confidence(&self) -> Option<f32> {
        let said = self.parts.values().rev().find(|part| !part.text.trim().is_empty());
        said.filter(|_| self.written.is_empty())?.confidence
    }
}

/// How much more speech makes another partial result in the agent's turn. In others' nothing waits for it, and beginnings are most
/// of what an ear costs.
const HURRIED_PARTIALS: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
