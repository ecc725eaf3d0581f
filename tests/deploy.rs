//! What is ready-made for operators, against what the program really has.

use std::{collections::BTreeSet, fs, path::Path};

use roomtone::{
    agent::Registry,
    host::{Config, METRICS},
};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The metrics that a text speaks of, without what histograms and counters add to their names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let metrics = words.filter_map(|word| word.strip_prefix("roomtone_"));
    let plain = |name: &str| {
        let ends = ["_total", "_bucket", "_count", "_sum"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    metrics.map(plain).collect()
}

#[test]
fn dashboard_and_alerts_speak_of_metrics_that_exist() {
    let known: BTreeSet<String> = METRICS.iter().map(|name| (*name).to_owned()).collect();
    let (dashboard, alerts) = (read("deploy/grafana/roomtone.json"), read("deploy/prometheus/alerts.yaml"));
    serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
    for text in [&dashboard, &alerts] {
        let named = named(text);
        let unknown: Vec<&String> = named.difference(&known).collect();
        assert!(named.len() >= 10 && unknown.is_empty(), "there are no metrics {unknown:?}");
    }
    let unseen: Vec<_> = known.difference(&named(&dashboard)).cloned().collect();
    assert_eq!(unseen, Vec::<String>::new(), "every metric is on the dashboard");
}

/// The seconds in the first line of `text` that begins with `key`.
fn seconds(text: &str, key: &str) -> u64 {
    let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches('s').parse().unwrap()
}

#[tokio::test]
async fn those_who_stop_it_wait_for_longer_than_it_drains() {
    let kubernetes = read("deploy/kubernetes/roomtone.yaml");
    let config = kubernetes.split("host.toml: |\n").nth(1).unwrap().split("\n---").next().unwrap();
    let config: String = config.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let faults = Config::parse(&config, &Registry::default()).await.unwrap_err();
    assert!(faults.iter().all(|fault| fault.key == "agent"), "only the agents are not here: {faults:?}");
    let drain = 120;
    assert!(config.contains("drain = \"2m\""));
    assert!(seconds(&kubernetes, "terminationGracePeriodSeconds:") >= drain + 10);
    let unit = read("deploy/systemd/roomtone.service");
    let default = Config::default().host.drain.as_secs();
    assert!(seconds(&unit, "TimeoutStopSec=") >= default + 10);
}

#[test]
fn the_image_is_built_from_what_is_here() {
    let dockerfile = read("deploy/Dockerfile");
    for line in dockerfile.lines().filter(|line| line.starts_with("COPY --from=build")) {
        let source = line.split(' ').find_map(|word| word.strip_prefix("/roomtone/")).unwrap();
        let is_built = source.starts_with("target/");
        assert!(is_built || Path::new(env!("CARGO_MANIFEST_DIR")).join(source).exists(), "{source}");
    }
    let toolchain = read("Cargo.toml");
    let oldest =
        toolchain.split("rust-version = \"1.").nth(1).unwrap().split('"').next().unwrap().parse::<u32>().unwrap();
    let image = dockerfile.split("FROM rust:1.").nth(1).unwrap().split('-').next().unwrap().parse::<u32>().unwrap();
    assert!(image >= oldest);
}
