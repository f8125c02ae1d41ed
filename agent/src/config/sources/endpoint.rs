//! Servers and remote files: from what is written to what can be watched.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

use super::{SourceConfig, TIMEOUT, duration, interval};
use crate::config::Errors;
use crate::config::raw;
use crate::discover;
use crate::source::endpoint::{
    Address, IdentityFiles, Options, Pairing, Place, Protocol, Target, Trust,
};

/// A look shorter than this would reach nobody, and a longer one keeps others waiting.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(60);

/// Bytes of a name that becomes a label.
const LONGEST_NAME: usize = 253;

/// Those that are named.
// A node has none: not among the code of those that it has (ci/image.d/seldom.ld).
#[inline(never)]
pub(super) fn endpoint(
    at: &str,
    root: &Path,
    written: &raw::Endpoint,
    errors: &mut Errors,
) -> Option<SourceConfig> {
    let before = errors.len();
    if written.targets.is_empty() {
        errors.push(&format!("{at}.targets"), "there is nothing to look at");
    }
    let at_interval = format!("{at}.refreshInterval");
    let interval = errors.take(&at_interval, interval(&written.refresh_interval));
    let patience = patience(&format!("{at}.timeout"), &written.timeout, errors);
    let targets = written.targets.iter().enumerate().map(|(index, one)| {
        let at = format!("{at}.targets[{index}]");
        target(&at, one, written, patience.unwrap_or(LONGEST), errors)
    });
    let targets: Vec<Target> = targets.collect::<Vec<_>>().into_iter().flatten().collect();
    let mut locations = HashSet::new();
    for (index, target) in targets.iter().enumerate() {
        let location = target.location();
        if !locations.insert(location.clone()) {
            let error = format!("{location} is there twice: give each a name");
            errors.push(&format!("{at}.targets[{index}]"), error);
        }
    }
    (errors.len() == before).then_some(())?;
    Some(SourceConfig::Endpoints(Options {
        name: written.name.clone(),
        kind: "endpoint",
        root: root.to_owned(),
        interval: interval?,
        timeout: TIMEOUT,
        targets,
    }))
}

/// Those that distributions of Kubernetes have on a node.
#[inline(never)]
pub(super) fn served(
    at: &str,
    root: &Path,
    written: &raw::Served,
    errors: &mut Errors,
) -> Option<SourceConfig> {
    super::distributions(at, &written.distributions, errors);
    let at_interval = format!("{at}.refreshInterval");
    let interval = errors.take(&at_interval, interval(&written.refresh_interval));
    let timeout = patience(&format!("{at}.timeout"), &written.timeout, errors)?;
    let targets = discover::servers(&written.distributions).into_iter();
    let targets = targets.filter_map(|server| {
        let address = Address::of_authority(server.address)?;
        Some(Target {
            name: Some(server.name.into()),
            pairing: Pairing::Known(server.files),
            ..Target::unverified(address, Protocol::Tls, timeout)
        })
    });
    Some(SourceConfig::Endpoints(Options {
        name: written.name.clone(),
        kind: "served",
        root: root.to_owned(),
        interval: interval?,
        timeout: TIMEOUT,
        targets: targets.collect(),
    }))
}

