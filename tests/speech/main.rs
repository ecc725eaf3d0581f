//! Hearing words, with the real engines on real sound. `tests/speech/set-up` puts into `target/speech` what they need; without
//! it they say so and pass, but not in CI.

mod common;
mod stage;

#[cfg(feature = "console")]
mod agents_do_not_hear_themselves;
mod backgrounds_sound;
mod commands_that_misbehave;
mod conversations_are_had;
mod conversations_end;
mod engines_are_installed;
mod engines_keep_the_contract;
mod failing_voices_and_models;
mod hosts_transcribe_rooms;
mod servers_are_asked;
mod sessions_are_run_again;
mod speakers_are_told_apart;
mod what_is_no_speech_gives_no_words;
#[cfg(feature = "console")]
mod what_is_written_is_answered;
mod words_are_right;
