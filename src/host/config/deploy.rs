//! `[[deploy]]`: which agent, in which rooms, when, hearing whom.

use std::time::Duration;

use glob::Pattern;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use secrecy::SecretString;

use super::{Protocol, SecretSource};
use crate::{
    agent::{Hear, Maker},
    event::{PeerId, RoomKind},
    host::platforms,
    signal::{PublishedTrack, SubscribeMode},
    units,
};

/// One agent for the rooms that its rules name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// What it is called in logs, metrics and commands; the agent's name unless given.
    #[serde(default)]
    pub name: String,
    /// Which agent.
    pub agent: String,
    /// On which platform its rooms are.
    #[serde(default = "platforms::default_platform")]
    pub platform: Protocol,
    /// The agent's own options.
    #[serde(default)]
    pub options: toml::Table,
    /// Which rooms; all unless said.
    #[serde(default)]
    pub rooms: RoomRule,
    /// When the agent comes.
    #[serde(default)]
    pub join: JoinRule,
    /// When it leaves, beside the end of the room.
    #[serde(default)]
    pub leave: LeaveRule,
    /// Whose sound it gets.
    #[serde(default)]
    pub hear: HearRule,
    /// The track of its voice, as in `pcm16:24000`; what fits the agent unless said.
    #[serde(default, deserialize_with = "voice")]
    pub voice: Option<PublishedTrack>,
    /// What is said of that track to the room.
    #[serde(default)]
    pub track_metadata: Option<Map<String, Value>>,
    /// How far ahead of what is heard the voice is sent.
    #[serde(default = "lead", with = "units::duration")]
    pub lead: Duration,
    /// The most sessions of this deploy at a time; 0 for no limit.
    #[serde(default)]
    pub max_sessions: usize,
    /// What happens when the agent fails.
    #[serde(default)]
    pub restart: RestartRule,
    /// Whether each of its agents runs on a thread of its own: it may block for as long as it likes, and costs more.
    #[serde(default)]
    pub own_thread: bool,
    /// Where events and notes go.
    #[serde(default)]
    pub sink: SinkConfig,
    /// The host has rooms of several platforms, so that rooms' ids begin with theirs.
    #[serde(skip)]
    pub(in crate::host) is_one_of_many: bool,
    /// Makes the agent, once its options have been read; see [`Draft`](super::Draft).
    #[serde(skip)]
    pub maker: Prepared,
}

/// What was made of an agent's options. All of them are equal: what is made follows from the options.
#[derive(Debug, Clone, Default)]
pub struct Prepared(pub Option<Maker>);

impl PartialEq for Prepared {
    fn eq(&self, _: &Prepared) -> bool {
        true
    }
}

/// Which rooms. All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomRule {
    /// These, by id.
    pub ids: Vec<String>,
    /// Those whose id fits, as in `support-*`; with `ids`, either will do.
    #[serde(deserialize_with = "patterns")]
    pub globs: Vec<Pattern>,
    /// Those of these types.
    pub types: Vec<RoomKind>,
    /// Those with a peer whose metadata contains this.
    pub peer_metadata: Map<String, Value>,
}

impl RoomRule {
    /// Whether a room's id is one of those meant.
    pub fn names(&self, id: &str) -> bool {
        let everything = self.ids.is_empty() && self.globs.is_empty();
        everything || self.ids.iter().any(|known| known == id) || self.globs.iter().any(|glob| glob.matches(id))
    }

    /// Whether rooms of this type are meant.
    pub fn takes(&self, kind: RoomKind) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }
}

/// `join`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JoinRule {
    /// What brings the agent.
    pub when: JoinWhen,
}

/// What brings an agent into its room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinWhen {
    /// The room's creation. Once it is done it does not come back.
    #[default]
    RoomCreated,
    /// The first person, and the next first person after it has left.
    FirstPerson,
    /// The room's creation, and again whenever it is not there.
    Always,
    /// A command.
    Manual,
}

/// `leave`: whatever comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeaveRule {
    /// After this long without sound from anyone, the agent included; up to two seconds later.
    pub idle: OptionalDuration,
    /// This long after the last person left.
    pub last_person_gone: OptionalDuration,
    /// After this long in the room.
    pub max_duration: OptionalDuration,
}

/// A duration that need not be given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct OptionalDuration(#[serde(deserialize_with = "units::duration::deserialize_some")] pub Option<Duration>);

/// `hear`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HearRule {
    /// `people`, or `everyone`; what the agent wants unless said.
    pub whom: Option<Hear>,
    /// Of them only these, by id.
    pub peers: Vec<PeerId>,
    /// Of them only those whose metadata contains this; with `peers`, either will do.
    pub metadata: Map<String, Value>,
    /// `auto`: the server sends everybody's sound. `manual`: only that of those whom the agent hears.
    pub subscribe: SubscribeMode,
}

/// `restart`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestartRule {
    /// How often, before the agent is given up in its room.
    pub limit: u32,
    /// Failures longer ago than this are forgotten.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// How long the first restart waits; each further one twice as long.
    #[serde(with = "units::duration")]
    pub first_wait: Duration,
    /// The longest wait.
    #[serde(with = "units::duration")]
    pub longest_wait: Duration,
    /// An agent that was given up in its room gets another chance after this long, or with the next first person.
    #[serde(with = "units::duration")]
    pub reset_after: Duration,
}

