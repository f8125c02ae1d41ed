//! `check [TARGET…]`: one look, a report, an exit code. The same sources as `serve`, without a port.

mod targets;
mod textfile;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Duration;

#[cfg(feature = "endpoints")]
use futures_util::{StreamExt as _, stream};

use self::targets::Targets;
use crate::cli::{Check, Format, Options, Order};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, SourceConfig, duration, raw};
use crate::discover;
use crate::exit::Exit;
use crate::expose::cache::Cache;
use crate::expose::gzip::Packer;
use crate::expose::lines::{Report, Sort};
use crate::expose::urgency::{Limits, Urgency};
use crate::expose::{self, csv, json, metrics, table};
use crate::inventory::{Inventory, Snapshot};
use crate::model::{Bundle, Change, Location, Problem, Reason};
#[cfg(feature = "endpoints")]
use crate::source::endpoint::{Address, Protocol, Target};
use crate::source::objects::{Keystores, Passphrases};
use crate::source::{files, kube, kubeconfigs, objects};
use crate::terminal;

/// Servers that are asked at a time.
#[cfg(feature = "endpoints")]
const AT_A_TIME: usize = 16;

type Found = Vec<(Location, Bundle)>;

/// Looks once and tells what was found. Wrong usage is 3, too: it tells nothing about certificates.
pub fn run(arguments: &Check, options: Options) -> Exit {
    look(arguments, options).unwrap_or_else(|error| terminal::fail(&error, Exit::Unknown))
}

fn look(arguments: &Check, options: Options) -> Result<Exit, ConfigError> {
    if options.names_sources() || options.config.is_some() {
        let error = "takes its targets as arguments; it reads neither --watch-… nor --config";
        return Err(ConfigError::flag("check", error));
    }
    let warn = seconds("--warn", &arguments.warn)?;
    let crit = seconds("--crit", &arguments.crit)?;
    let limits = Limits::of_seconds(warn, crit);
    let shown = expose::Options {
        relative: options.expose_relative_metrics,
        trim_path_components: options.trim_path_components.unwrap_or_default(),
        ..expose::Options::default()
    };
    let patience = duration::parse(&arguments.timeout)
        .map_err(|error| ConfigError::flag("--timeout", error))?;
    let Targets {
        paths,
        endpoints,
        secrets,
        refused,
    } = targets::sort(&arguments.targets, |path| is_there(&options, path));

    let shown = expose::Options {
        endpoints: !endpoints.is_empty(),
        ..shown
    };
    let (host_root, follow) = (options.host_root, !options.skip_symlinks);
    let mut found = Found::new();
    let mut nothing = "there is no certificate";
    if arguments.targets.is_empty() {
        let mut names = arguments.distribution.clone();
        if names.is_empty() {
            names.push(discover::AUTO.to_owned());
        }
        let source = raw::Source::of_distributions("check", names, follow);
        nothing = "no certificate where distributions of Kubernetes keep them: name a TARGET";
        found.extend(scan(source, host_root)?);
    } else if !paths.is_empty() {
        found.extend(of_paths(&paths, arguments, host_root, follow)?);
    }
    if !endpoints.is_empty() || !secrets.is_empty() {
        let settings = kube::Settings {
            kubeconfig: options.kubeconfig.map(Into::into),
            ..kube::Settings::default()
        };
        let over_network = async {
            let mut found = served(endpoints, patience).await;
            for secret in &secrets {
                found.extend(of_secret(secret, &settings, arguments, patience).await);
            }
            found
        };
        found.extend(wait_for(over_network)?);
    }

    let mut exit = Exit::Well;
    if !refused.is_empty() {
        exit = exit.max(terminal::fail(&refused.trim_end(), Exit::Unknown));
    } else if found.is_empty() {
        exit = exit.max(terminal::fail(&nothing, Exit::Unknown));
    }
    let inventory = Inventory::default();
    for (location, bundle) in found {
        inventory.apply(0, Change::Upsert(location, bundle));
    }
    let (snapshot, now) = (inventory.snapshot(), Clock::system().now());
    let report = Report::of(&snapshot, limits, sort(arguments.sort), now);
    // Of a file that is collected, nobody reads the output.
    let format = match (arguments.format, &arguments.textfile) {
        (None, Some(_)) => None,
        (format, _) => Some(format.unwrap_or_default()),
    };
    if let Some(format) = format {
        exit = exit.max(print(format, &report, &snapshot, &shown, now));
    }
    if let Some(path) = &arguments.textfile {
        let written = exposition(&snapshot, &shown, now);
        let written = written.and_then(|text| textfile::write(path, &text));
        exit = exit.max(written.map_or_else(
            |error| {
                let shown = path.display();
                terminal::fail(&format!("--textfile {shown}: {error}"), Exit::Unknown)
            },
            |()| Exit::Well,
        ));
    }
    Ok(verdict(&report, exit))
}

