//! The demo, as a user starts it: what it prints and what it leaves behind.

use std::process::Command;

use roomtone::audio::Sound;

use crate::common::data;

#[test]
fn with_a_stereo_file_of_another_rate() {
    let out = std::env::temp_dir().join(format!("roomtone-demo-{}", std::process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_roomtone"))
        .args(["demo", "--agent", "echo", "--set", "rate_hz=24000", "--input"])
        .arg(data("short-stereo-44k.flac"))
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{errors}");
    assert!(text.contains("nothing lost"), "{text}");
    let reply = Sound::read(&out.join("reply.wav")).unwrap();
    assert_eq!(reply.rate.0, 24_000);
    assert!(reply.duration().as_secs_f64() > 2.8, "{:?}", reply.duration());
    let room = hound::WavReader::open(out.join("room.wav")).unwrap();
    assert_eq!(room.spec().channels, 2);
    let events = std::fs::read_to_string(out.join("events.jsonl")).unwrap();
    let mut last = 0.0;
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = event["at_s"].as_f64().unwrap();
        assert!(at >= last, "events are in order");
        last = at;
    }
    for what in ["roomCreated", "peer.joined", "hears", "speaks", "ended"] {
        assert!(events.contains(what), "{what:?} is not in {events}");
    }
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(
        report.contains("<svg") && report.matches("<audio").count() == 2 && !report.contains("http"),
        "one file that needs no network"
    );
    std::fs::remove_dir_all(&out).unwrap();
}
