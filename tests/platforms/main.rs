//! SignalWire, NkMEDIA and Dubtrack: their machines against the fakes of the test kit, feeds over real sockets, agents under a
//! host.

mod common;
mod hosts_follow_them_all;
mod keep_alive_on_made_up_time;
mod links_are_mended;
mod links_are_trusted;
mod what_is_wrong_is_said;
