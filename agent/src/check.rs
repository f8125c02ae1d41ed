//! `check [PATH…]`: one look, a table, an exit code. The same sources as `serve`, without a port.

use std::path::Path;

use crate::cli::{Check, Options};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, SourceConfig, duration, raw};
use crate::discover;
use crate::exit::Exit;
use crate::expose::table::{self, Limits, State, Tally};
use crate::inventory::Inventory;
use crate::model::{Bundle, Change, Location, Reason};
use crate::source::{files, kubeconfigs};
use crate::terminal;

/// Looks once and prints what was found.
pub fn run(arguments: Check, options: Options) -> Result<Exit, ConfigError> {
    if options.names_sources() || options.config.is_some() {
        let error = "takes its paths as arguments; it reads neither --watch-… nor --config";
        return Err(ConfigError::flag("check", error));
    }
    let limits = Limits {
        warn: seconds("--warn", &arguments.warn)?,
        crit: seconds("--crit", &arguments.crit)?,
    };
    let (host_root, follow) = (options.host_root, !options.skip_symlinks);
    let (found, nothing) = if arguments.paths.is_empty() {
        let mut names = arguments.distribution;
        if names.is_empty() {
            names.push(discover::AUTO.to_owned());
        }
        let source = raw::Source::of_distributions("check", names, follow);
        let nothing = "no certificate where distributions of Kubernetes keep them: name a PATH";
        (scan(source, host_root)?, nothing)
    } else {
        let passphrases = raw::Passphrases {
            passphrase_file: arguments
                .passphrase_file
                .iter()
                .map(|path| absolute(path))
                .collect(),
            try_empty_passphrase: arguments.try_empty_passphrase,
            ..raw::Passphrases::default()
        };
        let found = look(&arguments.paths, passphrases, host_root, follow)?;
        (found, "there is no certificate")
    };
    if found.is_empty() {
        return Ok(terminal::fail(&nothing, Exit::Unknown));
    }
    let inventory = Inventory::default();
    for (location, bundle) in found {
        inventory.apply(0, Change::Upsert(location, bundle));
    }
    let (text, tally) = table::render(&inventory.snapshot(), limits, Clock::system().now());
    Ok(terminal::print(&text).max(verdict(tally)))
}

/// Each path is read as certificates. A file that holds none may be a kubeconfig; if it is one,
/// what it names counts in its stead.
fn look(
    paths: &[String],
    passphrases: raw::Passphrases,
    host_root: Option<String>,
    follow_symlinks: bool,
) -> Result<Vec<(Location, Bundle)>, ConfigError> {
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

fn scan(
    source: raw::Source,
    host_root: Option<String>,
) -> Result<Vec<(Location, Bundle)>, ConfigError> {
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

fn verdict(tally: Tally) -> Exit {
    match tally.worst {
        Some(State::Expired | State::Critical) => Exit::Critical,
        // What could not be told must never look like 0.
        _ if tally.problems > 0 => Exit::Unknown,
        None => Exit::Unknown,
        Some(State::Warning) => Exit::Warning,
        Some(State::Ok) => Exit::Well,
    }
}
