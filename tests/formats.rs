//! Sound files of every form come out as the same recording.

use std::path::{Path, PathBuf};

use roomtone::audio::{Hz, Sound, compare};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn flac_mp3_vorbis_and_opus_are_alike() {
    let flac = Sound::read(&data("short-stereo-44k.flac")).unwrap();
    assert_eq!(flac.rate, Hz(44_100));
    assert!((2.9..3.1).contains(&flac.duration().as_secs_f64()));
    let reference = flac.at(Hz::K16);
    let mut read = 0;
    for name in ["short.mp3", "short.ogg", "short.opus"] {
        if name.ends_with("opus") && !cfg!(feature = "opus") {
            continue;
        }
        let sound = Sound::read(&data(name)).unwrap();
        let off = sound.duration().as_secs_f64() - flac.duration().as_secs_f64();
        assert!(off.abs() < 0.1, "{name} is {off} s longer");
        let found = compare::find(&reference.samples, &sound.at(Hz::K16).samples, 1_600).unwrap();
        // Opus keeps how speech sounds rather than its waveform.
        let alike = if name.ends_with("opus") { 0.9 } else { 0.99 };
        assert!(found.correlation > alike, "{name}: {found:?}");
        read += 1;
    }
    assert!(read >= 2);
}
