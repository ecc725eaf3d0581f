//! A sound server of the test's own: PulseAudio with sinks that lead nowhere, at a socket in a folder of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Nothing here takes so long, whatever else the machine does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with this.
pub(crate) struct SoundServer {
    folder: PathBuf,
    daemon: Child,
}

impl SoundServer {
    /// One with the speakers `spk` and `other`, and the microphone `mic` that hears what is played to `micfeed`. `None`, with a
    /// word, where PulseAudio is not installed.
    pub(crate) fn start() -> Option<SoundServer> {
        let folder = std::env::temp_dir().join(format!("roomtone-sound-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(folder.join("rt")).unwrap();
        let Some(daemon) = daemon(&folder) else {
            assert!(std::env::var_os("CI").is_none(), "PulseAudio is not installed");
            eprintln!("skipped: PulseAudio is not installed (tests/console/set-up)");
            return None;
        };
        let server = SoundServer { folder, daemon };
        server.begin();
        Some(server)
    }

    fn begin(&self) {
        eventually("the sound server answers", || self.control(&["info"]).is_some());
        self.control(&["set-default-sink", "spk"]).unwrap();
        self.control(&["set-default-source", "mic"]).unwrap();
    }

    /// Ends it with all its devices, and begins another one at the same place.
    pub(crate) fn replace(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
        self.daemon = daemon(&self.folder).expect("it was there before");
        self.begin();
    }

    /// A program that uses it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PULSE_SERVER", format!("unix:{}", self.folder.join("native").display()))
            .env("HOME", &self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Asks the server; what it answered, if it did as it was asked.
    pub(crate) fn control(&self, args: &[&str]) -> Option<String> {
        let output = self.command("pactl").args(args).stderr(Stdio::null()).output().expect("pactl comes with it");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Takes a device away: the module of which this is a part.
    pub(crate) fn unload(&self, what: &str) {
        let modules = self.control(&["list", "short", "modules"]).unwrap();
        let line = modules.lines().find(|line| line.contains(what)).unwrap();
        self.control(&["unload-module", line.split('\t').next().unwrap()]).unwrap();
    }

    /// Writes what a speaker plays to a file, as raw samples, until the recorder is dropped.
    pub(crate) fn record(&self, speaker: &str) -> Recorder {
        let path = self.folder.join(format!("{speaker}.raw"));
        let child = self
            .command("parec")
            .args(["--format=s16le", "--rate=16000", "--channels=1", "--latency-msec=20"])
            .arg(format!("--device={speaker}.monitor"))
            .stdout(std::fs::File::create(&path).unwrap())
            .spawn()
            .unwrap();
        let recorder = Recorder { path, child };
        eventually("the recorder hears", || recorder.samples().len() > 1_600);
        recorder
    }

    /// Says a file into the microphone, and waits until it is said.
    pub(crate) fn say(&self, path: &str) {
        assert!(
            self.command("paplay").args(["--device=micfeed", "--latency-msec=30", path]).status().unwrap().success()
        );
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn daemon(folder: &Path) -> Option<Child> {
    let sink = |name: &str, channels: u32| {
        format!("module-null-sink sink_name={name} rate=48000 channels={channels} format=s16le norewinds=1")
    };
    let socket = format!("module-native-protocol-unix auth-anonymous=1 socket={}", folder.join("native").display());
    let mut command = Command::new("pulseaudio");
    command.args(["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--realtime=no"]);
    command.args(["--high-priority=no", "--log-target=file:/dev/null"]);
    for module in [sink("spk", 2), sink("other", 2), sink("micfeed", 1), MIC.to_owned(), socket] {
        command.args(["-L", &module]);
    }
    command
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder.join("rt"))
        .env("PULSE_RUNTIME_PATH", folder.join("rt/pulse"))
        .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

/// See [`SoundServer::record`].
pub(crate) struct Recorder {
    path: PathBuf,
    child: Child,
}

impl Recorder {
    /// What it has heard so far, at 16 kHz.
    pub(crate) fn samples(&self) -> Vec<i16> {
        let bytes = std::fs::read(&self.path).unwrap();
        bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }

    /// Whether there is a voice in what was heard from this sample on.
    pub(crate) fn hears_from(&self, sample: usize) -> bool {
        self.samples().iter().skip(sample).filter(|sample| sample.unsigned_abs() > 500).count() > 1_600
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The microphone.
const MIC: &str = "module-remap-source source_name=mic master=micfeed.monitor channels=1";
