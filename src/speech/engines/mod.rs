//! The table of engines: what each is, what it needs on the disk, how it is put there, how a deploy names it.
//!
//! An engine's files lie in a folder of their own under the user's data folder, `engines/NAME-VERSION/`, so that two
//! versions stand side by side. They come from the packages of PyPI by name, with versions and SHA-256 sums that the program
//! holds; nothing else is ever downloaded.

mod activity;
mod chains;
mod config;
mod files;
mod folder;
mod install;
mod loaded;
mod models;
mod open;
mod open_voice;

pub use activity::ActivityOptions;
pub use chains::{open_ears, open_voices};
pub use config::EngineConfig;
pub use files::Damaged;
pub use folder::{DATA_ENV, Folder};
pub use install::{InstallError, Installer};
pub(in crate::speech) use loaded::Shared;
pub use models::{ModelConfig, open_models};
pub use open::{Opened, open, open_detector, open_noise_filter, open_turn_listener};
pub use open_voice::{open_voice, unopened_voice};

/// One engine of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    /// By which it is named.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// What it does.
    pub job: Job,
    /// Under which licence its code and its weights are.
    pub licence: &'static str,
    /// The languages that it understands.
    pub languages: &'static str,
    /// The version that is installed; empty for what is not installed.
    pub version: &'static str,
    /// How much of the disk it takes, in MB.
    pub megabytes: u32,
    /// Where its files come from.
    pub(super) source: Source,
}

/// What an engine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Speech to text.
    Text,
    /// Text to speech.
    Voice,
    /// Whether a turn is over.
    Turn,
    /// Voice activity.
    Activity,
}

/// Where an engine's files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It is part of the program, or elsewhere.
    None,
    /// Some files of some wheels.
    Wheels { requirements: &'static [&'static str], files: &'static [WheelFile] },
    /// Whole packages for Python, and a worker that uses them.
    Packages { requirements: &'static str, worker: Worker },
    /// A library of the system, and a worker that uses it: the library's file, and how it gets here.
    Library { file: &'static str, package: &'static str, worker: Worker },
}

/// A program for Python: its file and its text, and what it imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) file: &'static str,
    text: &'static str,
    imports: &'static [(&'static str, &'static str)],
}

const WORKER: (&str, &str) = ("worker.py", include_str!("workers/worker.py"));
const EAR: &[(&str, &str)] = &[WORKER];
const VOICE: &[(&str, &str)] = &[WORKER, ("voice_worker.py", include_str!("workers/voice_worker.py"))];

/// A file of a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WheelFile {
    /// What its path in the wheel begins with and ends in.
    begins: &'static str,
    ends: &'static str,
    /// What it is called in the engine's folder.
    pub(super) name: &'static str,
    /// The size, and the SHA-256 sums that it may have: one for each kind of machine.
    sums: &'static [&'static str],
}

