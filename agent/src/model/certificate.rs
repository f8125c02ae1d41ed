//! Certificates and revocation lists: as they are read, and as they are kept.
//!
//! Tens of thousands are kept, so what certificates of one issuer have in common is kept once, and
//! the texts of each are one allocation.

use std::borrow::Cow;
use std::sync::Arc;

use super::texts::Texts;

/// What is read of a certificate (RFC 5280, section 4.1.2). Never its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Start of the validity, in seconds since 1970.
    pub not_before: i64,
    /// End of the validity, in seconds since 1970.
    pub not_after: i64,
    /// Serial number in decimal; `None` where it could not be read.
    pub serial: Option<Cow<'a, str>>,
    /// Whom the certificate names.
    pub subject: Name<Cow<'a, str>>,
    /// Who signed it.
    pub issuer: Name<Cow<'a, str>>,
    /// Whether basicConstraints says `cA` (version 1 certificates: self-issued).
    pub ca: bool,
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// What else is told of it on request.
    pub details: Details,
}

/// Facts that are no part of a certificate's identity: on `x509_cert_info` and in the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Subject alternative names in OpenSSL's short form (`DNS:…`, `IP:…`, `email:…`, `URI:…`), as
    /// many as are kept.
    pub alternative_names: Vec<Cow<'static, str>>,
    /// How many more there are.
    pub more_names: u32,
    /// `RSA`, `ECDSA`, `Ed25519`, …, else the dotted identifier; empty where it cannot be read.
    pub key_algorithm: Cow<'static, str>,
    /// Bits of the modulus or of the curve's field; 0 where they are not known.
    pub key_bits: u32,
    /// `SHA256-RSA`, `ECDSA-SHA256`, …, else the dotted identifier.
    pub signature_algorithm: Cow<'static, str>,
    /// Whether issuer and subject are one and the same name.
    pub self_issued: bool,
    /// keyUsage (RFC 5280, section 4.2.1.3): bit n of the extension is bit n here.
    pub key_usage: u16,
    /// extKeyUsage by name (`serverAuth`, …) or dotted identifier, as many as are kept.
    pub extended_key_usage: Vec<Cow<'static, str>>,
}

/// The attributes of a distinguished name that become labels; of a repeated one, the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name<T> {
    /// countryName.
    pub country: Option<T>,
    /// stateOrProvinceName.
    pub state: Option<T>,
    /// localityName.
    pub locality: Option<T>,
    /// organizationName.
    pub organization: Option<T>,
    /// organizationalUnitName.
    pub organizational_unit: Option<T>,
    /// commonName.
    pub common_name: Option<T>,
}

/// The facts of a certificate, as they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// Start of the validity, in seconds since 1970.
    pub not_before: i64,
    /// End of the validity, in seconds since 1970.
    pub not_after: i64,
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// What many certificates have in common.
    pub profile: Arc<Profile>,
    /// Serial number, the six attributes of the subject, alternative names.
    texts: Texts,
}

/// Facts that are usually those of many certificates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Whether it is a CA.
    pub ca: bool,
    /// Whether issuer and subject are one and the same name.
    pub self_issued: bool,
    /// Bits of keyUsage.
    pub key_usage: u16,
    /// The size of the key; 0 where it is not known.
    pub key_bits: u32,
    /// How many alternative names are not kept: 0 but for a few.
    pub more_names: u32,
    /// The six attributes of the issuer, the algorithms of key and signature, extended key usages.
    texts: Texts,
}

/// The facts kept of a certificate revocation list (RFC 5280, section 5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Crl {
    /// When it was issued, in seconds since 1970.
    pub this_update: i64,
    /// When the next one is due, in seconds since 1970, if it says so.
    pub next_update: Option<i64>,
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// cRLNumber, the six attributes of the issuer.
    texts: Texts,
}

/// How many attributes of a name are kept.
const ATTRIBUTES: usize = 6;

// === impl Certificate ===

impl From<Facts<'_>> for Certificate {
    fn from(facts: Facts<'_>) -> Self {
        let Details {
            alternative_names,
            more_names,
            key_algorithm,
            key_bits,
            signature_algorithm,
            self_issued,
            key_usage,
            extended_key_usage,
        } = facts.details;
        let serial = facts.serial.as_deref().unwrap_or_default();
        let names = alternative_names.iter().map(|name| &**name);
        let subject = facts.subject.lines().into_iter();
        let algorithms = [&*key_algorithm, &*signature_algorithm];
        let usages = extended_key_usage.iter().map(|usage| &**usage);
        let issuer = facts.issuer.lines().into_iter();
        Self {
            not_before: facts.not_before,
            not_after: facts.not_after,
            fingerprint: facts.fingerprint,
            texts: [serial].into_iter().chain(subject).chain(names).collect(),
            profile: Arc::new(Profile {
                ca: facts.ca,
                self_issued,
                key_usage,
                key_bits,
                more_names,
                texts: issuer.chain(algorithms).chain(usages).collect(),
            }),
        }
    }
}

impl Certificate {
    /// Serial number in decimal.
    pub fn serial(&self) -> Option<&str> {
        first(self.texts.from(0))
    }

    /// All that is text of it, line by line: what is its own, and what it has in common with others.
    pub fn lines(&self) -> [&str; 2] {
        [self.texts.lines(), self.profile.texts.lines()]
    }

    /// Whom it names.
    pub fn subject(&self) -> Name<&str> {
        Name::of_lines(self.texts.from(1))
    }

