//! What the tests of speech share: engines that are loaded once, voices, and a room that is played as fast as it goes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use roomtone::{
    agent::{Input, testing::Microphone},
    audio::Sound,
    conversation::{Spoken, transcript::Caption},
    speech::{
        Chain, ChainLink, Transcriber, TranscriberSettings,
        engines::{EngineConfig, Folder, open},
        errors,
    },
};

/// Where `tests/speech/set-up` puts things; `None` where it has not run.
pub(crate) fn place() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("speech");
    let is_there = place.join("voices/done").is_file();
    assert!(
        is_there || std::env::var_os("CI").is_none(),
        "in CI no test of speech is skipped: run tests/speech/set-up"
    );
    if !is_there {
        eprintln!("skipped: {} is not there; tests/speech/set-up makes it", place.join("voices").display());
    }
    is_there.then_some(place)
}

/// The folder of the engines.
pub(crate) fn engines(place: &Path) -> Folder {
    Folder::new(place.join("data/engines"))
}

/// An engine alone, with all the time that a busy machine may need.
pub(crate) async fn chain(place: &Path, name: &str) -> Chain {
    let pool = open(&EngineConfig::named(name), &engines(place)).await.unwrap();
    Chain::new(vec![ChainLink::new(pool, Duration::from_secs(300))])
}

/// What is read aloud in `target/speech/voices/VOICE`, with its words.
pub(crate) fn read_aloud(place: &Path, voice: &str) -> Vec<(Vec<i16>, String)> {
    let sentences =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/speech/sentences.txt")).unwrap();
    let read = |(n, sentence): (usize, &str)| {
        let file = place.join("voices").join(voice).join(format!("{:03}.wav", n + 1));
        (Sound::read(&file).unwrap().at(Spoken::RATE).samples, sentence.to_owned())
    };
    let read: Vec<_> = sentences.lines().enumerate().map(read).collect();
    assert_eq!(read.len(), 20);
    read
}

/// People reading, from Debian's `pocketsphinx-testdata`, with their words.
pub(crate) fn people() -> Vec<(Vec<i16>, String)> {
    let folder = Path::new("/usr/share/pocketsphinx/test/data/librivox");
    let words = fs::read_to_string(folder.join("transcription")).unwrap();
    let read = words.lines().map(|line| {
        let (text, name) = line.trim().trim_end_matches(')').rsplit_once('(').unwrap();
        let text = text.replace("<s>", "").replace("</s>", "");
        // A misprint: what is said is "a more amiable".
        let text = text.replace("more a amiable", "more amiable");
        (Sound::read(&folder.join(format!("{name}.wav"))).unwrap().at(Spoken::RATE).samples, text)
    });
    let read: Vec<_> = read.collect();
    assert!(read.len() >= 5);
    read
}

/// A server on this machine, and its URL.
pub(crate) async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Somebody in a room: a name, and what is said from when on.
pub(crate) struct Person<'a> {
    pub(crate) name: &'a str,
    pub(crate) says: Vec<(Duration, &'a [i16])>,
}

/// Without partial captions: what is measured is what is understood for good.
pub(crate) fn finals() -> TranscriberSettings {
    TranscriberSettings { partials: None, ..TranscriberSettings::default() }
}

/// What is understood of a room in which people speak, in the order in which it came. The room lasts as long as it
/// takes to compute; between utterances and behind the last one there is the silence of open microphones.
pub(crate) async fn transcribe(chain: &Chain, settings: TranscriberSettings, people: &[Person<'_>]) -> Vec<Caption> {
    let mut transcriber = Transcriber::new(chain.clone(), settings);
    let tracks: Vec<(Microphone, Vec<i16>)> = people
        .iter()
        .map(|person| {
            let mut track = Vec::new();
            for (at, samples) in &person.says {
                track.resize(track.len().max(Spoken::RATE.samples_in(*at)), 0);
                track.extend_from_slice(samples);
            }
            track.resize(track.len() + 24_000, 0);
            (Microphone::new(person.name, Spoken::RATE), track)
        })
        .collect();
    let mut inputs: Vec<(Duration, Input)> = Vec::new();
    for (mut microphone, track) in tracks {
        for input in microphone.say(&track) {
            let Input::Audio(frame) = &input else { unreachable!() };
            inputs.push((frame.heard(), input));
        }
    }
    inputs.sort_by_key(|(at, _)| *at);
    let mut captions = Vec::new();
    for (_, input) in &inputs {
        transcriber.handle(input);
        while let Some(caption) = transcriber.next_of_heard().await {
            captions.push(caption);
        }
    }
    captions.extend(transcriber.finish().await);
    captions
}

/// Words that are wrong, of how many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Score {
    pub(crate) errors: usize,
    pub(crate) words: usize,
}

impl Score {
    pub(crate) fn percent(self) -> f64 {
        100.0 * self.errors as f64 / self.words.max(1) as f64
    }

    pub(crate) fn add(&mut self, said: &str, heard: &str) {
        let said = normal(said);
        self.errors += errors(&said, &normal(heard));
        self.words += said.split_whitespace().count();
    }
}

/// What each person said, as one text.
pub(crate) fn by_speaker(captions: &[Caption]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::<String, String>::new();
    for caption in captions {
        let text = texts.entry(caption.speaker.to_string()).or_default();
        text.push(' ');
        text.push_str(&caption.text);
    }
    texts
}

/// As transcripts are compared: "Mr." is a word, and what a hyphen joins are two.
fn normal(text: &str) -> String {
    text.to_lowercase().replace('-', " ").replace("mr.", "mister").replace("neighbors", "neighbours")
}
