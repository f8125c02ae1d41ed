//! Client certificates, under the policies that Go's crypto/tls has names for.

use std::net::IpAddr;
use std::sync::Arc;

use der::Decode;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// `client_auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nobody is asked.
    None,
    /// Asked for; any will do, and none.
    Request,
    /// Any will do, but there must be one: possession of its key is all that is proved.
    RequireAny,
    /// One that is shown must be of a client authority.
    VerifyIfGiven,
    /// There must be one, of a client authority.
    RequireAndVerify,
}

/// Who may come, by certificate.
#[derive(Debug)]
pub(super) struct Clients {
    policy: Policy,
    /// Checks chains; nothing where no authority is named: then no chain is good.
    authorities: Option<Arc<dyn ClientCertVerifier>>,
    /// The authorities themselves.
    anchors: Vec<CertificateDer<'static>>,
    /// One of these names must be in the certificate.
    sans: Option<Vec<String>>,
    provider: Arc<CryptoProvider>,
}

impl std::str::FromStr for Policy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" | "NoClientCert" => Ok(Self::None),
            "RequestClientCert" => Ok(Self::Request),
            // The second name is the one of old.
            "RequireAnyClientCert" | "RequireClientCert" => Ok(Self::RequireAny),
            "VerifyClientCertIfGiven" => Ok(Self::VerifyIfGiven),
            "RequireAndVerifyClientCert" => Ok(Self::RequireAndVerify),
            _ => Err(
                "is none of NoClientCert, RequestClientCert, RequireAnyClientCert, \
                VerifyClientCertIfGiven, RequireAndVerifyClientCert",
            ),
        }
    }
}

impl Clients {
    pub(super) fn new(
        policy: Policy,
        anchors: Vec<CertificateDer<'static>>,
        sans: Option<Vec<String>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, &'static str> {
        let mut roots = RootCertStore::empty();
        for anchor in &anchors {
            let added = roots.add(anchor.clone());
            added.map_err(|_| "one of its certificates is no certificate authority's")?;
        }
        let authorities = if roots.is_empty() {
            None
        } else {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let verifier = verifier.build();
            Some(verifier.map_err(|_| "no client certificate can be checked with it")?)
        };
        if policy == Policy::RequireAndVerify && authorities.is_none() {
            return Err("there is no PEM certificate in it");
        }
        Ok(Self {
            policy,
            authorities,
            anchors,
            sans,
            provider: Arc::clone(provider),
        })
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let authorities = self.authorities.as_ref().ok_or(unknown)?;
        match authorities.verify_client_cert(leaf, others, now) {
            // A certificate that is its own authority, as people make them with one command of
            // openssl: Go lets it in where it is named itself, webpki does not.
            Err(_) if self.anchors.contains(leaf) => current(leaf, now),
            verified => verified.map(drop),
        }
    }

    fn is_named(&self, leaf: &CertificateDer<'_>) -> bool {
        let Some(allowed) = &self.sans else {
            return true;
        };
        names(leaf).iter().any(|name| allowed.contains(name))
    }
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.policy != Policy::None
    }

    fn client_auth_mandatory(&self) -> bool {
        matches!(self.policy, Policy::RequireAny | Policy::RequireAndVerify)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let authorities = self.authorities.as_ref();
        authorities.map_or(&[], |authorities| authorities.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if matches!(
            self.policy,
            Policy::VerifyIfGiven | Policy::RequireAndVerify
        ) {
            self.verify(leaf, others, now)?;
        }
        if !self.is_named(leaf) {
            let error = CertificateError::ApplicationVerificationFailure;
            return Err(Error::InvalidCertificate(error));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}

/// Whether a certificate that is trusted by itself is valid now.
fn current(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let bad = |error| Err(Error::InvalidCertificate(error));
    let Some(certificate) = decoded(leaf) else {
        return bad(CertificateError::BadEncoding);
    };
    let validity = certificate.tbs_certificate().validity();
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return bad(CertificateError::NotValidYet);
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return bad(CertificateError::Expired);
    }
    Ok(())
}

/// The alternative names that can be allowed, as Go writes them.
fn names(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Some(certificate) = decoded(leaf) else {
        return Vec::new();
    };
    let names = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>();
    let Ok(Some((_, names))) = names else {
        return Vec::new();
    };
    let text = |name: GeneralName| match name {
        GeneralName::Rfc822Name(text)
        | GeneralName::DnsName(text)
        | GeneralName::UniformResourceIdentifier(text) => Some(text.as_str().to_owned()),
        GeneralName::IpAddress(octets) => address(octets.as_bytes()),
        _ => None,
    };
    names.0.into_iter().filter_map(text).collect()
}

fn address(octets: &[u8]) -> Option<String> {
    let address = match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
    };
    Some(address.to_canonical().to_string())
}

fn decoded(leaf: &CertificateDer<'_>) -> Option<CertificateInner<Raw>> {
    CertificateInner::<Raw>::from_der(leaf).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
    };

    use super::*;

    fn params(is_ca: bool) -> CertificateParams {
        let mut params = CertificateParams::default();
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        } else {
            params.not_before = date_time_ymd(2026, 1, 1);
            params.not_after = date_time_ymd(2026, 2, 1);
        }
        params
    }

    fn key() -> KeyPair {
        KeyPair::generate().unwrap()
    }

    #[test]
    fn a_client_certificate_counts_from_its_first_second_to_its_last() {
        let issuer = CertifiedIssuer::self_signed(params(true), key()).unwrap();
        let theirs = params(false).signed_by(&key(), &issuer).unwrap();
        let alone = params(false).self_signed(&key()).unwrap();
        let anchors = vec![issuer.der().clone(), alone.der().clone()];
        let provider = Arc::new(crypto::ring::default_provider());
        let (begin, end) = (1_767_225_600, 1_769_904_000);
        for policy in [Policy::VerifyIfGiven, Policy::RequireAndVerify] {
            let clients = Clients::new(policy, anchors.clone(), None, &provider).unwrap();
            for leaf in [theirs.der(), alone.der()] {
                let at = [begin - 1, begin, end, end + 1].map(|second| {
                    let now = UnixTime::since_unix_epoch(Duration::from_secs(second));
                    clients.verify_client_cert(leaf, &[], now).is_ok()
                });
                assert_eq!(at, [false, true, true, false], "{policy:?}");
            }
        }
    }
}