/// What servers show.
#[cfg(feature = "endpoints")]
async fn served(endpoints: Vec<(Address, Protocol)>, patience: Duration) -> Found {
    let looks = endpoints.into_iter().map(|(address, protocol)| async move {
        let target = Target::unverified(address, protocol, patience);
        vec![(target.location(), target.look().await)]
    });
    stream::iter(looks).buffered(AT_A_TIME).concat().await
}

#[cfg(not(feature = "endpoints"))]
#[expect(clippy::unused_async, reason = "so that it is called alike")]
async fn served(_: Vec<(targets::Address, targets::Protocol)>, _: Duration) -> Found {
    Found::new()
}

fn print(
    format: Format,
    report: &Report<'_>,
    snapshot: &Snapshot,
    shown: &expose::Options,
    now: i64,
) -> Exit {
    match format {
        Format::Table => {
            let coloured = io::stdout().is_terminal() && terminal::wants_colour();
            terminal::print(table::render(report, coloured, now))
        }
        Format::Csv => terminal::print(csv::render(report, now)),
        Format::Prometheus => exposition(snapshot, shown, now).map_or_else(
            |error| terminal::fail(&format!("--format: {error}"), Exit::Unknown),
            terminal::print,
        ),
        Format::Json => {
            let mut text = Vec::new();
            json::write(snapshot, now, &mut text).expect("writing to a Vec cannot fail");
            terminal::print(text)
        }
    }
}

/// As a scrape has it, and when it was looked.
fn exposition(snapshot: &Snapshot, shown: &expose::Options, now: i64) -> io::Result<Vec<u8>> {
    let mut packer = Packer::default();
    let pieces = Cache::default().pieces(snapshot, shown, now, &mut packer)?;
    if shown.relative {
        metrics::write_relative(snapshot, shown, now, &mut packer)?;
    }
    metrics::write_looked(now, &mut packer)?;
    let mut text = Vec::new();
    for chunk in packer.finish(pieces)?.into_plain() {
        text.extend_from_slice(&chunk?);
    }
    Ok(text)
}

fn sort(order: Order) -> Sort {
    match order {
        Order::Expires => Sort::Expires,
        Order::Place => Sort::Place,
        Order::Subject => Sort::Subject,
    }
}

/// Whether there is a file of this name, where paths are looked for.
fn is_there(options: &Options, path: &str) -> bool {
    let root = options.host_root.as_deref().unwrap_or("/");
    let below = absolute(path);
    Path::new(root)
        .join(below.trim_start_matches('/'))
        .symlink_metadata()
        .is_ok()
}

/// Awaits what is asked over the network. A look-up of a name that hangs is not waited for.
fn wait_for<T>(future: impl Future<Output = T>) -> Result<T, ConfigError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ConfigError::flag("check", error))?;
    let done = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(done)
}