impl Default for RestartRule {
    fn default() -> RestartRule {
        RestartRule {
            limit: 5,
            within: Duration::from_secs(600),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            reset_after: Duration::from_secs(600),
        }
    }
}

/// `sink`: data rather than code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SinkConfig {
    /// A file of JSON lines for each session; `{room}`, `{deploy}` and `{peer}` stand for what they say.
    pub file: Option<String>,
    /// Where JSON lines are posted to.
    pub webhook: Option<String>,
    /// The environment variable that holds the secret with which the posts are signed.
    pub secret_env: Option<String>,
    /// Whether events are among the lines.
    pub events: bool,
    /// Whether notes are.
    pub notes: bool,
    /// Whether notes are, too, in whose place another is going to stand: captions of what somebody is just saying.
    pub interim: bool,
    /// Whether events bring along what the platform itself said.
    pub native: bool,
}

impl Default for SinkConfig {
    fn default() -> SinkConfig {
        SinkConfig {
            file: None,
            webhook: None,
            secret_env: None,
            events: true,
            notes: true,
            interim: false,
            native: false,
        }
    }
}

impl SinkConfig {
    /// The secret with which posts are signed, if they are.
    ///
    /// # Errors
    /// A line that names what is missing.
    pub fn secret(&self) -> Result<Option<SecretString>, String> {
        let source = |env: &String| SecretSource { what: "sink's secret", env: env.clone(), file: None };
        let source = self.secret_env.as_ref().map(source);
        source.map(|source| source.read().map_err(|error| error.to_string())).transpose()
    }
}

impl Deploy {
    /// How a message names it.
    pub(super) fn title(name: &str, agent: &str, rooms: &RoomRule) -> String {
        let globs = rooms.globs.iter().map(Pattern::as_str);
        let named: Vec<&str> = rooms.ids.iter().map(String::as_str).chain(globs).collect();
        match named.is_empty() {
            true => format!("deploy {name:?} (agent {agent})"),
            false => format!("deploy {name:?} (agent {agent}, rooms {})", named.join(", ")),
        }
    }

    /// What is wrong with it beyond its shape: the key, and what to do.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut wrong = |is_wrong: bool, key, problem: &str| {
            if is_wrong {
                faults.push((key, problem.to_owned()));
            }
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name_is_plain = !self.name.is_empty() && self.name.chars().all(plain);
        wrong(!name_is_plain, "name", "a name is made of letters, digits, '-', '_' and '.'");
        let lead = Duration::from_millis(40)..=Duration::from_secs(10);
        wrong(!lead.contains(&self.lead), "lead", "the lead is from \"40ms\" to \"10s\"");
        wrong(self.leave.idle.0 == Some(Duration::ZERO), "leave.idle", "is zero; leave the key out for never");
        wrong(
            self.leave.max_duration.0 == Some(Duration::ZERO),
            "leave.max_duration",
            "is zero; leave the key out for ever",
        );
        let restart = &self.restart;
        wrong(restart.within.is_zero(), "restart.within", "is zero: no failure would ever be counted");
        wrong(restart.reset_after.is_zero(), "restart.reset_after", "is zero: an agent would never be given up");
        wrong(restart.first_wait.is_zero(), "restart.first_wait", "is zero: a failing agent would keep a core busy");
        let waits_fit = restart.first_wait <= restart.longest_wait;
        wrong(!waits_fit, "restart.longest_wait", "is less than restart.first_wait");
        wrong(self.rooms.types.contains(&RoomKind::Unknown), "rooms.types", ROOM_TYPES);
        let livestream = self.rooms.types.iter().any(|kind| kind.is_livestream());
        wrong(livestream, "rooms.types", "a livestream takes no peers, so no agents");
        wrong(self.hear.subscribe == SubscribeMode::Unknown, "hear.subscribe", "is neither \"auto\" nor \"manual\"");
        let sink = &self.sink;
        let has_sink = sink.file.is_some() || sink.webhook.is_some();
        wrong(has_sink && !sink.events && !sink.notes, "sink", "neither events nor notes are wanted of it");
        let is_url = sink.webhook.as_deref().is_none_or(units::is_http_url);
        wrong(!is_url, "sink.webhook", "is not an http or https URL");
        let unused = sink.secret_env.is_some() && sink.webhook.is_none();
        wrong(unused, "sink.secret_env", "there is no sink.webhook to sign for");
        let is_path = sink.file.as_ref().is_none_or(|file| !file.trim().is_empty());
        wrong(!is_path, "sink.file", "is empty; write a path such as \"events/{room}.jsonl\"");
        faults
    }
}

fn voice<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<PublishedTrack>, D::Error> {
    let text = String::deserialize(reader)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

fn patterns<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<Pattern>, D::Error> {
    let texts = Vec::<String>::deserialize(reader)?;
    let parse = |text: &String| Pattern::new(text).map_err(|error| de::Error::custom(format!("{text:?}: {error}")));
    texts.iter().map(parse).collect()
}

fn lead() -> Duration {
    Duration::from_millis(200)
}

const ROOM_TYPES: &str = "there are \"conference\" and \"audio_only\"";
