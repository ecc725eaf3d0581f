//! What platforms say, byte by byte, turned into events and replies. No sockets here: bytes in, values out.

pub mod fishjam;
