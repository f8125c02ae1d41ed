//! Test helper: certificates with any oddity, built field by field. The signature is void, which
//! neither we nor `openssl x509` look at. Shared with tests/openssl.rs.

/// The fields of a certificate, each as the element to be encoded; the default is ordinary.
#[derive(Clone, Debug)]
pub(crate) struct Forge {
    /// The content of `[0]`, or none for version 1.
    pub(crate) version: Option<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) not_before: Vec<u8>,
    pub(crate) not_after: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    /// The `SubjectPublicKeyInfo`.
    pub(crate) key: Vec<u8>,
    /// How it says that it was signed.
    pub(crate) signature: Vec<u8>,
    /// Elements of `Extensions`; none leaves the field out.
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            version: Some(2),
            serial: tlv(0x02, &[0x2a]),
            issuer: common_name(0x0c, b"issuer"),
            not_before: tlv(0x17, b"250101000000Z"),
            not_after: tlv(0x17, b"350101000000Z"),
            subject: common_name(0x0c, b"subject"),
            key: tlv(0x30, &[algorithm(ED25519), tlv(0x03, &[0; 33])].concat()),
            signature: algorithm(ED25519),
            extensions: Vec::new(),
        }
    }
}

impl Forge {
    /// The certificate in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        let version = self
            .version
            .map(|version| tlv(0xa0, &tlv(0x02, &[version])));
        let extensions =
            (!self.extensions.is_empty()).then(|| tlv(0xa3, &tlv(0x30, &self.extensions.concat())));
        let fields = [
            version.unwrap_or_default(),
            self.serial.clone(),
            self.signature.clone(),
            self.issuer.clone(),
            tlv(0x30, &[&self.not_before[..], &self.not_after].concat()),
            self.subject.clone(),
            self.key.clone(),
            extensions.unwrap_or_default(),
        ];
        let (fields, signature) = (tlv(0x30, &fields.concat()), tlv(0x03, &[0; 65]));
        tlv(0x30, &[&fields, &self.signature, &signature[..]].concat())
    }
}

/// An element with a minimal length.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|&&octet| octet == 0).count()..];
    let header = match length {
        [] => vec![tag, 0],
        [short] if *short < 0x80 => vec![tag, *short],
        long => [&[tag, 0x80 | u8::try_from(long.len()).unwrap()], long].concat(),
    };
    [&header, content].concat()
}

/// A name of one attribute per set: the attribute's number (2.5.4.n), the string's tag, its bytes.
pub(crate) fn name(attributes: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let sets = attributes.iter().map(|&(kind, tag, value)| {
        let kind = tlv(0x06, &[0x55, 0x04, kind]);
        tlv(0x31, &tlv(0x30, &[kind, tlv(tag, value)].concat()))
    });
    tlv(0x30, &sets.collect::<Vec<_>>().concat())
}

/// A name that is a common name.
pub(crate) fn common_name(tag: u8, value: &[u8]) -> Vec<u8> {
    name(&[(3, tag, value)])
}

/// An algorithm without parameters.
pub(crate) fn algorithm(oid: &[u8]) -> Vec<u8> {
    tlv(0x30, &tlv(0x06, oid))
}

/// 1.3.101.112.
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The extension with this identifier's content and value.
pub(crate) fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(0x06, oid), tlv(0x04, value)].concat())
}

/// 2.5.29.19, basicConstraints.
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
