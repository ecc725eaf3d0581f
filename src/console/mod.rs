//! This machine's microphone and speaker in place of a room: a platform of one room with one person in it.
//!
//! The agent is the one that a host would run, in the same session: same inbox, same turns, same counters. Only where its
//! sound comes from is another.
//!
//! ```text
//! microphone -> callback -> ring -> | sound thread: resample, cancel echo, 20 ms blocks | -> driver -> agent
//! speaker   <- callback <- ring <-  | resample, follow the device's clock              | <- driver <- its voice
//!                  \-- what was played --> the canceller's other ear
//! ```
//!
//! The devices' callbacks touch nothing but lock-free rings. What goes (a headset unplugged, a server restarted) is opened
//! again while the session goes on.
//!
//! Files may stand in for the devices, on a clock that is exact:
//!
//! ```
//! use roomtone::{agent::Agent, console::{Console, ConsoleOptions, Ends}};
//! # async fn example(agent: Box<dyn Agent>) -> Result<(), Box<dyn std::error::Error>> {
//! let ends = Ends::Files { input: Some("question.wav".into()), output: Some("answer.wav".into()), echo_db: None };
//! let console = Console::new(ConsoleOptions { ends, ..ConsoleOptions::default() });
//! let session = console.begin(agent)?;
//! session.ended().await;
//! # Ok(())
//! # }
//! ```

mod capture;
mod card;
mod device;
mod drift;
mod driver;
mod echo;
mod files;
mod platform;
mod playback;
mod recording;
mod ring;
mod room;
mod sound;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use tracing::Instrument;

pub use card::CardFigures;
pub use device::{Choice, DeviceInfo, Direction, devices};
pub use echo::Processing;
pub use recording::{Difference, Outcome, Pace, Recorder, Recording, RecordingError, Replay};
pub use sound::Desk;

use crate::{
    agent::{Agent, AudioRequirements},
    audio::{Hz, codec::CodecError},
    session::{PendingSession, SessionHandle},
};
use card::Card;
use driver::{Driver, Parts, Typed};
use sound::{Sound, Wires};

/// How an agent is talked to on this machine.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// Where the sound comes from and goes to.
    pub ends: Ends,
    /// What is done about the microphone's sound.
    pub processing: Processing,
    /// How far ahead of what is heard the voice is queued, from 40 to 800 ms: more rides out a busy machine. An interrupt does
    /// not wait for it.
    pub lead: Duration,
}

/// Where the sound comes from and goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Ends {
    /// A microphone and a speaker.
    Devices(Choice),
    /// A file that is said, and one that what is heard is written to, as WAV at the voice's rate.
    Files {
        /// WAV, FLAC, MP3, Ogg and what else `audio::Sound` reads; nothing is said where it is missing.
        input: Option<PathBuf>,
        /// Where to write.
        output: Option<PathBuf>,
        /// Lets the microphone hear the speaker as in a room, so much louder than it plays, in dB; not at all where it is
        /// missing.
        echo_db: Option<f32>,
    },
}

impl Default for ConsoleOptions {
    /// The machine's default devices, cleaned, with a lead of 120 ms.
    fn default() -> ConsoleOptions {
        ConsoleOptions { ends: Ends::Devices(Choice::default()), processing: Processing::default(), lead: LEAD }
    }
}

/// A room of one person. Clones are the same; it takes one agent at a time.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    options: ConsoleOptions,
    desk: Desk,
    typing: Mutex<Option<Keys>>,
}

/// What the keyboard has to do with whoever is talked to.
struct Keys {
    lines: mpsc::Sender<String>,
    interrupts: watch::Sender<u64>,
}

/// What a session is begun with.
struct Opened {
    parts: Parts,
    pending: PendingSession,
    ends: driver::Ends,
}

/// Why an agent cannot be talked to here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// A device cannot be had; the text says which, and what to do.
    #[error("{0}")]
    Device(String),
    /// A file cannot be read or made.
    #[error("{0}")]
    File(String),
    /// The sound that stands in for the microphone cannot be read.
    #[error("{0}")]
    SoundFile(String),
    /// The session cannot be kept.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The agent wants sound at a rate that makes no sense.
    #[error("the agent wants sound at {0}; choose a rate from 8000 to 192000 Hz")]
    Rate(Hz),
    /// Its voice cannot be encoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Somebody is being talked to.
    #[error("an agent is at this console already; end that one first")]
    Taken,
}

impl Console {
    /// One that opens its devices when an agent comes.
    pub fn new(options: ConsoleOptions) -> Console {
        let options = ConsoleOptions { lead: options.lead.min(LONGEST_LEAD), ..options };
        Console(Arc::new(Inner { options, desk: Desk::default(), typing: Mutex::default() }))
    }

    /// Its switches, and what is to be seen of it.
    pub fn desk(&self) -> Desk {
        self.0.desk.clone()
    }

    /// Whether what is heard goes into a file.
    pub(crate) fn writes_a_file(&self) -> bool {
        matches!(&self.0.options.ends, Ends::Files { output: Some(_), .. })
    }

