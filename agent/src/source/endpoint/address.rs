//! Where a server is.

use std::fmt;
use std::net::Ipv6Addr;

use http::Uri;
use http::uri::Scheme;

use super::protocol::Protocol;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// The port of `https` (RFC 9110, section 4.2.2), and of `http`.
const HTTPS: u16 = 443;
const HTTP: u16 = 80;

// === impl Address ===

impl Address {
    /// Of `HOST:PORT`, an IPv6 address in brackets. Nothing where the text is something else.
    pub fn of_authority(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port > 0)?;
        Self::of_host(host, port)
    }

    /// Of `HOST:PORT`, or of a host alone, whose port is the usual one.
    pub fn of_text(text: &str, usual: u16) -> Option<Self> {
        Self::of_host(text, usual).or_else(|| Self::of_authority(text))
    }

    /// Of `PROTOCOL://HOST[:PORT]`; whatever follows is passed over. Nothing where it is no such URL,
    /// or one of a file.
    pub fn of_url(url: &str) -> Option<(Self, Protocol)> {
        let (scheme, rest) = url.split_once("://")?;
        let protocol: Protocol = scheme.parse().ok()?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let server = authority
            .rsplit_once('@')
            .map_or(authority, |(_, rest)| rest);
        let address = Self::of_text(server, protocol.port())?;
        (protocol != Protocol::HttpFile).then_some((address, protocol))
    }

    /// Of a URL of `http` or `https`.
    pub fn of_uri(url: &Uri) -> Option<Self> {
        let host = url.host()?;
        let usual = match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => HTTPS,
            Some(scheme) if *scheme == Scheme::HTTP => HTTP,
            _ => return None,
        };
        // The parser takes a port that is no number for none.
        let authority = url.authority()?.as_str();
        let has_port = authority
            .rsplit_once('@')
            .map_or(authority, |(_, rest)| rest)
            != host;
        let port = match url.port_u16() {
            Some(port) => port,
            None if has_port => return None,
            None => usual,
        };
        Self::of_authority(&format!("{host}:{port}"))
    }

    fn of_host(host: &str, port: u16) -> Option<Self> {
        let of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let address = rest.strip_suffix(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                address
            }
            None if !host.is_empty() && host.bytes().all(of_names) => host,
            None => return None,
        };
        Some(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_a_port_and_nothing_else() {
        for text in [
            "localhost:6443",
            "10.0.0.1:443",
            "[::1]:6443",
            "a_b.example:1",
        ] {
            let address = Address::of_authority(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(text));
        }
        for text in [
            "localhost",
            "/etc/a:1",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            ":443",
            "::1:443",
            "[::1]",
            "[a]:1",
            "a b:1",
            "*.pem:1",
            "[::1:1",
            "user@a:1",
        ] {
            assert_eq!(Address::of_authority(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_alone_has_the_usual_port() {
        for (text, expected) in [
            ("mail.example", Some("mail.example:25")),
            ("mail.example:587", Some("mail.example:587")),
            ("[::1]", Some("[::1]:25")),
            ("[::1]:26", Some("[::1]:26")),
            ("::1", None),
            ("", None),
            (":25", None),
        ] {
            let address = Address::of_text(text, 25).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_url_is_its_host_and_its_port() {
        for (url, expected) in [
            ("https://a.example", "a.example:443"),
            ("https://a.example:8443/path?q", "a.example:8443"),
            ("https://[::1]/", "[::1]:443"),
            ("https://user:secret@a.example/", "a.example:443"),
            ("smtp://mail.example", "mail.example:25"),
            ("smtp://mail.example:587", "mail.example:587"),
            (
                "postgres://user:secret@db.example/shop?sslmode=require",
                "db.example:5432",
            ),
        ] {
            let (address, protocol) = Address::of_url(url).unwrap();
            assert_eq!(address.to_string(), expected);
            assert!(url.starts_with(protocol.name()));
        }
        for url in [
            "https://",
            "https://a:b/",
            "https://a:99999",
            "http://a",
            "gopher://a",
            "http_file://a",
            "https:// a",
        ] {
            assert_eq!(Address::of_url(url), None, "{url}");
        }
    }
}
