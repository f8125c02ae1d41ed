//! Whom to trust, and whether a chain leads there (RFC 5280, section 6, by rustls' own library).

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use sha2::{Digest as _, Sha256};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::decode;
use crate::model::{Problem, Reason, Verification};

/// Who is trusted.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    authorities: Vec<TrustAnchor<'static>>,
    /// SHA-256 of those certificates: a server may show one of them as its own.
    certificates: HashSet<[u8; 32]>,
}

/// What came of verifying a chain, and when the first certificate of it expires that leads to an
/// anchor.
pub(super) fn verify(
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    anchors: &Anchors,
) -> (Verification, Option<i64>) {
    let found = match path(chain, name, anchors) {
        Err(Error::UnknownIssuer | Error::CaUsedAsEndEntity) if is_named(chain, anchors) => {
            alone(chain, name)
        }
        found => found,
    };
    match found {
        Ok(expires) => (Verification::Ok, expires),
        Err(error) => (code(&error, chain), None),
    }
}

/// Whether the server shows a certificate that is trusted itself, as people make them with one
/// command of openssl.
fn is_named(chain: &[CertificateDer<'_>], anchors: &Anchors) -> bool {
    let leaf = chain.first();
    leaf.is_some_and(|leaf| anchors.certificates.contains(&fingerprint(leaf)))
}

/// A certificate that needs nobody above it.
fn alone(chain: &[CertificateDer<'_>], name: &ServerName<'_>) -> Result<Option<i64>, Error> {
    let leaf = chain.first().ok_or(Error::BadDer)?;
    let facts = decode::served([leaf.as_ref()]).certificates;
    let facts = facts.first().ok_or(Error::BadDer)?;
    let (now, at) = (UnixTime::now(), UnixTime::since_unix_epoch);
    let after = |end: i64| at(Duration::from_secs(u64::try_from(end).unwrap_or_default()));
    let (not_before, not_after) = (after(facts.not_before), after(facts.not_after));
    if now < not_before {
        return Err(Error::CertNotValidYet {
            time: now,
            not_before,
        });
    }
    if now > not_after {
        return Err(Error::CertExpired {
            time: now,
            not_after,
        });
    }
    EndEntityCert::try_from(leaf)?.verify_is_valid_for_subject_name(name)?;
    Ok(Some(facts.not_after))
}

fn fingerprint(der: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(der).into()
}

fn path(
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    anchors: &Anchors,
) -> Result<Option<i64>, Error> {
    let [leaf, others @ ..] = chain else {
        return Err(Error::BadDer);
    };
    let server = EndEntityCert::try_from(leaf)?;
    let path = server.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors.authorities,
        others,
        UnixTime::now(),
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    server.verify_is_valid_for_subject_name(name)?;
    let above = path.intermediate_certificates().map(webpki::Cert::der);
    let leaf = CertificateDer::from(leaf.as_ref());
    let ends = std::iter::once(leaf).chain(above).filter_map(|der| {
        let certificates = decode::served([der.as_ref()]).certificates;
        Some(certificates.first()?.not_after)
    });
    Ok(ends.min())
}

fn code(error: &Error, chain: &[CertificateDer<'_>]) -> Verification {
    match error {
        Error::CertExpired { .. } => Verification::Expired,
        Error::CertNotValidYet { .. } => Verification::NotYetValid,
        Error::UnknownIssuer | Error::CaUsedAsEndEntity if is_self_signed(chain) => {
            Verification::SelfSigned
        }
        Error::UnknownIssuer => Verification::UnknownIssuer,
        Error::CaUsedAsEndEntity => Verification::CaAsLeaf,
        Error::CertNotValidForName(_) => Verification::WrongHost,
        Error::RequiredEkuNotFoundContext(_) => Verification::WrongPurpose,
        Error::InvalidSignatureForPublicKey => Verification::BadSignature,
        _ => Verification::Other,
    }
}

fn is_self_signed(chain: &[CertificateDer<'_>]) -> bool {
    let leaf = chain.iter().take(1).map(AsRef::as_ref);
    let leaf = decode::served(leaf).certificates;
    leaf.first().is_some_and(|leaf| leaf.profile.self_issued)
}

/// The trust anchors in a PEM file.
pub(super) fn of_file(path: &Path) -> Result<Anchors, Problem> {
    let pem = super::kit::read(path)?;
    let anchors = of_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if anchors.authorities.is_empty() {
        let detail = "there is no certificate in it that can be trusted";
        return Err(Problem::new(Reason::NoCertificateFound, detail));
    }
    Ok(anchors)
}

/// Those of the system; where it has none, as in an image that holds nothing else, Mozilla's.
pub(super) fn usual() -> Anchors {
    let anchors = of_certificates(rustls_native_certs::load_native_certs().certs.into_iter());
    if anchors.authorities.is_empty() {
        return Anchors {
            authorities: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            ..Anchors::default()
        };
    }
    anchors
}

fn of_certificates(certificates: impl Iterator<Item = CertificateDer<'static>>) -> Anchors {
    let mut anchors = Anchors::default();
    for der in certificates {
        if let Ok(anchor) = webpki::anchor_from_trusted_cert(&der) {
            anchors.authorities.push(anchor.to_owned());
            anchors.certificates.insert(fingerprint(&der));
        }
    }
    anchors
}

#[cfg(test)]
mod tests;
