//! One TLS handshake, and what the server showed in it. Nobody is refused: a certificate that has
//! expired, or that nobody trusts, is what one wants to see, and nothing is sent that he could read.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dial::Deadline;
use crate::decode;
use crate::model::{Certificate, Problem, Reason, Verification};

/// A client certificate and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What a server showed.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// In the order in which it came; never empty.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The stapled answer; empty where there is none.
    pub(super) ocsp: Vec<u8>,
    /// `1.2` or `1.3`.
    pub(super) version: Option<&'static str>,
    /// Why it may not have the key of its certificate; nothing: it has signed with it.
    pub(super) doubt: Option<Verification>,
}

/// What is said in a handshake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hello<'a> {
    pub(super) name: &'a ServerName<'static>,
    /// What would be spoken (RFC 7301).
    pub(super) alpn: &'a [&'a [u8]],
    pub(super) identity: Option<&'a Identity>,
}

/// Shakes hands. What was shown counts, whatever followed: a server that wants to see a certificate
/// of ours may end the handshake. Then there is no stream.
pub(super) async fn shake(
    stream: TcpStream,
    hello: Hello<'_>,
    deadline: Deadline,
) -> Result<(Shown, Result<TlsStream<TcpStream>, Problem>), Problem> {
    let witness = Arc::new(Witness::new());
    let connector = TlsConnector::from(Arc::new(config(&witness, hello)?));
    let late = "connected, and the TLS handshake does not end in time";
    let connected = connector.connect(hello.name.clone(), stream);
    let connected = match deadline.hold(late, connected).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Problem::new(Reason::HandshakeFailed, failed(&error))),
        Err(late) => Err(late),
    };
    let shown = witness.shown();
    if !shown.chain.is_empty() {
        return Ok((shown, connected));
    }
    connected.and_then(|_| {
        let detail = "the server shows no certificate";
        Err(Problem::new(Reason::NoCertificateFound, detail))
    })
}

fn config(witness: &Arc<Witness>, hello: Hello<'_>) -> Result<ClientConfig, Problem> {
    let unusable = |detail| Problem::new(Reason::Internal, detail);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable("TLS cannot be configured"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as _);
    let mut config = match hello.identity {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|_| unusable("the client certificate cannot be used"))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = hello.alpn.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// Why there was no handshake, in words of ours where the usual ones say little.
fn failed(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS".to_owned(),
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("it refuses TLS 1.2 and 1.3 as we speak them: alert {alert:?}")
        }
        Some(error) => format!("no TLS 1.2 or 1.3 as we speak them: {error}"),
        None => format!("it ended the connection: {}", error.kind()),
    }
}

/// Whether the server's key is one of RSA that is too short to be checked with: that is called a bad
/// signature, too.
fn is_short(chain: &[CertificateDer<'_>]) -> bool {
    let leaf = chain.iter().take(1).map(AsRef::as_ref);
    let leaf = decode::served(leaf).certificates;
    let is_short =
        |leaf: &Certificate| leaf.key_algorithm() == "RSA" && leaf.profile.key_bits < 2048;
    leaf.first().is_some_and(|leaf| is_short(leaf))
}

/// Accepts whatever is shown, and keeps it.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Shown>,
}

impl Shown {
    fn nothing() -> Self {
        Self {
            chain: Vec::new(),
            ocsp: Vec::new(),
            version: None,
            doubt: Some(Verification::Unproven),
        }
    }
}

impl Witness {
    fn new() -> Self {
        Self {
            provider: Arc::new(ring::default_provider()),
            shown: Mutex::new(Shown::nothing()),
        }
    }

    fn shown(&self) -> Shown {
        std::mem::replace(&mut *self.lock(), Shown::nothing())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prove(&self, version: &'static str, proof: &Result<HandshakeSignatureValid, rustls::Error>) {
        let mut shown = self.lock();
        shown.version = Some(version);
        let is_bad = |error: &rustls::Error| {
            let bad = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
            *error == bad && !is_short(&shown.chain)
        };
        let doubt = match proof {
            Ok(_) => None,
            Err(error) if is_bad(error) => Some(Verification::Unproven),
            // A kind of key that we cannot check with.
            Err(_) => Some(Verification::Other),
        };
        shown.doubt = doubt;
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(leaf).chain(others);
        let mut shown = self.lock();
        shown.chain = chain.map(|one| one.clone().into_owned()).collect();
        shown.ocsp = ocsp.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        let proof = crypto::verify_tls12_signature(message, certificate, signature, known);
        self.prove("1.2", &proof);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        let proof = crypto::verify_tls13_signature(message, certificate, signature, known);
        self.prove("1.3", &proof);
        Ok(HandshakeSignatureValid::assertion())
    }

    /// Whatever there is, so that a server with any certificate shows it.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PKCS1_SHA1,
        ]
    }
}
