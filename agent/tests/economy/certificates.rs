//! Certificates by the thousand, as a cluster has them: one CA, and leaves that differ in serial
//! number, names and validity. Shared with benches/.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};

/// Who signs the leaves. All of them have one key: making keys takes time, and nobody compares.
pub(crate) struct Authority {
    /// The CA's own certificate in PEM.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
    key: KeyPair,
}

impl Authority {
    /// A CA with a P-256 key.
    pub(crate) fn new() -> Self {
        Self::with(|| KeyPair::generate().expect("the system has random bytes"))
    }

    /// A CA with keys of the caller's.
    pub(crate) fn with(key: impl Fn() -> KeyPair) -> Self {
        let mut params = CertificateParams::default();
        let name = &mut params.distinguished_name;
        name.remove(DnType::CommonName);
        name.push(DnType::OrganizationName, "Example Corporation");
        name.push(DnType::CommonName, "Example Issuing CA 1");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from_slice(&[7; 16]));
        let own = key();
        let certificate = params.self_signed(&own).expect("rcgen's own parameters");
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, own),
            key: key(),
        }
    }

    /// A leaf with two names, in PEM. Of one number there is one leaf.
    pub(crate) fn leaf(&self, number: usize) -> String {
        self.issue(number).pem()
    }

    /// The leaf, and the CA below it.
    pub(crate) fn chain(&self, number: usize) -> String {
        self.leaf(number) + &self.pem
    }

    /// The leaf itself.
    pub(crate) fn issue(&self, number: usize) -> rcgen::Certificate {
        let host = format!("service-{number:06}.namespace-{:03}.svc", number % 100);
        let names = [host.clone(), format!("{host}.cluster.local")];
        let mut params = CertificateParams::new(names).expect("names in ASCII");
        let name = &mut params.distinguished_name;
        name.remove(DnType::CommonName);
        name.push(DnType::CommonName, host);
        let mut serial = [0x5a; 16];
        serial[8..].copy_from_slice(&number.to_be_bytes());
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2095, 1, 1 + u8::try_from(number % 28).unwrap_or(0));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
            .signed_by(&self.key, &self.issuer)
            .expect("rcgen's own parameters")
    }
}
