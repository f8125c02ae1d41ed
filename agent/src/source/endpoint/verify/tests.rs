use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use super::*;

/// A certificate for this name, valid in these years.
fn params(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}

fn authority(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = params(name, years);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params
}

/// What a certificate becomes under an authority, with what is between them.
struct Chain {
    root: CertificateDer<'static>,
    middle: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Chain {
    fn new(years_of_middle: (i32, i32)) -> Self {
        let [key, middle_key] = [(); 2].map(|()| KeyPair::generate().unwrap());
        let params = authority("root", (2020, 2090));
        let root = params.self_signed(&key).unwrap();
        let root_issuer = Issuer::new(params, key);
        let params = authority("middle", years_of_middle);
        let middle = params.signed_by(&middle_key, &root_issuer).unwrap();
        Self {
            root: root.der().clone(),
            middle: middle.der().clone(),
            issuer: Issuer::new(params, middle_key),
        }
    }

    fn leaf(&self, params: &CertificateParams) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }

    /// What comes of these parameters, by the name of a server that is called `a.example`.
    fn verified(&self, params: &CertificateParams) -> (Verification, Option<i64>) {
        let chain = [self.leaf(params), self.middle.clone()];
        told(&chain, std::slice::from_ref(&self.root))
    }
}

fn told(
    chain: &[CertificateDer<'static>],
    trusted: &[CertificateDer<'static>],
) -> (Verification, Option<i64>) {
    let name = ServerName::try_from("a.example").unwrap();
    verify(chain, &name, &of_certificates(trusted.iter().cloned()))
}

const VALID: (i32, i32) = (2020, 2080);
/// 2070-01-01 and 2080-01-01.
const ENDS: [i64; 2] = [3_155_760_000, 3_471_292_800];

#[test]
fn a_chain_is_good_until_the_first_of_it_ends() {
    let chain = Chain::new((2020, 2070));
    let well = params("a.example", VALID);
    assert_eq!(chain.verified(&well), (Verification::Ok, Some(ENDS[0])));
    let chain = Chain::new((2020, 2090));
    assert_eq!(chain.verified(&well), (Verification::Ok, Some(ENDS[1])));
}

#[test]
fn what_is_wrong_with_a_chain_has_a_code() {
    let chain = Chain::new((2020, 2090));
    let code = |params: &CertificateParams| chain.verified(params).0;
    let mut client = params("a.example", VALID);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (params, expected) in [
        (params("a.example", (2020, 2021)), Verification::Expired),
        (params("a.example", (2070, 2080)), Verification::NotYetValid),
        (params("b.example", VALID), Verification::WrongHost),
        (authority("a.example", VALID), Verification::CaAsLeaf),
        (client, Verification::WrongPurpose),
    ] {
        assert_eq!(code(&params), expected);
    }
    let old = Chain::new((2020, 2021));
    assert_eq!(
        old.verified(&params("a.example", VALID)).0,
        Verification::Expired
    );

    let leaf = chain.leaf(&params("a.example", VALID));
    let root = [chain.root.clone()];
    let alone = std::slice::from_ref(&leaf);
    assert_eq!(told(alone, &root).0, Verification::UnknownIssuer);
    assert_eq!(told(&[], &root).0, Verification::Other);
    assert_eq!(
        told(&[b"no DER".to_vec().into()], &root).0,
        Verification::Other
    );
    // Of the same name, with another key.
    let other = Chain::new((2020, 2090));
    let forged = [leaf, other.middle.clone()];
    assert_eq!(told(&forged, &[other.root]).0, Verification::BadSignature);
}

#[test]
fn a_certificate_that_is_its_own_issuer_is_good_only_if_it_is_named() {
    let alone = |params: &CertificateParams| {
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    };
    for params in [params("a.example", VALID), authority("a.example", VALID)] {
        let leaf = alone(&params);
        let chain = std::slice::from_ref(&leaf);
        assert_eq!(told(chain, &[]).0, Verification::SelfSigned);
        assert_eq!(told(chain, chain), (Verification::Ok, Some(ENDS[1])));
    }
    for (params, expected) in [
        (authority("b.example", VALID), Verification::WrongHost),
        (authority("a.example", (2020, 2021)), Verification::Expired),
        (
            authority("a.example", (2070, 2080)),
            Verification::NotYetValid,
        ),
    ] {
        let leaf = [alone(&params)];
        assert_eq!(told(&leaf, &leaf).0, expected);
    }
}
