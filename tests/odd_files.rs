//! Sound files as people and programs really make them: cut off, joined, with wrong sizes, in every codec. Lengths and
//! levels are those of another decoder, in `tests/data/odd/reference.json`.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use roomtone::audio::{Hz, Sound, SoundFile, level_dbfs};

#[derive(serde::Deserialize)]
struct Reference {
    seconds: f64,
    rms_dbfs_per_100_ms: Vec<f64>,
}

fn odd(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/odd").join(name)
}

fn references() -> BTreeMap<String, Reference> {
    serde_json::from_str(&fs::read_to_string(odd("reference.json")).unwrap()).unwrap()
}

/// What stays silent: its name must be in the message.
const REFUSED: [(&str, &str); 2] = [("ogg_speex.ogg", "is Speex in Ogg"), ("zero_bytes.wav", "is an empty file")];

/// The level of each 100 ms, at 16 kHz as the reference has it.
fn levels(sound: &Sound) -> Vec<f64> {
    let sound = sound.at(Hz::K16);
    sound.samples.chunks(1_600).map(|part| level_dbfs(part).unwrap_or(-120.0)).collect()
}

#[test]
fn each_sounds_as_another_decoder_hears_it() {
    let mut heard = 0;
    for (name, reference) in references() {
        if REFUSED.iter().any(|(refused, _)| *refused == name) || name.contains("opus") && !cfg!(feature = "opus") {
            continue;
        }
        if name == "mediarecorder.webm" && !cfg!(feature = "opus") {
            continue;
        }
        let sound = Sound::read(&odd(&name)).unwrap_or_else(|error| panic!("{error}"));
        let seconds = sound.duration().as_secs_f64();
        assert!((seconds - reference.seconds).abs() <= 0.03, "{name}: {seconds:.3} s, {} there", reference.seconds);
        // The last part may be of any length, and a seam in the middle moves what follows by some milliseconds.
        let levels = levels(&sound);
        let whole = levels.len().min(reference.rms_dbfs_per_100_ms.len()).saturating_sub(1);
        for (n, (ours, theirs)) in levels.iter().zip(&reference.rms_dbfs_per_100_ms).take(whole).enumerate() {
            let moves = ["mp3_mono_then_stereo.mp3", "vorbis_chained.ogg"].contains(&name.as_str()) && n > 23;
            let allowed = if moves || *theirs < -40.0 { 6.0 } else { 1.5 };
            assert!((ours - theirs).abs() <= allowed, "{name}, {n}00 ms: {ours:.1} dBFS, {theirs} there");
        }
        heard += whole;
    }
    assert!(heard > 250, "{heard}");
}

#[test]
fn what_cannot_be_read_says_what_it_is_and_how_to_convert_it() {
    for (name, what) in REFUSED {
        let error = Sound::read(&odd(name)).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(error.contains("ffmpeg -i") || name == "zero_bytes.wav", "{error}");
    }
}

/// Cut off anywhere, with a byte changed anywhere, or with rubbish behind it, a file plays as far as it goes or says why
/// not; it never panics, and never gives more than it can hold.
#[test]
fn any_wound_ends_in_sound_or_a_reason() {
    let mut rng = fastrand::Rng::with_seed(11);
    let path = std::env::temp_dir().join(format!("roomtone-wounded-{}", std::process::id()));
    let (mut played, mut refused) = (0, 0);
    for name in references().into_keys() {
        let whole = fs::read(odd(&name)).unwrap();
        for n in 0..6 {
            let mut bytes = whole.clone();
            match n {
                0..2 => bytes.truncate(rng.usize(0..=whole.len())),
                2..5 if !bytes.is_empty() => (0..1 << n).for_each(|_| bytes[rng.usize(0..whole.len())] = rng.u8(..)),
                _ => bytes.extend((0..5_000).map(|_| rng.u8(..))),
            }
            fs::write(&path, &bytes).unwrap();
            match Sound::read(&path) {
                Ok(sound) => {
                    assert!(sound.samples.len() < 400 * 48_000, "{name}, wound {n}: {} samples", sound.samples.len());
                    played += 1;
                }
                Err(error) => {
                    assert!(error.to_string().lines().count() == 1, "{error}");
                    refused += 1;
                }
            }
        }
    }
    fs::remove_file(&path).unwrap();
    assert!(played > 60 && refused > 5, "{played} played, {refused} refused");
}