/// All engines.
pub const ENGINES: [Engine; 10] = [
    Engine {
        name: "moonshine",
        about: "Moonshine tiny, a small neural model that runs natively",
        job: Job::Text,
        licence: "MIT",
        languages: "en",
        version: "0.1.0",
        megabytes: 66,
        source: Source::Wheels { requirements: &[MOONSHINE], files: &[ENCODER, DECODER, TOKENIZER, RUNTIME] },
    },
    Engine {
        name: "whisper",
        about: "Whisper tiny.en through faster-whisper, in processes of its own",
        job: Job::Text,
        licence: "MIT",
        languages: "en",
        version: "1.2.1",
        megabytes: 302,
        source: Source::Packages {
            requirements: include_str!("requirements/whisper.txt"),
            worker: Worker { file: "whisper_worker.py", text: include_str!("workers/whisper_worker.py"), imports: EAR },
        },
    },
    Engine {
        name: "pocketsphinx",
        about: "CMU PocketSphinx, small and old, with times of words, in processes of its own",
        job: Job::Text,
        licence: "BSD-2-Clause",
        languages: "en",
        version: "5.1.1",
        megabytes: 39,
        source: Source::Packages {
            requirements: include_str!("requirements/pocketsphinx.txt"),
            worker: Worker {
                file: "pocketsphinx_worker.py",
                text: include_str!("workers/pocketsphinx_worker.py"),
                imports: EAR,
            },
        },
    },
    Engine {
        name: "hibari",
        about: "hibari, a small neural voice, in processes of its own",
        job: Job::Voice,
        licence: "Apache-2.0",
        languages: "en",
        version: "0.2.1",
        megabytes: 148,
        source: Source::Packages {
            requirements: include_str!("requirements/hibari.txt"),
            worker: Worker { file: "hibari_worker.py", text: include_str!("workers/hibari_worker.py"), imports: VOICE },
        },
    },
    Engine {
        name: "flite",
        about: "CMU Flite, small and old, in processes of its own",
        job: Job::Voice,
        licence: "MIT-CMU",
        languages: "en",
        version: "2",
        megabytes: 0,
        source: Source::Library {
            file: "libflite.so.1",
            package: "libflite1",
            worker: Worker { file: "flite_worker.py", text: include_str!("workers/flite_worker.py"), imports: VOICE },
        },
    },
    Engine {
        name: "espeak-ng",
        about: "eSpeak NG, which speaks a hundred languages, in processes of its own",
        job: Job::Voice,
        licence: "GPL-3.0",
        languages: "any",
        version: "1",
        megabytes: 0,
        source: Source::Library {
            file: "libespeak-ng.so.1",
            package: "libespeak-ng1",
            worker: Worker { file: "espeak_worker.py", text: include_str!("workers/espeak_worker.py"), imports: VOICE },
        },
    },
    Engine {
        name: "openai",
        about: "a server with OpenAI's interfaces for speech and chat, at the URL that a deploy names",
        job: Job::Text,
        licence: "the server's",
        languages: "any",
        version: "",
        megabytes: 0,
        source: Source::None,
    },
    Engine {
        name: "earshot",
        about: "voice activity, part of the program",
        job: Job::Activity,
        licence: "MIT OR Apache-2.0",
        languages: "any",
        version: "",
        megabytes: 0,
        source: Source::None,
    },
    Engine {
        name: "silero",
        about: "Silero voice activity, a neural model that runs natively",
        job: Job::Activity,
        licence: "MIT",
        languages: "any",
        version: "1.14.0",
        megabytes: 25,
        source: Source::Wheels {
            requirements: &[MOONSHINE, include_str!("requirements/silero.txt")],
            files: &[SILERO, RUNTIME],
        },
    },
    Engine {
        name: "smart-turn",
        about: "Smart Turn, which hears whether somebody has finished; runs natively",
        job: Job::Turn,
        licence: "BSD-2-Clause",
        languages: "any",
        version: "3.2",
        megabytes: 31,
        source: Source::Wheels {
            requirements: &[MOONSHINE, include_str!("requirements/silero.txt")],
            files: &[SMART_TURN, RUNTIME],
        },
    },
];

impl Engine {
    /// The engine of this name.
    pub fn find(name: &str) -> Option<&'static Engine> {
        ENGINES.iter().find(|engine| engine.name == name)
    }

    /// Whether it needs files on the disk.
    pub fn is_installable(&self) -> bool {
        self.source != Source::None
    }

    /// The name of its folder.
    pub(super) fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

const MOONSHINE: &str = include_str!("requirements/moonshine.txt");
const ENCODER: WheelFile = WheelFile {
    begins: "moonshine_voice/assets/tiny-en/",
    ends: "encoder_model.ort",
    name: "encoder_model.ort",
    sums: &["94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"],
};
const DECODER: WheelFile = WheelFile {
    begins: "moonshine_voice/assets/tiny-en/",
    ends: "decoder_model_merged.ort",
    name: "decoder_model_merged.ort",
    sums: &["cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0"],
};
const TOKENIZER: WheelFile = WheelFile {
    begins: "moonshine_voice/assets/tiny-en/",
    ends: "tokenizer.bin",
    name: "tokenizer.bin",
    sums: &["6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d"],
};
/// ONNX Runtime 1.23.2: Linux on x86_64, on aarch64, macOS.
const RUNTIME: WheelFile = WheelFile {
    begins: "moonshine_voice",
    ends: if cfg!(target_os = "macos") { ".dylib" } else { ".so.1" },
    name: "libonnxruntime",
    sums: &[
        "c0995ae1102b871426e7bddf625451d6c19f12d0b6d79786218cbb77c2de865c",
        "2723a421531e984cf053ead965b8ea00c88a0353dce17b622bc82e752ef6752f",
        "480790a978a48ad3e06ce86b6025e037bd70221637f5c104a8dde19617364cf4",
    ],
};
const SILERO: WheelFile = WheelFile {
    begins: "pipecat/audio/vad/data/",
    ends: "silero_vad.onnx",
    name: "silero_vad.onnx",
    sums: &["1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"],
};
const SMART_TURN: WheelFile = WheelFile {
    begins: "pipecat/audio/turn/smart_turn/data/",
    ends: "smart-turn-v3.2-cpu.onnx",
    name: "smart-turn-v3.2-cpu.onnx",
    sums: &["2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"],
};
