//! The agent's ear: what the room tells becomes inputs of the turn machine, and what each person has said since their last turn
//! is one text, whatever utterances it came in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};

use crate::{
    agent::{Input, Source},
    conversation::{
        SaidSoFar, TurnDetector, TurnListener,
        listening::{End, Heard, UtteranceId},
        transcript::Caption,
        turn::{Covers, TurnInput},
    },
    event::{EventKind, PeerEvent, PeerId},
    speech::{Chain, Transcriber, TranscriberSettings},
};

/// See the module's head.
pub(super) struct Ear {
    transcriber: Transcriber,
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

/// What one person has said since their last turn.
#[derive(Default)]
struct Listening {
    /// By utterance.
    parts: BTreeMap<UtteranceId, (String, Covers)>,
    /// Utterances up to this one belong to turns that are over.
    closed: Option<UtteranceId>,
    /// The utterance of whose pause was told.
    paused: Option<UtteranceId>,
    /// How sure an engine is that a sentence ends at that pause, and how it sounds.
    sentence_end: Option<f32>,
    sound: Option<f32>,
}

impl Ear {
    pub(super) fn new(
        ears: Chain,
        settings: TranscriberSettings,
        detector: Arc<dyn TurnDetector>,
        listener: Option<Arc<dyn TurnListener>>,
    ) -> Ear {
        let transcriber = Transcriber::new(ears, TranscriberSettings { at_pauses: true, ..settings });
        Ear { transcriber, detector, listener, judging: FuturesUnordered::new(), people: BTreeMap::new() }
    }

    /// Takes what the room told.
    pub(super) fn handle(&mut self, input: &Input, mut tell: impl FnMut(TurnInput)) {
        let (people, mut pauses) = (&mut self.people, Vec::new());
        self.transcriber.handle_and_tell(input, |heard| {
            on_heard(people, heard, &mut tell);
            if let Heard::Paused(source, id, _) = heard {
                pauses.push((source.clone(), *id));
            }
        });
        pauses.into_iter().for_each(|(source, id)| self.judge(&source, id));
        if let Input::Event(event) = input {
            match &event.kind {
                EventKind::Peer(PeerEvent::Left { peer, .. }) => {
                    self.people.remove(&peer.id);
                    tell(TurnInput::Left { speaker: peer.id.clone() });
                }
                EventKind::Peer(PeerEvent::Joined { peer, .. } | PeerEvent::Updated { peer, .. }) => {
                    if let Some(name) = peer.display_name() {
                        tell(TurnInput::Named { speaker: peer.id.clone(), name });
                    }
                }
                _ => {}
            }
        }
    }

    /// Has it heard whether somebody has finished.
    fn judge(&mut self, source: &Source, id: UtteranceId) {
        let Some(listener) = self.listener.clone() else { return };
        let Some(utterance) = self.transcriber.open_on(&source.track).filter(|open| open.id == id) else { return };
        let samples: Arc<[i16]> = utterance.samples[..utterance.speech_ends.min(utterance.samples.len())].into();
        let speaker = source.peer.clone();
        self.judging.push(Box::pin(async move {
            Judged { speaker, utterance: id, finished: listener.finished(samples).await }
        }));
    }

    /// Waits for what is heard next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> EarNews {
        tokio::select! {
            caption = self.transcriber.next() => EarNews::Caption(caption),
            Some(judged) = self.judging.next() => EarNews::Judged(judged),
        }
    }

    /// What a caption is to the turn machine.
    pub(super) fn on_caption(&mut self, caption: &Caption, mut tell: impl FnMut(TurnInput)) {
        let Some(person) = self.people.get_mut(&caption.speaker) else { return };
        if person.closed.is_some_and(|closed| caption.utterance <= closed) {
            return;
        }
        person.parts.insert(caption.utterance, (caption.text.clone(), caption.covers));
        person.sentence_end = caption.sentence_end;
        let (text, covers) = person.text();
        self.hint(&caption.speaker, &mut tell);
        tell(TurnInput::Text { speaker: caption.speaker.clone(), text, covers });
    }