/// A pipe is read once, and gives the same sound.
#[test]
fn a_pipe_sounds_like_its_file() {
    for name in ["wav_data_zero_riff36.wav", "mp3_two_answers_cat.mp3", "vorbis_chained.ogg", "voice_memo.m4a"] {
        let fifo = std::env::temp_dir().join(format!("roomtone-fifo-{}-{name}", std::process::id()));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let bytes = fs::read(odd(name)).unwrap();
        let mut writer = Command::new("tee").arg(&fifo).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut input = writer.stdin.take().unwrap();
        let feed = std::thread::spawn(move || bytes.chunks(700).for_each(|part| drop(input.write_all(part))));
        let piped = Sound::read(&fifo).unwrap();
        feed.join().unwrap();
        writer.wait().unwrap();
        fs::remove_file(&fifo).unwrap();
        let filed = Sound::read(&odd(name)).unwrap();
        // Of a pipe it is not known how much the encoder put in front.
        let difference = piped.samples.len().abs_diff(filed.samples.len());
        assert!(difference <= 2_048, "{name}: {} and {}", piped.samples.len(), filed.samples.len());
    }
}

/// WAV files with each size, head and codec that programs write.
#[test]
fn wav_plays_whatever_its_head_pretends() {
    let path = std::env::temp_dir().join(format!("roomtone-heads-{}.wav", std::process::id()));
    let tone: Vec<i16> = (0..8_000).map(|n| (f64::sin(f64::from(n) * 0.3) * 9_000.0) as i16).collect();
    let pcm: Vec<u8> = tone.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut tried = 0;
    for fmt_bytes in [16usize, 18, 20, 40] {
        for data_size in [0u32, 0x7fff_ffff, u32::MAX, 0xffff_fff0, 16_000, 15_000, 16_044, 16_001] {
            for list in
                [&b""[..], b"LIST\x04\0\0\0INFO", b"LIST\x05\0\0\0INFOx", b"LIST\xff\0\0\0INFOISFT\x03\0\0\0abc"]
            {
                let tag = if fmt_bytes == 40 { 0xfffe_u16 } else { 1 };
                let mut fmt = [&tag.to_le_bytes()[..], &1u16.to_le_bytes(), &8_000u32.to_le_bytes()].concat();
                fmt.extend(16_000u32.to_le_bytes());
                fmt.extend([2, 0, 16, 0]);
                fmt.resize(24, 0);
                fmt.extend([1, 0]);
                fmt.resize(fmt_bytes, 0);
                let mut file = b"RIFF".to_vec();
                file.extend(data_size.wrapping_add(36).to_le_bytes());
                file.extend(b"WAVEfmt ");
                file.extend((fmt_bytes as u32).to_le_bytes());
                file.extend(&fmt[..fmt_bytes]);
                file.extend(list);
                file.extend(b"data");
                file.extend(data_size.to_le_bytes());
                file.extend(&pcm);
                fs::write(&path, &file).unwrap();
                let sound = Sound::read(&path).unwrap_or_else(|error| panic!("{fmt_bytes}, {data_size:#x}: {error}"));
                let heard = &sound.samples[..sound.samples.len().min(8_000)];
                assert_eq!(heard, tone, "fmt of {fmt_bytes}, data of {data_size:#x}, {list:?}");
                tried += 1;
            }
        }
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(tried, 128);
}

/// Three hours, read as a stream: memory does not grow with the length, which `Sound::read` alone would make it do.
#[test]
fn a_long_file_is_not_held_in_memory() {
    let path = std::env::temp_dir().join(format!("roomtone-long-{}.mp3", std::process::id()));
    let one = fs::read(odd("mp3_vbr_noxing_speech.mp3")).unwrap();
    let mut file = fs::File::create(&path).unwrap();
    for _ in 0..40 {
        file.write_all(&one).unwrap();
    }
    let mut most = 0;
    let counted = allocation_counter::measure(|| {
        let mut file = SoundFile::open(&path).unwrap();
        let (mut block, mut samples) = (Vec::new(), 0);
        while file.read_into(&mut block).unwrap() {
            most = most.max(block.len());
            samples += block.len();
            block.clear();
        }
        assert!(file.rate().duration_of(samples as u64).as_secs() >= 287);
    });
    let mut is_whole = true;
    let beginning = allocation_counter::measure(|| {
        let read = Sound::read_beginning(&path, Duration::from_secs(10)).unwrap();
        assert_eq!(read.0.duration(), Duration::from_secs(10));
        is_whole = read.1;
    });
    assert!(!is_whole && beginning.bytes_max < 4 << 20, "{} bytes", beginning.bytes_max);
    fs::remove_file(&path).unwrap();
    assert!(counted.bytes_max < 2 << 20 && most < 48_000, "{} bytes, blocks of {most}", counted.bytes_max);
}
