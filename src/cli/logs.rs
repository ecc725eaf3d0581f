//! Logs, to standard error, and traces, to a collector; results go to standard output.

use std::io::{IsTerminal, Write};

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt,
};

use super::{ErrorCode, Failure, args::LogFormat, screen};
use crate::text::unprintable_removed;

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to log, and to trace if there is an endpoint. Keep what it gives until the end: the last traces leave then.
pub(super) fn start(rules: &str, format: LogFormat, traces: Option<&str>) -> Result<Traces, Failure> {
    let filter = filter(rules)?;
    let logs = tracing_subscriber::fmt::layer().with_writer(|| Printable);
    let logs: Boxed = match format {
        LogFormat::Human => Box::new(logs.with_ansi(std::io::stderr().is_terminal()).with_target(false)),
        LogFormat::Json => Box::new(logs.json()),
    };
    let mut layers: Vec<Boxed> = vec![Box::new(logs.with_filter(filter))];
    let traces = Traces::start(traces, &mut layers)?;
    tracing_subscriber::registry().with(layers).init();
    Ok(traces)
}

/// Standard error, for whole lines that may hold others' text: what would act on a terminal does not get there. Colours do:
/// those of the log itself, which end with `m`. A terminal that is gone is no failure.
struct Printable;

impl Write for Printable {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let body = text.strip_suffix('\n').unwrap_or(&text);
        let mut out = String::with_capacity(text.len());
        let mut rest = body;
        while let Some(at) = rest.find('\u{1b}') {
            out.push_str(&unprintable_removed(&rest[..at], LONGEST_LINE));
            let colour = rest[at..].strip_prefix("\u{1b}[").and_then(|code| code.split_once('m'));
            match colour.filter(|(code, _)| code.len() <= 8 && code.bytes().all(|b| b.is_ascii_digit() || b == b';')) {
                Some((code, behind)) => {
                    out.push_str("\u{1b}[");
                    out.push_str(code);
                    out.push('m');
                    rest = behind;
                }
                None => rest = &rest[at + 1..],
            }
        }
        out.push_str(&unprintable_removed(rest, LONGEST_LINE));
        out.push('\n');
        if !screen::hold(&out) {
            std::io::stderr().write_all(out.as_bytes()).ok();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Of a log.
const LONGEST_LINE: usize = 8_192;

fn filter(rules: &str) -> Result<EnvFilter, Failure> {
    let advice = "write error, warn, info, debug, trace, off, or rules such as roomtone=debug";
    // A single word that is no level would be taken for a module of that name, and nothing would be logged.
    let is_word = rules.chars().all(char::is_alphanumeric);
    if is_word && rules.parse::<LevelFilter>().is_err() {
        return Err(Failure::new(ErrorCode::Flag, format!("--log {rules:?} is no level; {advice}")));
    }
    EnvFilter::try_new(rules)
        .map_err(|error| Failure::new(ErrorCode::Flag, format!("--log {rules:?}: {error}; {advice}")))
}

/// Traces on their way.
#[cfg(feature = "otlp")]
pub(super) struct Traces(Option<opentelemetry_sdk::trace::SdkTracerProvider>);

#[cfg(feature = "otlp")]
impl Traces {
    fn start(endpoint: Option<&str>, layers: &mut Vec<Boxed>) -> Result<Traces, Failure> {
        use opentelemetry::trace::TracerProvider as _;
        use opentelemetry_otlp::{Protocol, WithExportConfig};
        use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};

        let Some(endpoint) = endpoint else { return Ok(Traces(None)) };
        crate::net::Trust::of_machine();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| Failure::new(ErrorCode::Flag, format!("traces.endpoint {endpoint}: {error}")))?;
        let resource = Resource::builder().with_service_name("roomtone").build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("roomtone"));
        // The exporter's own connections are nobody's trace.
        let own = EnvFilter::new("off,roomtone=info");
        layers.push(Box::new(layer.with_filter(own)));
        Ok(Traces(Some(provider)))
    }

    /// Sends what is left.
    pub(super) fn end(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            super::explain(&format_args!("the last traces are lost: {error}"));
        }
    }
}

/// Nothing to keep.
#[cfg(not(feature = "otlp"))]
pub(super) struct Traces;

#[cfg(not(feature = "otlp"))]
impl Traces {
    fn start(endpoint: Option<&str>, _: &mut Vec<Boxed>) -> Result<Traces, Failure> {
        match endpoint {
            None => Ok(Traces),
            Some(_) => Err(Failure::new(
                ErrorCode::Build,
                "[traces]: this build has no OpenTelemetry; build it with --features otlp",
            )),
        }
    }

    pub(super) fn end(self) {}
}
