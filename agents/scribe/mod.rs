//! An agent that writes down what everybody says: captions while people speak, a transcript of each and of all, and their
//! sound beside it if it is told to keep that.

mod names;
mod options;
mod shelf;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use roomtone::{
    agent::{Agent, AgentError, AudioRequirements, Input, Maker, OptionsError, Room, options},
    conversation::{
        Spoken,
        listening::UtteranceId,
        transcript::{Caption, Order},
    },
    event::{EventKind, TrackEvent},
    speech::{Chain, Transcriber, TranscriberSettings},
};
use tokio::time::{MissedTickBehavior, interval};

use names::Names;
use options::Options;
use shelf::{RoomShelf, Shelf};

/// What all rooms of a deploy share.
struct Shared {
    chain: Chain,
    transcriber: TranscriberSettings,
    options: Options,
    shelf: Option<Shelf>,
}

pub(crate) async fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    let options: Options = options(table)?;
    options.check()?;
    let chain = options.chain().await?;
    let transcriber = options.transcriber()?;
    let shelf = options.folder.clone().map(|folder| Shelf::new(folder, &options));
    let limit = chain.limit();
    let shared = Arc::new(Shared { chain, transcriber, options, shelf });
    Ok(Maker::new(move || Scribe { shared: shared.clone() }).limited(limit.name, limit.most))
}

struct Scribe {
    shared: Arc<Shared>,
}

#[async_trait]
impl Agent for Scribe {
    /// It wants all of it, however late, and says nothing.
    fn requirements(&self) -> AudioRequirements {
        AudioRequirements {
            hear_rate: Spoken::RATE,
            most_behind: None,
            pause_after: Some(self.shared.options.activity.end),
            speak_rate: None,
            ..AudioRequirements::default()
        }
    }

    async fn run(&mut self, room: &mut Room) -> Result<(), AgentError> {
        let shared = &*self.shared;
        let shelf = match &shared.shelf {
            Some(shelf) => Some(shelf.open(room)?),
            None => None,
        };
        let mut desk = Desk { names: Names::default(), order: Order::default(), shown: BTreeSet::new(), shelf, shared };
        let conversation = Some(format!("{}/{}", room.id(), room.me()).into());
        let settings = TranscriberSettings { conversation, ..shared.transcriber.clone() };
        let mut transcriber = Transcriber::new(shared.chain.clone(), settings);
        let mut flush = interval(FLUSH);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                input = room.next() => {
                    let Some(input) = input else { break };
                    desk.on_input(&input, room)?;
                    transcriber.handle(&input);
                }
                caption = transcriber.next() => {
                    desk.on_caption(caption, room);
                    desk.keep(transcriber.earliest())?;
                }
                _ = flush.tick() => desk.flush()?,
            }
        }
        for caption in transcriber.finish().await {
            desk.on_caption(caption, room);
        }
        desk.finish(room)
    }
}

/// What one room's captions pass over on their way out.
struct Desk<'a> {
    names: Names,
    order: Order,
    /// Utterances of which a beginning was shown.
    shown: BTreeSet<UtteranceId>,
    shelf: Option<RoomShelf>,
    shared: &'a Shared,
}

impl Desk<'_> {
    fn on_input(&mut self, input: &Input, room: &Room) -> Result<(), AgentError> {
        match input {
            Input::Audio(frame) => self.shelf.as_mut().map_or(Ok(()), |shelf| shelf.on_frame(frame)),
            Input::Gap(gap) => self.shelf.as_mut().map_or(Ok(()), |shelf| shelf.on_gap(gap)),
            Input::Event(event) => {
                if self.shared.options.names && matches!(event.kind, EventKind::Peer(_)) {
                    self.names.learn(room.peers.iter());
                }
                match (&event.kind, &mut self.shelf) {
                    (EventKind::Track(TrackEvent::Removed { track, .. }), Some(shelf)) => {
                        shelf.on_track_removed(&track.id)
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Every caption is shown at once; the last of an utterance waits to be kept in the order in which speech began.
    fn on_caption(&mut self, mut caption: Caption, room: &Room) {
        caption.name = self.names.of(&caption.speaker);
        self.shared.options.redact.apply(&mut caption);
        // Who was shown a beginning is told that there was nothing; nobody else is.
        let was_shown = match caption.is_partial() {
            true => self.shown.insert(caption.utterance),
            false => self.shown.remove(&caption.utterance),
        };
        if was_shown || caption.is_partial() || !is_nothing(&caption) {
            room.notes.post(caption.note());
        }
        if !caption.is_partial() {
            self.order.put(caption);
        }
    }

    fn keep(&mut self, earliest: Option<(Duration, UtteranceId)>) -> Result<(), AgentError> {
        while let Some(caption) = self.order.next(earliest) {
            if let (false, Some(shelf)) = (is_nothing(&caption), &mut self.shelf) {
                shelf.write(&caption)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), AgentError> {
        self.shelf.as_mut().map_or(Ok(()), RoomShelf::flush)
    }

    fn finish(mut self, room: &Room) -> Result<(), AgentError> {
        self.keep(None)?;
        match self.shelf.take() {
            Some(shelf) => shelf.finish(room),
            None => Ok(()),
        }
    }
}

/// Something was taken for speech, and was none.
fn is_nothing(caption: &Caption) -> bool {
    caption.text.is_empty() && caption.is_final()
}

/// What was heard is on the disk after this long.
const FLUSH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
