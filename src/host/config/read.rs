//! From text to a configuration: each table by itself, so that one fault does not hide the others.

use std::{
    collections::BTreeSet,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use super::{
    Config, ConfigError, Deploy, Fault, FishjamConfig, HostConfig, Prepared, RoomRule, TracesConfig,
    table::{Places, Read, Value, is_beside, read},
};
use crate::{
    agent::{OptionsError, Registry},
    host::platforms,
    text,
    units::is_http_url,
};

impl Config {
    /// Reads a file, and prepares the agents that it names.
    ///
    /// # Errors
    /// [`ConfigError`] with all that is wrong.
    pub async fn read(path: &Path, registry: &Registry) -> Result<Config, ConfigError> {
        Draft::read(path)?.prepare(registry).await
    }

    /// Reads text, and prepares the agents that it names.
    ///
    /// # Errors
    /// Every [`Fault`] that was found, in the order of the lines.
    pub async fn parse(text: &str, registry: &Registry) -> Result<Config, Vec<Fault>> {
        Draft::parse(text).finish(registry).await
    }
}

/// A file that has been read, and whose agents have not been prepared yet: what is wrong with either is told together.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    config: Config,
    faults: Vec<Fault>,
    /// For each deploy, where in the text what is wrong with its agent's options would be.
    places: Vec<DeployPlaces>,
}

impl Draft {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read at all.
    pub fn read(path: &Path) -> Result<Draft, ConfigError> {
        let text = text::of_file(path).map_err(ConfigError::Read)?;
        Ok(Draft { path: path.to_owned(), ..Draft::parse(&text) })
    }

    /// Reads text.
    pub fn parse(text: &str) -> Draft {
        let mut reader = Reader { text, faults: Vec::new(), places: Vec::new() };
        let config = match DeTable::parse(text) {
            Ok(root) => reader.config(root.into_inner()),
            Err(error) => {
                reader.fault(None, "", error.span(), error.message());
                Config::default()
            }
        };
        Draft { path: PathBuf::new(), config, faults: reader.faults, places: reader.places }
    }

    /// What it says of the process as a whole, as far as that could be read.
    pub fn host(&self) -> &HostConfig {
        &self.config.host
    }

    /// What it says of traces, as far as that could be read.
    pub fn traces(&self) -> Option<&TracesConfig> {
        self.config.traces.as_ref()
    }

    /// What is wrong with it so far.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Prepares the agents that it names.
    ///
    /// # Errors
    /// [`ConfigError`] with all that is wrong.
    pub async fn prepare(self, registry: &Registry) -> Result<Config, ConfigError> {
        let path = self.path.clone();
        self.finish(registry).await.map_err(|faults| ConfigError::Faults { path, faults })
    }

    async fn finish(mut self, registry: &Registry) -> Result<Config, Vec<Fault>> {
        for (deploy, places) in self.config.deploys.iter_mut().zip(&self.places) {
            let prepared = match registry.find(&deploy.agent) {
                // What is missing of them has been told.
                Ok(_) if places.has_unread_options => continue,
                Ok(builtin) => builtin.prepare(deploy.options.clone()).await,
                Err(unknown) => Err(unknown),
            };
            match prepared {
                Ok(maker) => deploy.maker = Prepared(Some(maker)),
                Err(error) => self.faults.push(places.fault(deploy, &error)),
            }
        }
        self.faults.sort_by_key(|fault| fault.line);
        if self.faults.is_empty() { Ok(self.config) } else { Err(self.faults) }
    }
}

/// Where in the text a deploy's keys are.
#[derive(Debug)]
struct DeployPlaces {
    title: String,
    /// Each key with its line.
    lines: Vec<(String, usize)>,
    line: usize,
    /// They were no table.
    has_unread_options: bool,
}

impl DeployPlaces {
    fn fault(&self, deploy: &Deploy, error: &OptionsError) -> Fault {
        let key = match error {
            OptionsError::UnknownAgent { .. } => "agent".to_owned(),
            OptionsError::Value { key, .. } => format!("options.{key}"),
            OptionsError::Shape(problem) => {
                let named = problem.split('`').nth(1).filter(|key| deploy.options.contains_key(*key));
                named.map_or("options".to_owned(), |key| format!("options.{key}"))
            }
        };
        let line_of = |key: &str| self.lines.iter().find(|(known, _)| known == key).map(|(_, line)| *line);
        let table = key.rsplit_once('.').map_or("", |(table, _)| table);
        let line = line_of(&key).or_else(|| line_of(table)).unwrap_or(self.line);
        let problem = error.to_string().trim().replace('\n', " ");
        Fault { line: Some(line), deploy: Some(self.title.clone()), key, problem }
    }
}

