//! Faulty configurations: each says in a line of its own what is wrong, where, and what to do.

use roomtone::{
    agent::{Agent, AgentError, Builtin, Maker, OptionsError, Registry, Room, options},
    host::Config,
};

fn agents() -> Registry {
    Registry::new([Builtin::new("echo", "an agent with an option", |table| async { prepare(table) })])
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code)] // Only its shape matters here.
struct Options {
    mixed: bool,
}

struct Nobody;

#[async_trait::async_trait]
impl Agent for Nobody {
    async fn run(&mut self, _: &mut Room) -> Result<(), AgentError> {
        Ok(())
    }
}

fn prepare(table: toml::Table) -> Result<Maker, OptionsError> {
    if table.get("mixed").and_then(toml::Value::as_bool) == Some(true) {
        return Err(OptionsError::Value { key: "mixed", problem: "cannot be true today; leave it out".into() });
    }
    options::<Options>(table)?;
    Ok(Maker::new(|| Nobody))
}

/// What the line begins with, and what it must also say.
type Case = (&'static str, &'static str, &'static str);

/// The text follows a deploy that is right, so that only what is added is wrong.
const ADDED: [Case; 31] = [
    ("[host]\njoins_at_once = 5", "line 4, host.joins_at_once: ", "is called `max_concurrent_joins` now"),
    ("[fishjam", "line 3: ", "expected `]`"),
    ("[fishjam]\nname = \"x\"", "line 4, fishjam.name: ", "there is no key `name`; there are `id`"),
    ("[fishjam]\nid = 5", "line 4, fishjam.id: ", "expected a string"),
    ("[fishjam]\nid = \"localhost:5002\"", "line 4, fishjam.id: ", "write http:// or https:// before a host"),
    ("[fishjam]\nid = \"ftp://x\"", "line 4, fishjam.id: ", "http or https"),
    ("[fishjam]\ntoken = \"abc\"", "line 4, fishjam.token: ", "a secret does not belong in the file"),
    ("[fishjam]\ntoken_env = \"\"", "line 4, fishjam.token_env: ", "name an environment variable"),
    ("[hosts]\nmax = 1", "line 3, hosts: ", "there is no such table; there are [fishjam], [signalwire]"),
    ("[host]\nmax_sessions = -1", "line 4, host.max_sessions: ", "expected a whole number"),
    ("[host]\nmax_sessions = \"many\"", "line 4, host.max_sessions: ", "expected a whole number"),
    ("[host]\nover_limit = \"panic\"", "line 4, host.over_limit: ", "there are `wait` or `refuse`"),
    ("[host]\ndrain = 30", "line 4, host.drain: ", "with its unit, such as \"30s\""),
    ("[host]\ndrain = \"30\"", "line 4, host.drain: ", "write a number with its unit, as in \"30s\""),
    ("[host]\nreconcile = \"0s\"", "line 4, host.reconcile: ", "is zero"),
    ("[host]\nreconcile = \"500000000000y\"", "line 4, host.reconcile: ", "longer than a year"),
    ("[host]\nspare_threads = 9223372036854775807", "line 4, host.spare_threads: ", "1024 at the most"),
    ("[admin]\nlisten = \"127.0.0.1:1\"\ncert_file = \"x\"", "line 3, admin.key_file: ", "a certificate needs its key"),
    ("[webhook]\nlisten = \"127.0.0.1:1\"\nmax_body = \"9TiB\"", "line 5, webhook.max_body: ", ""),
    ("[host]\nwatchdog = \"0ms\"", "line 4, host.watchdog: ", "is zero"),
    ("[host]\nmax_concurrent_joins = 0", "line 4, host.max_concurrent_joins: ", "is zero"),
    ("[host]\nmax_sessions_per_tenant = 3", "line 4, host.max_sessions_per_tenant: ", "needs host.tenant"),
    ("[host]\ntenant = \"server..org\"", "line 4, host.tenant: ", "dots between them"),
    ("[webhook]\npath = \"/x\"", "line 3, webhook: ", "there must be a key `listen`"),
    ("[webhook]\nlisten = \"here\"", "line 4, webhook.listen: ", "not an address with a port"),
    ("[webhook]\nlisten = \"127.0.0.1:1\"\npath = \"x\"", "line 5, webhook.path: ", "does not begin with '/'"),
    ("[webhook]\nlisten = \"127.0.0.1:1\"\nmax_body = \"1 MB\"", "line 5, webhook.max_body: ", "as in \"64KiB\""),
    ("[admin]\nlisten = \"0.0.0.0:9465\"", "line 4, admin.listen: ", "say beyond_loopback = true"),
    ("[admin]\ntoken = \"abc\"", "line 4, admin.token: ", "a secret does not belong in the file"),
    ("[metrics]\nlisten = \"127.0.0.1:9465\"\n[admin]", "line 5, admin.listen: ", "taken by another table"),
    ("[traces]\nendpoint = \"collector:4318\"", "line 4, traces.endpoint: ", "is not an http or https URL"),
];

/// The text is the second deploy, from line 3 on.
const DEPLOYED: [Case; 31] = [
    (
        "name = \"b\"\nagent = \"echo\"\nleave.max_stay = \"1h\"",
        "line 6, deploy \"b\" (agent echo), leave.max_stay: ",
        "is called `max_duration` now",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrestart.forgive = \"1h\"",
        "line 6, deploy \"b\" (agent echo), restart.forgive: ",
        "is called `reset_after` now",
    ),
    ("", "line 3, deploy \"not named\" (agent not named): ", "there must be a key `agent`"),
    ("agent = \"ecco\"", "line 4, deploy \"ecco\" (agent ecco), agent: ", "there are: echo"),
    ("agent = \"echo\"", "line 3, deploy \"echo\" (agent echo), name: ", "another [[deploy]] has this name"),
    ("agent = \"echo\"\nname = \"a b\"", "line 5, deploy \"a b\" (agent echo), name: ", "letters, digits"),
    (
        "name = \"b\"\nagent = \"echo\"\nagents = 1",
        "line 6, deploy \"b\" (agent echo), agents: ",
        "there is no key `agents`",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\noptions = { mixd = true }",
        "line 6, deploy \"b\" (agent echo), options.mixd: ",
        "there is no key `mixd`",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\n[deploy.options]\nmixed = true",
        "line 7, deploy \"b\" (agent echo), options.mixed: ",
        "leave it out",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrooms = \"all\"",
        "line 6, deploy \"b\" (agent echo), rooms: ",
        "expected a table",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrooms.globs = [\"a***\"]",
        "line 6, deploy \"b\" (agent echo), rooms.globs: ",
        "wildcards",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrooms.globs = \"a*\"",
        "line 6, deploy \"b\" (agent echo), rooms.globs: ",
        "expected a list",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrooms.types = [\"confrence\"]",
        "line 6, deploy \"b\" (agent echo), rooms.types: ",
        "\"conference\"",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrooms.types = [\"livestream\"]\nrooms.ids = [\"r\"]",
        "line 6, deploy \"b\" (agent echo, rooms r), rooms.types: ",
        "takes no peers",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\njoin.when = \"now\"",
        "line 6, deploy \"b\" (agent echo), join.when: ",
        "`first-person`",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\njoin = \"always\"",
        "line 6, deploy \"b\" (agent echo), join: ",
        "expected a table",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nleave.idle = 300",
        "line 6, deploy \"b\" (agent echo), leave.idle: ",
        "such as \"30s\"",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nleave.idle = \"0s\"",
        "line 6, deploy \"b\" (agent echo), leave.idle: ",
        "leave the key out",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nleave.max_duration = \"0s\"",
        "line 6, deploy \"b\" (agent echo), leave.max_duration: ",
        "leave the key out",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nhear.whom = \"persons\"",
        "line 6, deploy \"b\" (agent echo), hear.whom: ",
        "`people` or `everyone`",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nhear.subscribe = \"some\"",
        "line 6, deploy \"b\" (agent echo), hear.subscribe: ",
        "neither \"auto\" nor \"manual\"",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nvoice = \"pcm16:48000\"",
        "line 6, deploy \"b\" (agent echo), voice: ",
        "16000 or 24000",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nvoice = \"mp3\"",
        "line 6, deploy \"b\" (agent echo), voice: ",
        "neither pcm16 nor opus",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nlead = \"5ms\"",
        "line 6, deploy \"b\" (agent echo), lead: ",
        "from \"40ms\" to \"10s\"",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrestart.first_wait = \"2m\"",
        "line 6, deploy \"b\" (agent echo), restart.longest_wait: ",
        "less than restart.first_wait",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrestart.first_wait = \"0s\"",
        "line 6, deploy \"b\" (agent echo), restart.first_wait: ",
        "is zero",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nrestart.within = \"0s\"",
        "line 6, deploy \"b\" (agent echo), restart.within: ",
        "is zero",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nsink.webhook = \"example.org\"",
        "line 6, deploy \"b\" (agent echo), sink.webhook: ",
        "is not an http or https URL",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nsink.secret_env = \"S\"",
        "line 6, deploy \"b\" (agent echo), sink.secret_env: ",
        "no sink.webhook to sign for",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nsink = { file = \"a\", events = false, notes = false }",
        "line 6, deploy \"b\" (agent echo), sink: ",
        "neither events nor notes",
    ),
    (
        "name = \"b\"\nagent = \"echo\"\nsink.file = \" \"",
        "line 6, deploy \"b\" (agent echo), sink.file: ",
        "events/{room}.jsonl",
    ),
];

/// What follows from a fault is no fault of its own.
#[tokio::test]
async fn a_key_that_was_not_read_is_blamed_once() {
    let text = "[[deploy]]\nagent = \"echo\"\nname = 5\noptions = 7\n[[deploy]]\nagent = \"echo\"\n";
    let lines = lines(text).await;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("line 3, ") && lines[1].starts_with("line 4, "), "{lines:#?}");
}

async fn lines(text: &str) -> Vec<String> {
    Config::parse(text, &agents())
        .await
        .map(|_| Vec::new())
        .unwrap_or_else(|faults| faults.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn each_fault_has_a_clear_line_of_its_own() {
    let right = "[[deploy]]\nagent = \"echo\"\n";
    assert_eq!(lines(right).await, [""; 0]);
    let added = ADDED.map(|(text, begin, says)| (format!("{right}{text}\n"), begin, says));
    let deployed = DEPLOYED.map(|(text, begin, says)| (format!("{right}[[deploy]]\n{text}\n"), begin, says));
    let (mut seen, mut wrong) = (std::collections::BTreeSet::new(), Vec::new());
    for (text, begin, says) in added.into_iter().chain(deployed) {
        let lines = lines(&text).await;
        let is_clear = lines.len() == 1 && lines[0].starts_with(begin) && lines[0].contains(says);
        if !is_clear || lines[0].contains('\n') || !seen.insert(lines[0].clone()) {
            wrong.push(format!("{text}says {lines:?}\nnot  {begin}…{says}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() >= 40);
    assert_eq!(lines("").await, ["deploy: there is no [[deploy]], so no agent would go anywhere"]);
}

#[tokio::test]
async fn one_fault_does_not_hide_the_others() {
    let text = "[host]\ndrain = 1\n[admin]\nlisten = \"0.0.0.0:1\"\n[[deploy]]\nagent = \"nobody\"\nlead = \"1ms\"\n[[deploy]]\nagent = \"echo\"\nx = 1";
    let lines = lines(text).await;
    let places: Vec<&str> = lines.iter().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(places, ["line 2", "line 4", "line 6", "line 7", "line 10"], "{lines:#?}");
}

#[tokio::test]
async fn one_key_of_a_table_does_not_hide_the_others() {
    let text = "[host]\ndrain = 1\nwatchdogs = 2\nspare_threads = \"x\"\n[[deploy]]\nagent = \"nobody\"\nlead = \"1ms\"\n\
                hears = 1\nmax_sessions = \"x\"\njoin.when = \"now\"\nleave.idle = 5\nleave.max_duration = \"0s\"\n\
                restart = { first_wait = \"5m\", longest_wait = 7 }\n[[deploy]]\nagent = 5\nrooms = \"all\"";
    let lines = lines(text).await;
    let places: Vec<&str> = lines.iter().map(|line| line.split(',').next().unwrap()).collect();
    // Not line 12: with `leave.idle` unread nothing is said of its neighbours; nor that `agent` is missing.
    let expected = ["2", "3", "4", "6", "7", "8", "9", "10", "11", "13", "15", "16"].map(|line| format!("line {line}"));
    assert_eq!(places, expected, "{lines:#?}");
}
