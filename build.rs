//! Turns `proto/` into Rust. protox is a protobuf compiler in Rust, so nobody needs protoc.

use prost::Message;

const FILES: [&str; 3] =
    ["fishjam/agent_notifications.proto", "fishjam/server_notifications.proto", "fishjam/peer_notifications.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("wire.descriptors"), descriptors.encode_to_vec())?;
    prost_build::Config::new()
        .bytes(["."]) // Tokens print as a mark; see `protocol::fishjam`.
        .skip_debug([
            ".fishjam.AgentRequest.AuthRequest",
            ".fishjam.ServerMessage.AuthRequest",
            ".fishjam.PeerMessage.AuthRequest",
        ])
        .include_file("wire.rs")
        .compile_fds(descriptors)?;
    Ok(())
}
