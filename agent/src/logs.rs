//! Logs: text or JSON on standard error. Dependencies speak from `warn` up, and the Kubernetes
//! client not at all: on a body that does not decode it logs the body, and that holds keys.

use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, registry};

/// What to log and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Least severe level that is logged.
    pub level: Level,
    /// How a line looks.
    pub format: Format,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What ends the process.
    Error,
    /// What turned bad.
    Warn,
    /// Start, ports, sources, stop.
    Info,
    /// Single operations.
    Debug,
    /// Single steps.
    Trace,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Begins to log. Once in a process.
pub fn init(options: Options) {
    let filter = filter(options.level);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let installed = match options.format {
        Format::Json => {
            let layer = layer.json().flatten_event(true).with_current_span(false);
            tracing::subscriber::set_global_default(registry().with(layer.with_filter(filter)))
        }
        Format::Text => {
            let layer = layer.with_ansi(std::io::stderr().is_terminal());
            tracing::subscriber::set_global_default(registry().with(layer.with_filter(filter)))
        }
    };
    if installed.is_err() {
        tracing::debug!("logs were begun before");
    }
    std::panic::set_hook(Box::new(|panic| {
        // The place alone: the message of a panic can quote the data.
        let at = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(at, "a fault of the agent's own");
    }));
}

fn filter(level: Level) -> Targets {
    let level = LevelFilter::from(level);
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("x509_certificate_exporter", level)
        .with_target("kube_client", LevelFilter::OFF)
        .with_target("kube_runtime", LevelFilter::OFF)
        .with_target("kube_core", LevelFilter::OFF)
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "error" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(format!(
                "`{text}` is none of error, warn, info, debug, trace"
            )),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(format!("`{text}` is neither text nor json")),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level as Event;

    use super::*;

    #[test]
    fn the_kubernetes_client_is_silent_at_every_level() {
        for level in [
            Level::Error,
            Level::Warn,
            Level::Info,
            Level::Debug,
            Level::Trace,
        ] {
            let filter = filter(level);
            for target in ["kube_client::client", "kube_runtime::watcher", "kube_core"] {
                assert!(
                    !filter.would_enable(target, &Event::ERROR),
                    "{target} at {level:?}"
                );
            }
        }
    }

    #[test]
    fn dependencies_speak_from_warn_up_and_we_as_asked() {
        let filter = filter(Level::Debug);
        assert!(filter.would_enable("x509_certificate_exporter::serve", &Event::DEBUG));
        assert!(!filter.would_enable("hyper", &Event::INFO));
        assert!(filter.would_enable("hyper", &Event::WARN));
    }
}