    /// Writes a line to the agent, as a message in the room's chat. Says whether an agent was there to take it.
    pub fn write(&self, line: impl Into<String>) -> bool {
        let typing = self.0.typing.lock().expect("no holder panics");
        typing.as_ref().is_some_and(|keys| keys.lines.try_send(line.into()).is_ok())
    }

    /// Lets the agent fall silent. Says whether one was there.
    pub fn interrupt(&self) -> bool {
        let typing = self.0.typing.lock().expect("no holder panics");
        let keys = typing.as_ref().filter(|keys| !keys.lines.is_closed());
        keys.inspect(|keys| keys.interrupts.send_modify(|times| *times += 1)).is_some()
    }

    /// Opens the devices and lets the agent run, until it returns or is told to leave.
    ///
    /// # Errors
    /// [`ConsoleError`]; nothing is open then.
    pub fn begin(&self, agent: Box<dyn Agent>) -> Result<SessionHandle, ConsoleError> {
        let wants = agent.requirements();
        self.begin_with(agent, wants)
    }

    /// The same, and keeps the session so that it can be run again. It goes by the microphone's clock then, in steps of 20 ms.
    ///
    /// # Errors
    /// The same, and where it cannot be kept.
    pub fn begin_recorded(&self, agent: Box<dyn Agent>, recorder: Recorder) -> Result<SessionHandle, ConsoleError> {
        self.open(agent.requirements(), |opened| recorder.begin(opened, agent))
    }

    fn begin_with(&self, agent: Box<dyn Agent>, wants: AudioRequirements) -> Result<SessionHandle, ConsoleError> {
        self.open(wants, |Opened { parts, pending, ends }| {
            let span = parts.span();
            let driver = span.in_scope(|| Driver::new(parts, ends, agent))?;
            Ok(pending.spawn(driver.run().instrument(span)))
        })
    }

    fn open(
        &self,
        wants: AudioRequirements,
        begin: impl FnOnce(Opened) -> Result<SessionHandle, ConsoleError>,
    ) -> Result<SessionHandle, ConsoleError> {
        if let Some(rate) = wants.senseless_rate() {
            return Err(ConsoleError::Rate(rate));
        }
        let mut typing = self.0.typing.lock().expect("no holder panics");
        if typing.as_ref().is_some_and(|keys| !keys.lines.is_closed()) {
            return Err(ConsoleError::Taken);
        }
        let (parts, pending) = Parts::new(wants, self.0.options.lead);
        let wires = self.run_sound(parts.rate, parts.voice_rate())?;
        let (lines, typed) = mpsc::channel(LINES);
        let (interrupts, interrupted) = watch::channel(0);
        let ends = driver::Ends { wires, typed: Typed { lines: typed, interrupts: interrupted } };
        let handle = begin(Opened { parts, pending, ends })?;
        *typing = Some(Keys { lines, interrupts });
        Ok(handle)
    }

    /// Opens the ends on a thread of their own, which may be the only one that can hold them, and lets them run.
    fn run_sound(&self, rate: Hz, voice_rate: Hz) -> Result<Wires, ConsoleError> {
        let (Inner { options, desk, .. }, (told, opened)) = (&*self.0, std::sync::mpsc::sync_channel(1));
        let (ends, processing, desk) = (options.ends.clone(), options.processing, desk.clone());
        let run = move || match open(&ends, rate, voice_rate) {
            Ok(card) => {
                let (sound, wires) = Sound::new(card, [rate, voice_rate], processing, desk);
                if told.send(Ok(wires)).is_ok() {
                    sound.run();
                }
            }
            Err(error) => drop(told.send(Err(error))),
        };
        let spawned = std::thread::Builder::new().name("console sound".into()).spawn(run);
        spawned.map_err(|error| ConsoleError::Device(format!("the machine gives no thread for sound: {error}")))?;
        opened.recv().unwrap_or_else(|_| Err(ConsoleError::Device("the sound system broke off".into())))
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Console").field(&self.0.options.ends).finish()
    }
}

fn open(ends: &Ends, rate: Hz, voice_rate: Hz) -> Result<Box<dyn Card>, ConsoleError> {
    Ok(match ends {
        Ends::Devices(choice) => Box::new(device::Devices::open(choice, rate, voice_rate)?),
        Ends::Files { input, output, echo_db } => {
            Box::new(files::Files::open(input.as_ref(), output.as_ref(), *echo_db, [rate, voice_rate])?)
        }
    })
}

/// The room's id.
const ROOM: &str = "console";
/// The peer of whoever sits at the machine.
const PERSON: &str = "you";
/// Six packets: a busy machine is late by a few of them.
const LEAD: Duration = Duration::from_millis(120);
/// How much may wait between the sound thread and a device, one way.
const LONGEST_QUEUE: Duration = Duration::from_secs(1);
/// A longer one would not fit into that.
const LONGEST_LEAD: Duration = Duration::from_millis(800);
/// Typed lines that may wait for the agent.
const LINES: usize = 16;
