//! What can be typed about events: whose, and how they are shown.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args as Group;

use crate::protocol::Protocol;

#[derive(Debug, Group)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["catalog", "decode", "source"]).multiple(true)))]
pub(in crate::cli) struct EventsArgs {
    /// Whose events: fishjam, signalwire, nkmedia or dubtrack
    #[arg(long, value_name = "PLATFORM", conflicts_with = "catalog")]
    pub(in crate::cli) source: Option<Protocol>,
    /// Where the platform is: a Fishjam's id or URL, or the address of a socket [default: the platform's own, where it
    /// has one]
    #[arg(long, value_name = "URL", env = "ROOMTONE_EVENTS_URL", requires = "source")]
    pub(in crate::cli) url: Option<String>,
    /// As whom (NkMEDIA, Dubtrack)
    #[arg(long, value_name = "NAME", requires = "source")]
    pub(in crate::cli) user: Option<String>,
    /// Which project (SignalWire)
    #[arg(long, value_name = "ID", env = "SIGNALWIRE_PROJECT", requires = "source")]
    pub(in crate::cli) project: Option<String>,
    /// A room to enter, by the name in its address (Dubtrack); may be given again
    #[arg(long = "room", value_name = "NAME", requires = "source")]
    pub(in crate::cli) rooms: Vec<String>,
    /// Where calls go (Dubtrack) [default: the host of --url, by http]
    #[arg(long, value_name = "URL", requires = "source")]
    pub(in crate::cli) api: Option<String>,
    /// Take what pages forward of themselves, at this address of this machine (SignalWire; web/signalwire-bridge.js). Pages
    /// show the environment's ROOMTONE_BRIDGE_TOKEN
    #[arg(long, value_name = "ADDRESS", requires = "bridge_origins")]
    pub(in crate::cli) bridge: Option<SocketAddr>,
    /// The origin of such a page, as in `https://app.example`; may be given again
    #[arg(long = "bridge-origin", value_name = "ORIGIN", requires = "bridge")]
    pub(in crate::cli) bridge_origins: Vec<String>,
    /// A file with the certificates (PEM) of those who may vouch for the platform, beside the machine's own
    #[arg(long, value_name = "FILE", requires = "source")]
    pub(in crate::cli) ca_file: Option<PathBuf>,
    /// A file that holds the token or the password [default: the environment's FISHJAM_MANAGEMENT_TOKEN,
    /// SIGNALWIRE_TOKEN, NKMEDIA_PASSWORD or DUBTRACK_PASSWORD]
    #[arg(long, value_name = "FILE", requires = "source")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Read frames of --source from a file, one a line (a Fishjam's in hexadecimal), `-` for what is piped in
    #[arg(long, value_name = "FILE", requires = "source")]
    pub(in crate::cli) decode: Option<PathBuf>,
    /// Print the table of the 67 events that the platforms document
    #[arg(long, conflicts_with_all = ["decode", "native"])]
    pub(in crate::cli) catalog: bool,
    /// With the events that came to light on the wire alone
    #[arg(long, requires = "catalog")]
    pub(in crate::cli) all: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// With what the platform itself said
    #[arg(long)]
    pub(in crate::cli) native: bool,
}
