//! One connection to a server, as far as its certificates.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::model::{Problem, Reason};

/// The chain that the server shows, before `patience` has ended.
pub(super) async fn chain(
    host: &str,
    port: u16,
    patience: Duration,
) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let deadline = Instant::now() + patience;
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| Problem::new(Reason::Unreachable, "it is no name of a host"))?;
    let stream = connect(host, port, deadline).await?;

    let witness = Arc::new(Witness::default());
    let connector = TlsConnector::from(Arc::new(config(&witness)?));
    let shaken = timeout_at(deadline, async {
        let mut stream = connector.connect(name, stream).await?;
        // Farewell; a server that does not listen any more has shown what it has.
        stream.shutdown().await.ok();
        io::Result::Ok(())
    });
    let shaken = shaken.await;
    // What was shown counts, whatever followed: a server that wants to see a certificate of ours may
    // end the handshake.
    let served = witness.served();
    match shaken {
        _ if !served.is_empty() => Ok(served),
        Ok(Ok(())) => {
            let detail = "the server shows no certificate";
            Err(Problem::new(Reason::NoCertificateFound, detail))
        }
        Ok(Err(error)) => Err(Problem::new(Reason::HandshakeFailed, failed(&error))),
        Err(_) => {
            let detail = "connected, and the TLS handshake does not end in time";
            Err(Problem::new(Reason::Timeout, detail))
        }
    }
}

/// A connection to the first of its addresses that answers; each gets its share of the time.
async fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, Problem> {
    let unreachable = |detail: String| Problem::new(Reason::Unreachable, detail);
    let late = |detail: &'static str| Problem::new(Reason::Timeout, detail);
    let addresses: Vec<SocketAddr> = timeout_at(deadline, lookup_host((host, port)))
        .await
        .map_err(|_| late("the name is not resolved in time"))?
        .map_err(|_| unreachable("the name cannot be resolved".to_owned()))?
        .collect();
    let mut last = unreachable("the name has no address".to_owned());
    for (at, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        last = match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => unreachable(format!("cannot connect: {}", error.kind())),
            Err(_) => late("it does not answer in time"),
        };
    }
    Err(last)
}

fn config(witness: &Arc<Witness>) -> Result<ClientConfig, Problem> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Problem::new(Reason::Internal, "TLS cannot be configured"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as _)
        .with_no_client_auth();
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

/// Accepts whatever is shown, and keeps it. Nothing is sent over the connection, so nobody is
/// trusted: what is told is what was served.
#[derive(Debug, Default)]
struct Witness(Mutex<Vec<CertificateDer<'static>>>);

impl Witness {
    fn served(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(leaf).chain(others);
        let chain = chain.map(|one| one.clone().into_owned()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
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