    /// Subject alternative names in short, as many as are kept.
    pub fn alternative_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.texts.from(1 + ATTRIBUTES)
    }

    /// Who signed it.
    pub fn issuer(&self) -> Name<&str> {
        Name::of_lines(self.profile.texts.from(0))
    }

    /// Algorithm of the key; empty where it cannot be read.
    pub fn key_algorithm(&self) -> &str {
        first(self.profile.texts.from(ATTRIBUTES)).unwrap_or_default()
    }

    /// How it was signed.
    pub fn signature_algorithm(&self) -> &str {
        first(self.profile.texts.from(ATTRIBUTES + 1)).unwrap_or_default()
    }

    /// Purposes of the key.
    pub fn extended_key_usage(&self) -> impl Iterator<Item = &str> + Clone {
        self.profile.texts.from(ATTRIBUTES + 2)
    }
}

// === impl Crl ===

impl Crl {
    /// What is kept of a list.
    pub fn new(
        this_update: i64,
        next_update: Option<i64>,
        number: Option<&str>,
        issuer: &Name<Cow<'_, str>>,
        fingerprint: [u8; 32],
    ) -> Self {
        let number = number.unwrap_or_default();
        Self {
            this_update,
            next_update,
            fingerprint,
            texts: [number].into_iter().chain(issuer.lines()).collect(),
        }
    }

    /// All that is text of it, line by line.
    pub fn lines(&self) -> &str {
        self.texts.lines()
    }

    /// cRLNumber in decimal, if it has one.
    pub fn number(&self) -> Option<&str> {
        first(self.texts.from(0))
    }

    /// Who signed it.
    pub fn issuer(&self) -> Name<&str> {
        Name::of_lines(self.texts.from(1))
    }
}

// === impl Name ===

impl<T: AsRef<str>> Name<T> {
    /// The attributes in the order and with the short names that labels use.
    pub fn attributes(&self) -> [(&'static str, Option<&str>); ATTRIBUTES] {
        [
            ("C", &self.country),
            ("ST", &self.state),
            ("L", &self.locality),
            ("O", &self.organization),
            ("OU", &self.organizational_unit),
            ("CN", &self.common_name),
        ]
        .map(|(short, value)| (short, value.as_ref().map(AsRef::as_ref)))
    }

    fn lines(&self) -> [&str; ATTRIBUTES] {
        self.attributes()
            .map(|(_, value)| value.unwrap_or_default())
    }
}

impl<'a> Name<&'a str> {
    fn of_lines(mut lines: impl Iterator<Item = &'a str>) -> Self {
        let mut next = || first(&mut lines);
        Self {
            country: next(),
            state: next(),
            locality: next(),
            organization: next(),
            organizational_unit: next(),
            common_name: next(),
        }
    }
}

/// The next text, if it is one.
fn first<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    lines.next().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        let name = |common_name: &'static str| Name {
            organization: Some("an organisation".into()),
            common_name: Some(common_name.into()),
            ..Name::default()
        };
        Facts {
            not_before: 1,
            not_after: 2,
            serial: Some("3".into()),
            subject: name("subject"),
            issuer: name("issuer"),
            ca: true,
            fingerprint: [4; 32],
            details: Details {
                alternative_names: vec!["DNS:a".into(), "DNS:b".into()],
                more_names: 5,
                key_algorithm: "RSA".into(),
                key_bits: 6,
                signature_algorithm: "SHA256-RSA".into(),
                self_issued: true,
                key_usage: 7,
                extended_key_usage: vec!["serverAuth".into()],
            },
        }
    }

    #[test]
    fn facts_come_out_as_they_went_in() {
        let kept = Certificate::from(facts());
        assert_eq!((kept.not_before, kept.not_after), (1, 2));
        assert_eq!((kept.serial(), kept.fingerprint), (Some("3"), [4; 32]));
        let expected = facts();
        assert_eq!(kept.subject().attributes(), expected.subject.attributes());
        assert_eq!(kept.issuer().attributes(), expected.issuer.attributes());
        let (profile, names) = (&kept.profile, kept.alternative_names());
        assert!(profile.ca && profile.self_issued);
        assert_eq!((profile.key_bits, profile.key_usage), (6, 7));
        assert_eq!(profile.more_names, 5);
        assert_eq!(names.collect::<Vec<_>>(), ["DNS:a", "DNS:b"]);
        assert_eq!(kept.key_algorithm(), "RSA");
        assert_eq!(kept.signature_algorithm(), "SHA256-RSA");
        let usages = kept.extended_key_usage();
        assert_eq!(usages.collect::<Vec<_>>(), ["serverAuth"]);
    }

    #[test]
    fn what_is_not_there_stays_away() {
        let kept = Certificate::from(Facts::default());
        assert_eq!((kept.serial(), kept.subject()), (None, Name::default()));
        assert_eq!(kept.issuer(), Name::default());
        assert_eq!(kept.alternative_names().count(), 0);
        assert_eq!(kept.extended_key_usage().count(), 0);
        assert_eq!((kept.key_algorithm(), kept.signature_algorithm()), ("", ""));
    }

    #[test]
    fn a_certificate_is_small() {
        // With the two counts of its Arc, 88 octets: a class of the allocator ends there.
        assert_eq!(size_of::<Certificate>(), 72);
        assert_eq!(size_of::<Profile>(), 32);
    }
}
