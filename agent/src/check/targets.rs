//! The words behind `check`: which of them is what.

use std::fmt::Write as _;

#[cfg(feature = "endpoints")]
use crate::source::endpoint::{Address, Protocol};

/// What is to be looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    /// Files, patterns, directories, kubeconfigs.
    pub(super) paths: Vec<String>,
    /// Servers.
    pub(super) endpoints: Vec<(Address, Protocol)>,
    /// Namespaces and names of Secrets.
    pub(super) secrets: Vec<(String, String)>,
    /// What is none of these, and why; a line each.
    pub(super) refused: String,
}

/// Nobody's: this build does not look at servers.
#[cfg(not(feature = "endpoints"))]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {}

#[cfg(not(feature = "endpoints"))]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tls,
}

#[cfg(not(feature = "endpoints"))]
impl Address {
    fn of_url(_: &str) -> Option<(Self, Protocol)> {
        None
    }

    fn of_authority(_: &str) -> Option<Self> {
        None
    }
}

/// Sorts the words: `https://…`, `smtp://…` and the like are URLs; `secret` and the word behind it are a Secret; HOST:PORT is
/// a server unless there is a file of that name; everything else is a path.
pub(super) fn sort(words: &[String], is_file: impl Fn(&str) -> bool) -> Targets {
    let mut targets = Targets::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is_url(word) {
            match Address::of_url(word) {
                Some(endpoint) => targets.endpoints.push(endpoint),
                None => targets.refuse(&shown(word), NO_SERVER),
            }
        } else if word == SECRET
            && let Some(name) = words.next()
        {
            match name.split_once('/') {
                Some((namespace, name)) if is_name(namespace) && is_name(name) => {
                    targets.secrets.push((namespace.into(), name.into()));
                }
                _ => targets.refuse(&format!("{SECRET} {name}"), "is not secret NAMESPACE/NAME"),
            }
        } else if let Some(endpoint) = Address::of_authority(word)
            && !is_file(word)
        {
            targets.endpoints.push((endpoint, Protocol::Tls));
        } else {
            targets.paths.push(word.clone());
        }
    }
    targets
}

const SECRET: &str = "secret";

const NO_SERVER: &str = if cfg!(feature = "endpoints") {
    "is not PROTOCOL://HOST[:PORT], of tls, https, smtp, imap, pop3, ftp or postgres"
} else {
    "this build does not look at servers"
};

impl Targets {
    fn refuse(&mut self, word: &str, why: &str) {
        writeln!(self.refused, "{word}: {why}").expect("writing to a String cannot fail");
    }
}

fn is_url(word: &str) -> bool {
    word.contains("://")
}

/// A URL without what may be a password.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// DNS-1123, as Kubernetes has it for Secrets and namespaces.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
    };
    !name.is_empty() && name.len() <= 253 && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(words: &[&str]) -> Targets {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        sort(&words, |path| path == "there:443")
    }

    #[cfg(feature = "endpoints")]
    #[test]
    fn each_word_is_one_thing() {
        let targets = sorted(&[
            "/etc/kubernetes/pki",
            "https://a.example/path",
            "smtp://a.example",
            "secret",
            "shop/web-tls",
            "localhost:6443",
            "there:443",
            "./secret",
            "[::1]:6443",
            "C:\\a",
        ]);
        let endpoints: Vec<_> = targets
            .endpoints
            .iter()
            .map(|(address, protocol)| (address.to_string(), protocol.name()))
            .collect();
        let expected = [
            ("a.example:443", "https"),
            ("a.example:25", "smtp"),
            ("localhost:6443", "tls"),
            ("[::1]:6443", "tls"),
        ];
        assert_eq!(
            endpoints,
            expected.map(|(address, protocol)| (address.to_owned(), protocol))
        );
        let expected = ["/etc/kubernetes/pki", "there:443", "./secret", "C:\\a"];
        assert_eq!(targets.paths, expected);
        assert_eq!(targets.secrets, [("shop".to_owned(), "web-tls".to_owned())]);
        assert_eq!(targets.refused, "");
    }

    #[test]
    fn the_word_secret_alone_is_a_path() {
        assert_eq!(sorted(&["secret"]).paths, ["secret"]);
    }

    #[test]
    fn what_is_nothing_is_refused_without_its_password() {
        let targets = sorted(&["http://user:HUSH@a.example", "secret", "web-tls", "/a"]);
        assert_eq!(
            targets.refused,
            format!(
                "http://a.example: {NO_SERVER}\n\
                 secret web-tls: is not secret NAMESPACE/NAME\n"
            )
        );
        assert_eq!(targets.paths, ["/a"]);
    }
}