    /// What a judgement is to it.
    pub(super) fn on_judged(&mut self, judged: &Judged, mut tell: impl FnMut(TurnInput)) {
        let Some(person) = self.people.get_mut(&judged.speaker) else { return };
        if person.paused == Some(judged.utterance) {
            person.sound = judged.finished;
            self.hint(&judged.speaker, &mut tell);
        }
    }

    /// How whole it seems, as far as is known. Whoever is listened to is not taken for finished before that was heard.
    fn hint(&self, speaker: &PeerId, tell: &mut impl FnMut(TurnInput)) {
        let Some(person) = self.people.get(speaker) else { return };
        let (text, covers) = person.text();
        if covers != Covers::All {
            return;
        }
        let said = SaidSoFar { text: &text, sentence_end: person.sentence_end, sound: person.sound };
        let is_unheard = self.listener.is_some() && person.sound.is_none();
        if let Some(complete) = self.detector.completeness(&said) {
            let complete = if is_unheard { complete.min(0.5) } else { complete };
            tell(TurnInput::Hint { speaker: speaker.clone(), complete });
        }
    }

    /// What this person says from now on is something new.
    pub(super) fn close(&mut self, speaker: &PeerId) {
        self.transcriber.close(speaker);
        if let Some(person) = self.people.get_mut(speaker) {
            person.closed = person.parts.keys().next_back().copied().max(person.closed);
            person.parts.clear();
            person.paused = None;
        }
    }

    /// Nothing more is heard: the captions that were on their way.
    pub(super) async fn finish(self) -> Vec<Caption> {
        self.transcriber.finish().await
    }
}

fn on_heard(people: &mut BTreeMap<PeerId, Listening>, heard: &Heard, tell: &mut impl FnMut(TurnInput)) {
    match heard {
        Heard::Active(source) => tell(TurnInput::Active { speaker: source.peer.clone() }),
        Heard::Inactive(source) => tell(TurnInput::Inactive { speaker: source.peer.clone() }),
        Heard::Began(source, id, at) => {
            let person = people.entry(source.peer.clone()).or_default();
            person.parts.insert(*id, (String::new(), Covers::Beginning));
            person.paused = None;
            tell(TurnInput::Began { speaker: source.peer.clone(), at: *at });
        }
        Heard::Paused(source, id, at) => pause(people, &source.peer, *id, *at, tell),
        Heard::WentOn(source, _) => {
            if let Some(person) = people.get_mut(&source.peer) {
                person.paused = None;
            }
            tell(TurnInput::WentOn { speaker: source.peer.clone() });
        }
        Heard::Ended(utterance) if utterance.end == End::Cut => {}
        Heard::Ended(utterance) => {
            pause(people, &utterance.source.peer, utterance.id, utterance.speech_ended(), tell);
        }
        Heard::Withdrawn(utterance) => {
            pause(people, &utterance.source.peer, utterance.id, utterance.speech_ended(), tell);
        }
    }
}

/// Tells of a pause, once.
fn pause(
    people: &mut BTreeMap<PeerId, Listening>,
    speaker: &PeerId,
    id: UtteranceId,
    at: Duration,
    tell: &mut impl FnMut(TurnInput),
) {
    let person = people.entry(speaker.clone()).or_default();
    let is_known = person.paused == Some(id) || person.closed.is_some_and(|closed| id <= closed);
    if !is_known {
        person.paused = Some(id);
        (person.sound, person.sentence_end) = (None, None);
        tell(TurnInput::Paused { speaker: speaker.clone(), at });
    }
}

impl Listening {
    /// All parts as one text. It covers as much as its least part does.
    fn text(&self) -> (String, Covers) {
        let parts = self.parts.values().map(|(text, _)| text.trim()).filter(|text| !text.is_empty());
        let text = parts.collect::<Vec<_>>().join(" ");
        let has = |what| self.parts.values().any(|(_, covers)| *covers == what);
        let covers = match (has(Covers::Beginning), has(Covers::StoodIn)) {
            (true, _) => Covers::Beginning,
            (false, true) => Covers::StoodIn,
            (false, false) => Covers::All,
        };
        (text, covers)
    }
}