fn target(
    at: &str,
    written: &raw::EndpointTarget,
    of_all: &raw::Endpoint,
    patience_of_all: Duration,
    errors: &mut Errors,
) -> Option<Target> {
    let key = |key: &str| format!("{at}.{key}");
    let protocol = errors.take(&key("protocol"), written.protocol.parse::<Protocol>());
    let place = protocol.map(|protocol| place(&written.address, protocol));
    let place = place.and_then(|place| errors.take(&key("address"), place));
    let is_odd = |text: &str| text.len() > LONGEST_NAME || text.chars().any(char::is_control);
    if is_odd(&written.name) {
        errors.push(&key("name"), "it is too long, or not in one line");
    }
    if written.server_name.as_deref().is_some_and(str::is_empty) {
        errors.push(&key("serverName"), "it is empty");
    }
    let timeout = match &written.timeout {
        Some(text) => patience(&key("timeout"), text, errors),
        None => Some(patience_of_all),
    };
    let ca_file = written.ca_file.as_ref().or(of_all.ca_file.as_ref());
    let ca_file = absolute(&key("caFile"), ca_file, errors);
    let file = absolute(&key("file"), written.file.as_ref(), errors);
    let proxy = written.proxy_url.as_ref().or(of_all.proxy_url.as_ref());
    let proxy = proxy
        .filter(|url| !url.is_empty())
        .map(|url| errors.take(&key("proxyUrl"), proxy_at(url)));
    let identity = identity(at, written, of_all, errors);
    Some(Target {
        name: Some(written.name.as_str())
            .filter(|name| !name.is_empty())
            .map(Arc::from),
        place: place?,
        server_name: written.server_name.clone(),
        trust: ca_file.map_or(Trust::Usual, Trust::File),
        identity,
        proxy: match proxy {
            Some(proxy) => Some(proxy?),
            None => None,
        },
        timeout: timeout?,
        pairing: file.map_or(Pairing::None, |file| {
            Pairing::Named(file.to_string_lossy().into_owned())
        }),
    })
}

fn place(text: &str, protocol: Protocol) -> Result<Place, String> {
    if protocol != Protocol::HttpFile {
        let address = Address::of_text(text, protocol.port());
        let address = address.ok_or_else(|| format!("`{}` is not HOST[:PORT]", unuser(text)))?;
        return Ok(Place::Server(address, protocol));
    }
    let wrong = || format!("`{}` is not http(s)://HOST[:PORT]/PATH", unuser(text));
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let has_user = url
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    if has_user {
        return Err("user and password are not sent".to_owned());
    }
    Address::of_uri(&url).ok_or_else(wrong)?;
    Ok(Place::File(url))
}

fn proxy_at(url: &str) -> Result<Address, String> {
    let wrong = || format!("`{}` is not http://HOST:PORT", unuser(url));
    let parsed: Uri = url.parse().map_err(|_| wrong())?;
    if url.contains('@') {
        return Err("user and password are not sent to a proxy".to_owned());
    }
    let is_http = parsed.scheme() == Some(&Scheme::HTTP);
    Address::of_uri(&parsed)
        .filter(|_| is_http && parsed.path() == "/")
        .ok_or_else(wrong)
}

/// A text without what may be a password in it.
fn unuser(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

fn identity(
    at: &str,
    written: &raw::EndpointTarget,
    of_all: &raw::Endpoint,
    errors: &mut Errors,
) -> Option<IdentityFiles> {
    let own = (written.cert_file.as_ref(), written.key_file.as_ref());
    let files = match own {
        (None, None) => (of_all.cert_file.as_ref(), of_all.key_file.as_ref()),
        own => own,
    };
    let chain = absolute(&format!("{at}.certFile"), files.0, errors);
    let key = absolute(&format!("{at}.keyFile"), files.1, errors);
    match (chain, key) {
        (Some(chain), Some(key)) => Some((chain, key)),
        (None, None) => None,
        _ => {
            errors.push(at, "certFile and keyFile belong together");
            None
        }
    }
}

fn absolute(at: &str, path: Option<&String>, errors: &mut Errors) -> Option<PathBuf> {
    let path = path.filter(|path| !path.is_empty())?;
    if !path.starts_with('/') {
        errors.push(at, format!("`{path}` is not absolute"));
    }
    Some(PathBuf::from(path))
}

fn patience(at: &str, text: &str, errors: &mut Errors) -> Option<Duration> {
    let patience = errors.take(at, duration::parse(text))?;
    if !(SHORTEST..=LONGEST).contains(&patience) {
        let error = format!("`{text}` is not between 100ms and a minute");
        errors.push(at, error);
        return None;
    }
    Some(patience)
}
