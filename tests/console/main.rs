//! The microphone and the speaker: files in their place, and a real sound server whose card is made of air.

mod devices_come_and_go;
mod files_stand_in;
mod screen;
mod server;
mod sessions_are_run_again;
