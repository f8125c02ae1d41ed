//! One look at a server or at a remote file, from the name to what was shown.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;

use super::address::Address;
use super::dial::{self, Deadline};
use super::fetch;
use super::kit::{IdentityFiles, Kit, Trust};
use super::pair::{Candidates, Pairing};
use super::protocol::Protocol;
use super::verify::verify;
use super::witness::{Hello, Shown, shake};
use crate::decode::{self, Decoded};
use crate::model::{Bundle, Certificate, Handshake, Location, Pair, Problem, Reason, Verification};

/// Something to look at.
#[derive(Clone, Debug)]
pub struct Target {
    /// The user's name for it.
    pub name: Option<Arc<str>>,
    /// Where it is.
    pub place: Place,
    /// The name that is asked for and verified, where it is not the host's.
    pub server_name: Option<String>,
    /// Who is trusted.
    pub trust: Trust,
    /// A client certificate to show.
    pub identity: Option<IdentityFiles>,
    /// An HTTP proxy on the way.
    pub proxy: Option<Address>,
    /// How long a look may take.
    pub timeout: Duration,
    /// The file that should be served.
    pub pairing: Pairing,
}

/// A server or a remote file.
#[derive(Clone, Debug)]
pub enum Place {
    /// What is shown in a handshake.
    Server(Address, Protocol),
    /// What is answered to GET.
    File(Uri),
}

impl Target {
    /// A server whose certificates are told as they come, and not verified.
    pub fn unverified(address: Address, protocol: Protocol, timeout: Duration) -> Self {
        Self {
            name: None,
            place: Place::Server(address, protocol),
            server_name: None,
            trust: Trust::Unasked,
            identity: None,
            proxy: None,
            timeout,
            pairing: Pairing::None,
        }
    }

    /// Where its certificates are.
    pub fn location(&self) -> Location {
        let address = match &self.place {
            Place::Server(address, _) => address.to_string(),
            // A query may hold what is nobody's business.
            Place::File(url) => without_query(url),
        };
        Location::endpoint(self.name.clone(), address)
    }

    /// What it shows now.
    pub async fn look(&self) -> Bundle {
        self.look_with(&Kit::empty(), Candidates::default()).await
    }

    /// The same, with what was read from files.
    pub(super) async fn look_with(&self, kit: &Kit, candidates: Candidates) -> Bundle {
        let faults = kit.faults(self);
        let deadline = Deadline::after(self.timeout);
        let looked = match &self.place {
            Place::Server(address, protocol) => {
                self.look_at_server(address, *protocol, kit, deadline).await
            }
            Place::File(url) => self.look_at_file(url, kit, deadline).await,
        };
        let mut bundle = match looked {
            Ok((decoded, mut handshake)) => {
                let served = decoded.certificates.first();
                let (pair, problem) = candidates.choose(served.map(|served| &**served));
                let both = pair.as_ref().zip(served);
                let stale = both.and_then(|(pair, served)| stale(pair, served));
                handshake.pair = pair;
                let mut bundle = Bundle::from(decoded);
                bundle.problems.extend(problem.into_iter().chain(stale));
                bundle.handshake = Some(Arc::new(handshake));
                bundle
            }
            Err(problem) => Bundle::unread(problem),
        };
        bundle.problems.extend(faults);
        bundle
    }

    async fn look_at_server(
        &self,
        address: &Address,
        protocol: Protocol,
        kit: &Kit,
        deadline: Deadline,
    ) -> Result<(Decoded, Handshake), Problem> {
        let name = self.server_name(address)?;
        let mut stream = dial::connect(address, self.proxy.as_ref(), deadline).await?;
        protocol.begin(&mut stream, deadline).await?;
        let alpn: &[&[u8]] = match protocol {
            Protocol::Https => &[b"h2", b"http/1.1"],
            _ => &[],
        };
        let hello = self.hello(&name, alpn, kit);
        let (shown, stream) = shake(stream, hello, deadline).await?;
        if let Ok(mut stream) = stream {
            // Farewell; a server that does not listen any more has shown what it has.
            let farewell = tokio::io::AsyncWriteExt::shutdown(&mut stream);
            deadline.hold("", farewell).await.ok();
        }
        let decoded = decode::served(shown.chain.iter().map(AsRef::as_ref));
        let mut handshake = self.facts(&shown, &name, kit);
        handshake.protocol = protocol.name();
        Ok((decoded, handshake))
    }

