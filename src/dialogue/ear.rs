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
    /// Which pause of theirs.
    pause: u64,
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
    /// How many pauses were told.
    pauses: u64,
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
        let Ear { transcriber, people, judging, listener, .. } = self;
        let (mut told, mut pauses) = (Vec::new(), Vec::new());
        transcriber.handle_and_tell(input, |heard| {
            let news = on_heard(people, heard);
            match heard {
                Heard::Paused(source, id, _) => pauses.push((source.clone(), *id)),
                // The end of sound that stops is the first that is known of a pause. Who has left is not answered.
                Heard::Ended(utterance) if utterance.end != End::Left => {
                    let unheard = pauses.extract_if(.., |(_, id)| *id == utterance.id).next();
                    if news.is_some() || unheard.is_some() {
                        judging.extend(judgement(listener.as_ref(), people, utterance));
                    }
                }
                _ => {}
            }
            told.extend(news);
        });
        for (source, id) in pauses {
            if let Some(open) = transcriber.open_on(&source.track).filter(|open| open.id == id) {
                judging.extend(judgement(listener.as_ref(), people, open));
            }
        }
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
            // It is answered with what is being said, and stands whatever becomes of that.
            true => person.standing(speaker).into_iter().chain([text]).collect(),
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
        if person.paused.is_none() || person.pauses != judged.pause {
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

/// Has it heard whether somebody has finished who paused at the end of this.
fn judgement(
    listener: Option<&Arc<dyn TurnListener>>,
    people: &BTreeMap<PeerId, Listening>,
    utterance: &Utterance,
) -> Option<BoxFuture<'static, Judged>> {
    let (listener, speaker) = (listener?.clone(), utterance.source.peer.clone());
    let pause = people.get(&speaker)?.pauses;
    let samples: Arc<[i16]> = utterance.samples[..utterance.speech_ends.min(utterance.samples.len())].into();
    Some(Box::pin(async move { Judged { speaker, pause, finished: speech::judge(listener, samples).await } }))
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
        (self.paused, self.pauses) = (Some(id), self.pauses + 1);
        (self.sound, self.sentence_end) = (None, None);
        Some(TurnInput::Paused { speaker: source.peer.clone(), at })
    }

    /// All of it for the turn machine.
    fn told(&self, speaker: &PeerId) -> TurnInput {
        let (text, covers) = self.text();
        TurnInput::Text { speaker: speaker.clone(), text, covers, confidence: self.confidence() }
    }

    /// The same without what is tentative, if anything is.
    fn standing(&self, speaker: &PeerId) -> Option<TurnInput> {
        let stands = |part: &&Part| part.covers != Covers::Tentative;
        if self.parts.values().all(|part| stands(&part)) {
            return None;
        }
        let text = joined(self.parts.values().filter(stands), &self.written);
        Some(TurnInput::Text { speaker: speaker.clone(), text, covers: Covers::Beginning, confidence: None })
    }

    /// All parts as one text. It covers as much as its least part does.
    fn text(&self) -> (String, Covers) {
        let text = joined(self.parts.values(), &self.written);
        let has = |what| self.parts.values().any(|part| part.covers == what);
        let least = [Covers::Tentative, Covers::Beginning, Covers::StoodIn].into_iter().find(|what| has(*what));
        (text, least.unwrap_or(Covers::All))
    }

    /// All of it is as sure as what was said last: what came before did not decide. What is written beside it is no engine's.
    fn confidence(&self) -> Option<f32> {
        let said = self.parts.values().rev().find(|part| !part.text.trim().is_empty());
        said.filter(|_| self.written.is_empty())?.confidence
    }
}

/// What somebody has said, and written beside that.
fn joined<'a>(parts: impl Iterator<Item = &'a Part>, written: &'a [String]) -> String {
    let parts = parts.map(|part| part.text.trim()).chain(written.iter().map(String::as_str));
    parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// How much more speech makes another partial result in the agent's turn. In others' nothing waits for it, and beginnings are most
/// of what an ear costs.
const HURRIED_PARTIALS: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