/// The keys of a Secret, read with one request.
async fn of_secret(
    (namespace, name): &(String, String),
    settings: &kube::Settings,
    arguments: &Check,
    patience: Duration,
) -> Found {
    let passphrases = Passphrases {
        file: arguments.passphrase_file.as_ref().map(Into::into),
        try_empty: arguments.try_empty_passphrase,
        ..Passphrases::default()
    };
    let keystores = Keystores {
        pkcs12: passphrases.clone(),
        jks: passphrases,
    };
    let looked = objects::once::secret(settings.clone(), namespace, name, keystores);
    tokio::time::timeout(patience, looked)
        .await
        .unwrap_or_else(|_| {
            let detail = "the API server does not answer in time";
            let bundle = Bundle::unread(Problem::new(Reason::Timeout, detail));
            vec![(objects::once::location(namespace, name), bundle)]
        })
}

/// Each path is read as certificates. A file that holds none may be a kubeconfig; if it is one,
/// what it names counts in its stead.
fn of_paths(
    paths: &[String],
    arguments: &Check,
    host_root: Option<String>,
    follow_symlinks: bool,
) -> Result<Found, ConfigError> {
    let file = arguments.passphrase_file.iter();
    let passphrases = raw::Passphrases {
        passphrase_file: file.map(|path| absolute(path)).collect(),
        try_empty_passphrase: arguments.try_empty_passphrase,
        ..raw::Passphrases::default()
    };
    let paths = paths.iter().map(|path| absolute(path)).collect();
    let mut source = raw::Source::of_files("check", paths, follow_symlinks);
    if let raw::Source::File(file) = &mut source {
        file.pkcs12 = Some(passphrases);
    }
    let mut found = scan(source, host_root.clone())?;
    let holds_none = |bundle: &Bundle| {
        let none = |reason| reason == Reason::NoCertificateFound;
        bundle.problems.iter().any(|problem| none(problem.reason))
    };
    let maybe: Vec<String> = found
        .iter()
        .filter(|(_, bundle)| holds_none(bundle))
        .filter_map(|(location, _)| match location {
            Location::File { path } => Some(path.to_string()),
            _ => None,
        })
        .collect();
    if maybe.is_empty() {
        return Ok(found);
    }
    let kubeconfigs = scan(raw::Source::of_kubeconfigs("check", maybe), host_root)?;
    let entries = kubeconfigs
        .into_iter()
        .filter(|(location, _)| matches!(location, Location::Kubeconfig { entry: Some(_), .. }));
    let entries: Vec<_> = entries.collect();
    found.retain(|(location, _)| {
        match location {
        Location::File { path } => !entries.iter().any(|(entry, _)| {
            matches!(entry, Location::Kubeconfig { path: kubeconfig, .. } if kubeconfig == path)
        }),
        _ => true,
    }
    });
    found.extend(entries);
    Ok(found)
}

fn scan(source: raw::Source, host_root: Option<String>) -> Result<Found, ConfigError> {
    let raw = raw::Raw {
        host_root,
        sources: vec![source],
        ..raw::Raw::default()
    };
    let sources = Config::new(&raw)?.sources;
    Ok(sources
        .iter()
        .flat_map(|source| match source {
            SourceConfig::Files(options) => files::scan_once(options),
            SourceConfig::Kubeconfigs(options) => kubeconfigs::scan_once(options),
            #[cfg(feature = "endpoints")]
            SourceConfig::Endpoints(_) => Vec::new(),
            SourceConfig::Objects(_) => Vec::new(),
        })
        .collect())
}

/// The path as the sources want it. One that cannot be made absolute stays, and is told.
fn absolute(path: &str) -> String {
    match std::path::absolute(Path::new(path)) {
        Ok(absolute) => absolute.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}

fn seconds(flag: &str, text: &str) -> Result<i64, ConfigError> {
    let duration = duration::parse(text).map_err(|error| ConfigError::flag(flag, error))?;
    Ok(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}

/// What is known to be bad counts before what could not be told, and that before a warning.
fn verdict(report: &Report<'_>, exit: Exit) -> Exit {
    match report.worst() {
        Some(Urgency::Expired | Urgency::Critical) => Exit::Critical,
        // What could not be told must never look like 0.
        _ if exit == Exit::Unknown || !report.problems.is_empty() => Exit::Unknown,
        None => Exit::Unknown,
        Some(Urgency::Warning) => Exit::Warning,
        Some(Urgency::Ok) => Exit::Well,
    }
}
