//! Certificates that servers show: one TLS handshake each, and the chain as it was served.

mod dial;

use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

use crate::decode;
use crate::model::{Bundle, Location};

/// A server that speaks TLS from the first byte on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without brackets.
    host: String,
    port: u16,
}

/// The port of `https` (RFC 9110, section 4.2.2).
const HTTPS: u16 = 443;

// === impl Endpoint ===

impl Endpoint {
    /// Of `HOST:PORT`, an IPv6 address in brackets. Nothing where the text is something else.
    pub fn of_authority(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port > 0)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let address = rest.strip_suffix(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                address
            }
            None => host,
        };
        let of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_host = !host.is_empty() && host.bytes().all(of_names);
        (is_host || text.starts_with('[')).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }

    /// Of `https://HOST[:PORT]`; whatever follows is passed over. Nothing where it is no such URL.
    pub fn of_url(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let host = url
            .host()
            .filter(|_| url.scheme() == Some(&Scheme::HTTPS))?;
        // The parser takes a port that is no number for none.
        let authority = url.authority()?.as_str();
        let has_port = authority
            .rsplit_once('@')
            .map_or(authority, |(_, rest)| rest)
            != host;
        let port = match url.port_u16() {
            Some(port) => port,
            None if has_port => return None,
            None => HTTPS,
        };
        Self::of_authority(&format!("{host}:{port}"))
    }

    /// Where its certificates are.
    pub fn location(&self) -> Location {
        Location::endpoint(self.to_string())
    }

    /// The chain that the server shows now. Nothing of it is verified: a certificate that has
    /// expired, or that nobody trusts, is what one wants to see.
    pub async fn look(&self, patience: Duration) -> Bundle {
        match dial::chain(&self.host, self.port, patience).await {
            Ok(chain) => decode::served(chain.iter().map(AsRef::as_ref)).into(),
            Err(problem) => Bundle::unread(problem),
        }
    }
}

impl fmt::Display for Endpoint {
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
            let endpoint = Endpoint::of_authority(text).map(|endpoint| endpoint.to_string());
            assert_eq!(endpoint.as_deref(), Some(text));
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
        ] {
            assert_eq!(Endpoint::of_authority(text), None, "{text}");
        }
    }

    #[test]
    fn a_url_is_its_host_and_its_port() {
        for (url, expected) in [
            ("https://a.example", "a.example:443"),
            ("https://a.example:8443/path?q", "a.example:8443"),
            ("https://[::1]/", "[::1]:443"),
            ("https://user:secret@a.example/", "a.example:443"),
        ] {
            let endpoint = Endpoint::of_url(url).map(|endpoint| endpoint.to_string());
            assert_eq!(endpoint.as_deref(), Some(expected));
        }
        for url in [
            "https://",
            "https://a:b/",
            "https://a:99999",
            "http://a",
            "https:// a",
        ] {
            assert_eq!(Endpoint::of_url(url), None, "{url}");
        }
    }
}
