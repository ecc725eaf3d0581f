//! What a recorder leaves on the disk.

use std::{fs, path::Path};

use roomtone::{agent::testing::TestRoom, archive::recording::LONGEST_SILENCE, audio::Sound};

use super::*;

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roomtone-recorder-{}-{name}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    folder
}

fn recorder(folder: &Path, format: Format) -> Recorder {
    Recorder { options: Options { folder: folder.to_owned(), format, ..Options::default() } }
}

#[tokio::test(start_paused = true)]
async fn each_speaker_and_the_mix_are_aligned_across_a_pause() {
    let folder = scratch("wav");
    let mut room = TestRoom::new(recorder(&folder, Format::Wav));
    let (ada, bob) = (room.join_person("ada"), room.join_person("bob"));
    room.say(&ada, &[100; 3_200]);
    room.pass(Duration::from_millis(100)).await;
    room.say(&bob, &[20; 3_200]);
    room.pass(Duration::from_secs(2)).await;
    room.say(&ada, &[100; 1_600]);
    room.pass(Duration::from_millis(200)).await;
    room.leave(&ada);
    assert!(room.end().await.result.is_ok());
    let read = |name: &str| Sound::read(&folder.join("test-room").join(name)).unwrap().samples;
    let pause = (2_100 - 200) * 16;
    assert_eq!(read("ada-ada-audio.wav"), [vec![100; 3_200], vec![0; pause], vec![100; 1_600]].concat());
    assert_eq!(read("bob-bob-audio.wav"), [20; 3_200]);
    let mix = read("mix.wav");
    assert_eq!(mix.len(), 3_200 + pause + 1_600);
    assert_eq!((mix[0], mix[1_600], mix[3_200], mix[4_800], mix[mix.len() - 1]), (100, 120, 20, 0, 100));
    let index = fs::read_to_string(folder.join("test-room/recording.jsonl")).unwrap();
    assert_eq!(index.lines().count(), 3);
    fs::remove_dir_all(&folder).unwrap();
}

#[cfg(feature = "opus")]
#[tokio::test(start_paused = true)]
async fn opus_files_have_the_length_of_what_was_said() {
    let folder = scratch("opus");
    let mut room = TestRoom::new(recorder(&folder, Format::Opus));
    let ada = room.join_person("ada");
    room.say(&ada, &[900; 8_000]);
    room.pass(Duration::from_secs(1)).await;
    room.end().await.result.unwrap();
    let sound = Sound::read(&folder.join("test-room/ada-ada-audio.opus")).unwrap();
    assert_eq!(sound.samples.len(), 24_000);
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_very_long_silence_another_file_begins() {
    let folder = scratch("long");
    let mut room = TestRoom::new(recorder(&folder, Format::Wav));
    let ada = room.join_person("ada");
    for _ in 0..2 {
        room.say(&ada, &[100; 3_200]);
        room.pass(LONGEST_SILENCE + Duration::from_secs(2)).await;
    }
    room.end().await.result.unwrap();
    for name in ["ada-ada-audio.wav", "ada-ada-audio-2.wav", "mix.wav", "mix-2.wav"] {
        let sound = Sound::read(&folder.join("test-room").join(name)).unwrap();
        assert_eq!(sound.samples.len(), 3_200, "{name}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_made_is_named() {
    let file = scratch("file");
    fs::write(&file, "in the way").unwrap();
    let room = TestRoom::new(recorder(&file, Format::Wav));
    let error = room.end().await.result.unwrap_err().to_string();
    fs::remove_file(&file).unwrap();
    assert!(error.contains("cannot be made"), "{error}");
}

/// Whoever kills the program after a second of quiet loses nothing that was heard.
#[tokio::test(start_paused = true)]
async fn what_was_heard_is_on_the_disk_a_second_later_also_while_it_is_quiet() {
    let folder = scratch("quiet");
    let mut room = TestRoom::new(recorder(&folder, Format::Wav));
    let ada = room.join_person("ada");
    room.say(&ada, &[100; 3_200 + 160]);
    room.pass(Duration::from_millis(1_300)).await;
    let sound = Sound::read(&folder.join("test-room/ada-ada-audio.wav")).unwrap();
    assert_eq!(sound.samples.len(), 3_360);
    room.end().await.result.unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_in_one_room_write_files_of_their_own_and_whole_lines() {
    let folder = scratch("two");
    let mut rooms = [0, 1].map(|_| TestRoom::new(recorder(&folder, Format::Wav)));
    for room in &mut rooms {
        let ada = room.join_person("ada");
        room.say(&ada, &[100; 3_200]);
        room.pass(Duration::from_secs(2)).await;
    }
    for room in rooms {
        room.end().await.result.unwrap();
    }
    for name in ["ada-ada-audio.wav", "ada-ada-audio-2.wav", "mix.wav", "mix-2.wav"] {
        assert_eq!(Sound::read(&folder.join("test-room").join(name)).unwrap().samples.len(), 3_200, "{name}");
    }
    let index = fs::read_to_string(folder.join("test-room/recording.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line["room"] == "test-room" && line["begins_at"].as_str().unwrap().ends_with('Z')));
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_hears_nobody_leaves_no_empty_files() {
    let folder = scratch("nobody");
    let mut room = TestRoom::new(recorder(&folder, Format::Wav));
    room.join_person("ada");
    room.pass(Duration::from_secs(2)).await;
    room.end().await.result.unwrap();
    assert_eq!(fs::read_dir(folder.join("test-room")).unwrap().count(), 1, "the index alone");
    fs::remove_dir_all(&folder).unwrap();
}
