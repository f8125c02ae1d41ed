//! Keys in every form in which openssl writes them, beside the certificates they belong to.

use x509_certificate_exporter::decode::key::matches;

use super::oracle::Workshop;

/// How openssl makes a key, and whether it can be told from another of its kind where its public
/// half is left out.
const KINDS: [(&str, bool); 6] = [
    ("rsa -pkeyopt rsa_keygen_bits:1024", true),
    ("rsa -pkeyopt rsa_keygen_bits:2056", true),
    ("ec -pkeyopt ec_paramgen_curve:prime256v1", true),
    ("ec -pkeyopt ec_paramgen_curve:secp384r1", true),
    ("ec -pkeyopt ec_paramgen_curve:secp521r1", false),
    ("ed25519", true),
];

#[test]
fn a_key_of_openssl_belongs_to_its_own_certificate_and_to_no_other() {
    let workshop = Workshop::new();
    let certificates: Vec<_> = KINDS
        .iter()
        .map(|(kind, _)| make(&workshop, kind))
        .collect();
    for (at, (kind, _)) in KINDS.iter().enumerate() {
        for (form, key) in forms(&workshop, kind) {
            for (of, certificate) in certificates.iter().enumerate() {
                let belongs = matches(certificate, &key);
                // Each kind was made anew: the last key is another than the certificate's.
                assert_eq!(belongs, Some(false), "{kind} {form}: {of} {at}");
            }
        }
        let certificate = make(&workshop, kind);
        for (form, key) in forms_of_last(&workshop, kind) {
            assert_eq!(matches(&certificate, &key), Some(true), "{kind} {form}");
        }
    }
}

#[test]
fn a_key_without_its_public_half_is_told_where_the_curve_is_known() {
    let workshop = Workshop::new();
    for (kind, known) in KINDS.iter().filter(|(kind, _)| kind.starts_with("ec ")) {
        let other = make(&workshop, kind);
        let certificate = make(&workshop, kind);
        for form in ["SEC1", "PKCS8"] {
            let mut arguments = vec!["ec", "-in", "key.pem", "-no_public", "-out", "bare.pem"];
            if form == "PKCS8" {
                workshop.openssl(&arguments);
                arguments = vec!["pkcs8", "-topk8", "-nocrypt", "-in", "bare.pem"];
                arguments.extend(["-out", "bare8.pem"]);
            }
            workshop.openssl(&arguments);
            let name = if form == "PKCS8" {
                "bare8.pem"
            } else {
                "bare.pem"
            };
            let key = workshop.read(name);
            let expected = |belongs| known.then_some(belongs);
            assert_eq!(matches(&certificate, &key), expected(true), "{kind} {form}");
            assert_eq!(matches(&other, &key), expected(false), "{kind} {form}");
        }
    }
}

#[test]
fn of_encrypted_keys_and_of_other_algorithms_nothing_is_told() {
    let workshop = Workshop::new();
    let certificate = make(&workshop, "rsa -pkeyopt rsa_keygen_bits:2048");
    for arguments in [
        "rsa -in key.pem -aes256 -passout pass:secret -traditional -out odd.pem",
        "pkcs8 -topk8 -in key.pem -passout pass:secret -out odd.pem",
        "pkcs8 -topk8 -in key.pem -passout pass:secret -outform DER -out odd.pem",
        "genpkey -algorithm ed448 -out odd.pem",
        "genpkey -algorithm x25519 -out odd.pem",
        "genpkey -genparam -algorithm DSA -out odd.pem",
        "genpkey -paramfile odd.pem -out odd.pem",
        "dsa -in odd.pem -out odd.pem",
    ] {
        workshop.openssl(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(
            matches(&certificate, &workshop.read("odd.pem")),
            None,
            "{arguments}"
        );
    }
}

/// A certificate in DER of a new key, which is `key.pem`.
fn make(workshop: &Workshop, kind: &str) -> Vec<u8> {
    new_key(workshop, kind);
    let request = "req -x509 -key key.pem -subj /CN=key -outform DER -out certificate.der";
    workshop.openssl(&request.split(' ').collect::<Vec<_>>());
    workshop.read("certificate.der")
}

fn new_key(workshop: &Workshop, kind: &str) {
    let arguments = format!("genpkey -out key.pem -algorithm {kind}");
    workshop.openssl(&arguments.split(' ').collect::<Vec<_>>());
}

/// A new key in every form.
fn forms(workshop: &Workshop, kind: &str) -> Vec<(String, Vec<u8>)> {
    new_key(workshop, kind);
    forms_of_last(workshop, kind)
}

fn forms_of_last(workshop: &Workshop, kind: &str) -> Vec<(String, Vec<u8>)> {
    let algorithm = kind.split(' ').next().unwrap();
    let mut commands = vec![
        "pkey -in key.pem -out form".to_owned(),
        "pkey -in key.pem -outform DER -out form".to_owned(),
    ];
    if algorithm != "ed25519" {
        for form in ["PEM", "DER"] {
            commands.push(format!(
                "pkey -in key.pem -traditional -outform {form} -out form"
            ));
        }
    }
    if algorithm == "ec" {
        commands.push("ec -in key.pem -conv_form compressed -out form".to_owned());
    }
    commands
        .into_iter()
        .map(|command| {
            workshop.openssl(&command.split(' ').collect::<Vec<_>>());
            (command, workshop.read("form"))
        })
        .collect()
}