    async fn look_at_file(
        &self,
        url: &Uri,
        kit: &Kit,
        deadline: Deadline,
    ) -> Result<(Decoded, Handshake), Problem> {
        let address = Address::of_uri(url);
        let address = address.ok_or_else(|| Problem::new(Reason::Unreachable, "it is no URL"))?;
        let is_tls = url.scheme() == Some(&http::uri::Scheme::HTTPS);
        let mut handshake = Handshake::default();
        let bytes = if is_tls {
            let name = self.server_name(&address)?;
            let stream = dial::connect(&address, self.proxy.as_ref(), deadline).await?;
            let hello = self.hello(&name, &[b"http/1.1"], kit);
            let (shown, stream) = shake(stream, hello, deadline).await?;
            handshake = self.facts(&shown, &name, kit);
            fetch::body(Box::new(stream?), url, fetch::Form::Origin, kit, deadline).await?
        } else {
            // Few proxies tunnel to other ports than those of TLS: they are asked for the file itself.
            let form = match self.proxy {
                Some(_) => fetch::Form::Absolute,
                None => fetch::Form::Origin,
            };
            let stream = dial::direct(self.proxy.as_ref().unwrap_or(&address), deadline).await?;
            fetch::body(Box::new(stream), url, form, kit, deadline).await?
        };
        let mut decoded = decode::certificates(&bytes);
        if decoded.is_barren() && decoded.problems.is_empty() {
            let detail = "there is no certificate in the remote file";
            let problem = Problem::new(Reason::NoCertificateFound, detail);
            decoded.problems.push(problem);
        }
        handshake.protocol = Protocol::HttpFile.name();
        // What was stapled is about the server, and not about what the file holds.
        handshake.ocsp = None;
        handshake.verified_not_after = None;
        Ok((decoded, handshake))
    }

    fn server_name(&self, address: &Address) -> Result<ServerName<'static>, Problem> {
        let name = self.server_name.as_ref().unwrap_or(&address.host);
        // A name that ends with a dot is the same one, spelt out; none of TLS has the dot (RFC 6066).
        let name = ServerName::try_from(name.trim_end_matches('.').to_owned());
        name.map_err(|_| Problem::new(Reason::Unreachable, "it is no name of a host"))
    }

    fn hello<'a>(
        &self,
        name: &'a ServerName<'static>,
        alpn: &'a [&'a [u8]],
        kit: &'a Kit,
    ) -> Hello<'a> {
        Hello {
            name,
            alpn,
            identity: kit.identity(self.identity.as_ref()),
        }
    }

    fn facts(&self, shown: &Shown, name: &ServerName<'static>, kit: &Kit) -> Handshake {
        let verified = kit
            .anchors(&self.trust)
            .map(|anchors| verify(&shown.chain, name, anchors));
        let (verification, verified_not_after) = match verified {
            // Anybody can show a chain.
            Some((Verification::Ok, expires)) => match shown.doubt {
                None => (Some(Verification::Ok), expires),
                doubt => (doubt, None),
            },
            Some((verification, _)) => (Some(verification), None),
            None => (None, None),
        };
        Handshake {
            protocol: "",
            tls_version: shown.version,
            verification,
            verified_not_after,
            ocsp: shown
                .chain
                .first()
                .and_then(|leaf| decode::ocsp(&shown.ocsp, leaf)),
            pair: None,
        }
    }
}

/// Word of a server that was not told of its new certificate.
fn stale(pair: &Pair, served: &Certificate) -> Option<Problem> {
    let file = pair.certificate.as_ref()?;
    pair.is_stale(served)?.then(|| {
        let serial = |one: &Certificate| one.serial().unwrap_or("none").to_owned();
        let (old, new, path) = (serial(served), serial(file), &pair.path);
        let detail = format!("it serves serial number {old}, while {path} holds {new}");
        Problem::new(Reason::ServedStale, detail)
    })
}

fn without_query(url: &Uri) -> String {
    let text = url.to_string();
    match text.split_once('?') {
        Some((before, _)) => before.to_owned(),
        None => text,
    }
}
