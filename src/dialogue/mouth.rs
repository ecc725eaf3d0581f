//! The agent's mouth: text of one reply comes in, is cut into sentences, made into sound a sentence ahead, and given to the
//! voice. It can be held, stopped in the middle, and go on at the first word that was not heard.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{apology::Apology, line::Line};
use crate::{
    agent::Voice,
    conversation::{
        EngineError, Sentence,
        speaking::{Sentences, speakable},
    },
    speech::{Said, Saying, Voices},
};

/// See the module's head.
pub(super) struct Mouth {
    voices: Voices,
    language: Option<Arc<str>>,
    conversation: Arc<str>,
    /// What is said in place of the first sentence that cannot be.
    apology: Option<Apology>,
    has_apologized: bool,
    sentences: Sentences,
    /// Sentences that are not being made yet.
    waiting: VecDeque<String>,
    /// What the reply has been so far, its last line being made.
    lines: Vec<Line>,
    saying: Option<Saying>,
    /// It says nothing for now.
    is_held: bool,
    /// No more text comes.
    is_over: bool,
    /// Where the reply begins in the voice.
    begins: Option<u64>,
    /// When its first sound was made, and when the voice got it.
    pub(super) first_sound: Option<Instant>,
    pub(super) first_queued: Option<Instant>,
}

/// What there is to know of a reply when it ends.
#[derive(Debug, Default, PartialEq)]
pub(super) struct HeardReply {
    pub(super) text: String,
    /// Where the words lie is an estimate.
    pub(super) is_estimate: bool,
    /// There was more.
    pub(super) is_cut: bool,
}

impl Mouth {
    pub(super) fn new(
        voices: Voices,
        language: Option<Arc<str>>,
        conversation: Arc<str>,
        apology: Option<Apology>,
    ) -> Mouth {
        Mouth {
            voices,
            language,
            conversation,
            apology,
            has_apologized: false,
            sentences: Sentences::default(),
            waiting: VecDeque::new(),
            lines: Vec::new(),
            saying: None,
            is_held: true,
            is_over: false,
            begins: None,
            first_sound: None,
            first_queued: None,
        }
    }

    /// Another reply begins; nothing of it is heard before [`release`](Self::release).
    pub(super) fn begin(&mut self) {
        let (voices, language, conversation) = (self.voices.clone(), self.language.clone(), self.conversation.clone());
        *self = Mouth::new(voices, language, conversation, self.apology.clone());
    }

    pub(super) fn text(&mut self, text: &str) {
        let over: Vec<String> = self.sentences.push(text).collect();
        self.add(over);
    }

    /// What was given so far is said though it may be no whole sentence.
    pub(super) fn flush(&mut self) {
        let rest = self.sentences.finish();
        self.add(rest);
    }

    /// No more text comes.
    pub(super) fn finish_text(&mut self) {
        self.flush();
        self.is_over = true;
    }

    fn add(&mut self, sentences: impl IntoIterator<Item = String>) {
        let said = sentences.into_iter().map(|sentence| speakable(&sentence)).filter(|said| !said.is_empty());
        self.waiting.extend(said);
    }

    /// Whether more text would only wait.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// It may be heard.
    pub(super) fn release(&mut self, voice: &mut Voice) {
        self.is_held = false;
        self.pump(voice);
    }

    /// Is silent at once.
    pub(super) fn hold(&mut self, voice: &mut Voice) {
        self.is_held = true;
        voice.interrupt();
    }

    /// Goes on at the first word that was not heard whole.
    pub(super) fn resume(&mut self, voice: &mut Voice) {
        let played = voice.played();
        self.lines.iter_mut().for_each(|line| line.rewind(played));
        self.release(voice);
    }

    /// Says no more. Gives what was heard.
    pub(super) fn stop(&mut self, voice: &mut Voice) -> HeardReply {
        let is_done = self.is_done(voice);
        if !is_done {
            voice.interrupt();
        }
        let heard = self.heard(voice, !is_done);
        self.begin();
        heard
    }

