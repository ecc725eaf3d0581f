//! The agent's ear: what the room tells becomes inputs of the turn machine, and what each person has said since their last turn
//! is one text, whatever utterances it came in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    agent::Input,
    conversation::{
        SaidSoFar, TurnDetector,
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
    people: BTreeMap<PeerId, Listening>,
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
}

impl Ear {
    pub(super) fn new(ears: Chain, settings: TranscriberSettings, detector: Arc<dyn TurnDetector>) -> Ear {
        let settings = TranscriberSettings { at_pauses: true, ..settings };
        Ear { transcriber: Transcriber::new(ears, settings), detector, people: BTreeMap::new() }
    }

    /// Takes what the room told.
    pub(super) fn handle(&mut self, input: &Input, mut tell: impl FnMut(TurnInput)) {
        let people = &mut self.people;
        self.transcriber.handle_and_tell(input, |heard| on_heard(people, heard, &mut tell));
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

    /// Waits for the next caption. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Caption {
        self.transcriber.next().await
    }

    /// What a caption is to the turn machine.
    pub(super) fn on_caption(&mut self, caption: &Caption, mut tell: impl FnMut(TurnInput)) {
        let Some(person) = self.people.get_mut(&caption.speaker) else { return };
        if person.closed.is_some_and(|closed| caption.utterance <= closed) {
            return;
        }
        person.parts.insert(caption.utterance, (caption.text.clone(), caption.covers));
        let (text, covers) = person.text();
        let speaker = caption.speaker.clone();
        let said = SaidSoFar { text: &text, sentence_end: caption.sentence_end };
        let complete = (covers == Covers::All).then(|| self.detector.completeness(&said)).flatten();
        // The hint first: it is for the pause that the text covers.
        if let Some(complete) = complete {
            tell(TurnInput::Hint { speaker: speaker.clone(), complete });
        }
        tell(TurnInput::Text { speaker, text, covers });
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