struct Reader<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    places: Vec<DeployPlaces>,
}

impl<'a> Reader<'a> {
    fn config(&mut self, root: DeTable<'a>) -> Config {
        let mut config = Config::default();
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "fishjam" => config.fishjam = self.table("fishjam", value).unwrap_or_default(),
                "signalwire" => config.signalwire = self.table("signalwire", value),
                "nkmedia" => config.nkmedia = self.table("nkmedia", value),
                "dubtrack" => config.dubtrack = self.table("dubtrack", value),
                "host" => config.host = self.host(value),
                "webhook" => config.webhook = self.table("webhook", value),
                "metrics" => config.metrics = self.table("metrics", value),
                "admin" => config.admin = self.admin(value),
                "traces" => config.traces = self.traces(value),
                "deploy" => config.deploys = self.deploys(value),
                other => {
                    let problem = format!("there is no such table; there are {TABLES}");
                    self.fault(None, other, Some(key.span()), &problem);
                }
            }
        }
        self.whole(&config);
        let is_one_of_many = config.has_several();
        config.deploys.iter_mut().for_each(|deploy| deploy.is_one_of_many = is_one_of_many);
        config
    }

    /// What concerns more than one table.
    fn whole(&mut self, config: &Config) {
        if config.deploys.is_empty() && self.faults.is_empty() {
            self.fault(None, "deploy", None, "there is no [[deploy]], so no agent would go anywhere");
        }
        if self.faults.is_empty() {
            config.faults_of_platforms().into_iter().for_each(|(key, problem)| self.fault_at(key, &problem));
        }
        let FishjamConfig { id, token_env, .. } = &config.fishjam;
        if let Some(fault) = id.as_deref().and_then(platforms::fault_of_address) {
            self.fault_at("fishjam.id", &fault);
        }
        if token_env.trim().is_empty() {
            self.fault_at("fishjam.token_env", "is empty; name an environment variable");
        }
        let plain = |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
        if let Some(webhook) = config.webhook.as_ref().filter(|hook| !hook.path.starts_with('/') || !plain(&hook.path))
        {
            let problem =
                format!("{:?} does not begin with '/', or holds more than letters, digits and /-_.", webhook.path);
            self.fault_at("webhook.path", &problem);
        }
        let ports = [
            ("webhook.listen", config.webhook.as_ref().map(|webhook| webhook.listen)),
            ("metrics.listen", config.metrics.as_ref().map(|metrics| metrics.listen)),
            ("admin.listen", config.admin.as_ref().map(|admin| admin.listen)),
        ];
        let mut seen = BTreeSet::new();
        for (key, address) in ports {
            if let Some(address) = address.filter(|address| address.port() != 0)
                && !seen.insert(address)
            {
                self.fault_at(key, &format!("{address} is taken by another table of this file"));
            }
        }
    }

    fn host(&mut self, value: Value<'a>) -> HostConfig {
        let Some(host) = self.table::<HostConfig>("host", value) else { return HostConfig::default() };
        if host.max_sessions_per_tenant > 0 && host.tenant.is_none() {
            self.fault_at("host.max_sessions_per_tenant", "needs host.tenant, which says where a tenant is named");
        }
        if host.tenant.as_ref().is_some_and(|path| path.split('.').any(str::is_empty)) {
            self.fault_at("host.tenant", "is no path; write keys with dots between them, as in \"server.org\"");
        }
        for (key, is_zero) in [
            ("host.max_concurrent_joins", host.max_concurrent_joins == 0),
            ("host.reconcile", host.reconcile.is_zero()),
            ("host.watchdog", host.watchdog.is_zero()),
        ] {
            if is_zero {
                self.fault_at(key, "is zero; it must be more");
            }
        }
        for (key, count, most) in [
            ("host.spare_threads", host.spare_threads, 1_024),
            ("host.max_concurrent_joins", host.max_concurrent_joins, 10_000),
        ] {
            if count > most {
                self.fault_at(key, &format!("is {count}; it may be {most} at the most"));
            }
        }
        host
    }

    fn admin(&mut self, value: Value<'a>) -> Option<super::AdminConfig> {
        let admin: super::AdminConfig = self.table("admin", value)?;
        if !admin.listen.ip().is_loopback() && !admin.beyond_loopback {
            let problem = format!(
                "{} can be reached from other machines; listen on 127.0.0.1, or say beyond_loopback = true",
                admin.listen
            );
            self.fault_at("admin.listen", &problem);
        }
        if admin.cert_file.is_some() != admin.key_file.is_some() {
            let missing = if admin.cert_file.is_some() { "admin.key_file" } else { "admin.cert_file" };
            self.fault_at(missing, "is missing: a certificate needs its key, and the other way round");
        }
        Some(admin)
    }

    fn traces(&mut self, value: Value<'a>) -> Option<super::TracesConfig> {
        let traces: super::TracesConfig = self.table("traces", value)?;
        if !is_http_url(&traces.endpoint) {
            self.fault_at("traces.endpoint", "is not an http or https URL, as in \"http://127.0.0.1:4318\"");
        }
        Some(traces)
    }

    fn deploys(&mut self, value: Value<'a>) -> Vec<Deploy> {
        let DeValue::Array(tables) = value.get_ref() else {
            self.fault(None, "deploy", Some(value.span()), "is a list of tables; write [[deploy]]");
            return Vec::new();
        };
        let tables: Vec<Value<'a>> = tables.iter().cloned().collect();
        let mut names = BTreeSet::new();
        tables.into_iter().filter_map(|table| self.deploy(table, &mut names)).collect()
    }

    fn deploy(&mut self, value: Value<'a>, names: &mut BTreeSet<String>) -> Option<Deploy> {
        let text_of = |key: &str| value.get_ref().get(key).and_then(|value| value.get_ref().as_str());
        let agent = text_of("agent").unwrap_or("not named").to_owned();
        let name = text_of("name").unwrap_or(&agent).to_owned();
        let early = Deploy::title(&name, &agent, &RoomRule::default());
        let places = Places::of(value.get_ref());
        let span = value.span();
        let Read { read, faults: unread } = read::<Deploy>(value);
        let broken: Vec<String> = unread
            .into_iter()
            .map(|(at, problem)| {
                let key = places.key_at(&at);
                self.fault(Some(early.clone()), &key, Some(at), &problem);
                key
            })
            .collect();
        let mut deploy = read?;
        deploy.name = name;
        let title = Deploy::title(&deploy.name, &deploy.agent, &deploy.rooms);
        let mut faults: Vec<(String, String)> =
            deploy.faults().into_iter().map(|(key, problem)| (key.to_owned(), problem)).collect();
        if !broken.iter().any(|key| key == "name") && !names.insert(deploy.name.clone()) {
            faults.push(("name".into(), "another [[deploy]] has this name; give this one a name of its own".into()));
        }
        faults.extend(deploy.faults_without_sound(places.0.iter().map(|(key, _)| key.as_str())));
        for (key, problem) in faults.into_iter().filter(|(key, _)| !broken.iter().any(|broken| is_beside(broken, key)))
        {
            let at = places.nearest(&key).unwrap_or(span.clone());
            self.fault(Some(title.clone()), &key, Some(at), &problem);
        }
        let lines = places.0.iter().map(|(key, at)| (key.clone(), self.line_of(at))).collect();
        let has_unread_options = broken.iter().any(|key| key == "options");
        self.places.push(DeployPlaces { title, lines, line: self.line_of(&span), has_unread_options });
        Some(deploy)
    }

    fn table<T: DeserializeOwned>(&mut self, name: &str, value: Value<'a>) -> Option<T> {
        let places = Places::of(value.get_ref());
        for secret in ["token", "secret", "management_token", "password"] {
            if let Some(at) = places.span_of(secret) {
                let problem = "a secret does not belong in the file; name the environment variable or the file that \
                               holds it";
                self.fault(None, &format!("{name}.{secret}"), Some(at), problem);
                return None;
            }
        }
        let Read { read, faults } = read(value);
        let is_right = faults.is_empty();
        for (at, problem) in faults {
            let key = places.key_at(&at);
            let key = if key.is_empty() { name.to_owned() } else { format!("{name}.{key}") };
            self.fault(None, &key, Some(at), &problem);
        }
        // What its keys mean together cannot be told while some of them are missing.
        read.filter(|_| is_right)
    }

    /// A fault of a key that can be found by its name.
    fn fault_at(&mut self, key: &str, problem: &str) {
        let places = DeTable::parse(self.text).map(|root| Places::of_table(root.get_ref()));
        let at = places.ok().and_then(|places| places.nearest(key));
        self.fault(None, key, at, problem);
    }

    fn fault(&mut self, deploy: Option<String>, key: &str, at: Option<Range<usize>>, problem: &str) {
        let line = at.map(|at| self.line_of(&at));
        let problem = problem.trim().replace('\n', " ");
        self.faults.push(Fault { line, deploy, key: key.to_owned(), problem });
    }
}

impl Reader<'_> {
    fn line_of(&self, at: &Range<usize>) -> usize {
        1 + self.text[..at.start.min(self.text.len())].matches('\n').count()
    }
}

const TABLES: &str =
    "[fishjam], [signalwire], [nkmedia], [dubtrack], [host], [webhook], [metrics], [admin], [traces] and [[deploy]]";