    fn heard(&self, voice: &Voice, is_cut: bool) -> HeardReply {
        let played = voice.played();
        let mut reply = HeardReply { is_cut, ..HeardReply::default() };
        for line in self.lines.iter().filter(|line| line.has_begun()) {
            let (text, is_estimate) = if is_cut { line.heard(played) } else { (line.text().to_owned(), false) };
            if !text.is_empty() {
                reply.text.push_str(if reply.text.is_empty() { "" } else { " " });
                reply.text.push_str(&text);
                reply.is_estimate = is_estimate && text != line.text();
            }
        }
        reply
    }

    /// Has the next sentence made if it is time, and gives the voice what there is.
    pub(super) fn pump(&mut self, voice: &mut Voice) {
        self.make_next(voice);
        if self.is_held {
            return;
        }
        let before = voice.written();
        for line in self.lines.iter_mut().filter(|line| !line.is_queued()) {
            line.queue(voice);
            if !line.is_queued() {
                break;
            }
        }
        if voice.written() > before && self.begins.is_none() {
            self.begins = Some(before);
            self.first_queued = Some(Instant::now());
        }
    }

    fn make_next(&mut self, voice: &Voice) {
        if self.saying.is_some() || self.waiting.is_empty() {
            return;
        }
        let played = voice.played();
        let ahead = self.lines.iter().filter(|line| line.is_ahead_of(played)).count();
        if ahead < MOST_AHEAD
            && let Some(text) = self.waiting.pop_front()
        {
            let sentence = Sentence { text: text.as_str().into(), language: self.language.clone() };
            self.saying = Some(self.voices.say_in(sentence, Some(self.conversation.clone())));
            self.lines.push(Line::new(text, voice.rate()));
        }
    }

    /// Waits for more of what is being made. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Said> {
        match &mut self.saying {
            Some(saying) => saying.next().await,
            None => std::future::pending().await,
        }
    }

    /// Takes what [`next`](Self::next) gave.
    ///
    /// # Errors
    /// No engine says the sentence: it is left out, and an apology takes its place if it is the first one.
    pub(super) fn on_said(&mut self, said: Option<Said>, voice: &mut Voice) -> Result<(), EngineError> {
        let Some(line) = self.lines.last_mut() else { return Ok(()) };
        let mut result = Ok(());
        match said {
            Some(Said::Piece(piece)) => {
                self.first_sound.get_or_insert_with(Instant::now);
                line.take(piece);
            }
            Some(Said::Restarts) => {
                let has_begun = line.has_begun();
                line.restart();
                if has_begun {
                    voice.interrupt();
                    let played = voice.played();
                    self.lines.iter_mut().for_each(|line| line.rewind(played));
                }
            }
            Some(Said::Failed(error)) => {
                // What the voice has of it is heard; the rest is not said.
                match line.has_begun() {
                    true => line.finish(),
                    false => drop(self.lines.pop()),
                }
                self.saying = None;
                self.apologize(voice);
                result = Err(error);
            }
            None => {
                line.finish();
                self.saying = None;
            }
        }
        self.pump(voice);
        result
    }

    fn apologize(&mut self, voice: &Voice) {
        if !std::mem::replace(&mut self.has_apologized, true)
            && let Some(apology) = &self.apology
        {
            self.first_sound.get_or_insert_with(Instant::now);
            self.lines.push(apology.line(voice.rate()));
        }
    }

    /// Whether some of the reply has been heard.
    pub(super) fn is_heard(&self, voice: &Voice) -> bool {
        self.begins.is_some_and(|begins| voice.played() > begins)
    }

    /// Whether all of it has been heard, or nothing is to be.
    pub(super) fn is_done(&self, voice: &Voice) -> bool {
        // What is held was cut off, however silent it is.
        let nothing_left = !self.is_held && self.is_over && self.waiting.is_empty() && self.saying.is_none();
        nothing_left && self.lines.iter().all(Line::is_queued) && (voice.is_silent() || self.lines.is_empty())
    }

    /// When it is to be looked at again, if something is to happen by the clock alone.
    pub(super) fn look_after(&self) -> Option<Duration> {
        (!self.is_held && (!self.lines.is_empty() || self.is_over)).then_some(LOOK)
    }
}

/// Sentences that are made before they are heard, beside the one that is.
const MOST_AHEAD: usize = 2;
/// Sentences that wait to be made; whoever writes more waits.
const MOST_WAITING: usize = 32;
/// How exactly the first and the last sample are seen.
const LOOK: Duration = Duration::from_millis(5);
