//! Facts that identify nothing: the labels that `x509_cert_info` adds, and their words in JSON.

use std::fmt::Write as _;

use super::labels::push;
use crate::model::{Certificate, Profile};

/// Appends the facts of a certificate to its label set.
pub fn push_facts(set: &mut String, certificate: &Certificate) {
    let profile = &*certificate.profile;
    push(set, "fingerprint_sha256", &hex(&certificate.fingerprint));
    let names = joined(certificate.alternative_names(), profile.more_names > 0);
    push(set, "subject_alternative_names", &names);
    push(set, "key_algorithm", certificate.key_algorithm());
    if profile.key_bits > 0 {
        push(set, "key_size", &profile.key_bits.to_string());
    }
    push(
        set,
        "signature_algorithm",
        certificate.signature_algorithm(),
    );
    push(
        set,
        "self_issued",
        if profile.self_issued { "true" } else { "" },
    );
    push(set, "key_usage", &joined(key_usages(profile), false));
    let extended = certificate.extended_key_usage();
    push(set, "extended_key_usage", &joined(extended, false));
}

/// The names of RFC 5280 (section 4.2.1.3) for the bits of keyUsage.
pub fn key_usages(profile: &Profile) -> impl Iterator<Item = &'static str> + Clone + use<> {
    let usage = profile.key_usage;
    let named = KEY_USAGES.into_iter().enumerate();
    named.filter_map(move |(bit, name)| (usage & (1 << bit) != 0).then_some(name))
}

/// In hexadecimal.
pub fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(2 * octets.len());
    for octet in octets {
        write!(text, "{octet:02x}").expect("writing to a String cannot fail");
    }
    text
}

const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// Bytes of the longest list that becomes a label.
const MAX_LIST: usize = 1024;

/// What stands for the rest of a list.
const MORE: &str = "…";

/// A list as one value. A comma inside a part would forge another part.
fn joined<'a>(parts: impl Iterator<Item = &'a str>, more: bool) -> String {
    let (mut list, mut more) = (String::new(), more);
    for part in parts {
        let part = part.replace(',', "%2C");
        if list.len() + part.len() + 2 + MORE.len() > MAX_LIST {
            more = true;
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&part);
    }
    if more {
        list.push_str(if list.is_empty() { MORE } else { ",…" });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Details, Facts};

    #[test]
    fn a_list_is_cut_between_its_parts() {
        let parts = ["a".repeat(500), "b".repeat(500), "c".repeat(100)];
        let list = joined(parts.iter().map(String::as_str), false);
        assert_eq!(list, format!("{},{},…", parts[0], parts[1]));
        let long = "d".repeat(2000);
        assert_eq!(joined([&*long].into_iter(), false), "…");
        for length in 1000..1040 {
            let parts = ["e".repeat(length - 10), "f".repeat(9), "g".to_owned()];
            let list = joined(parts.iter().map(String::as_str), true);
            assert!(list.len() <= MAX_LIST && list.ends_with('…'), "{length}");
        }
    }

    #[test]
    fn a_list_tells_that_there_are_more_and_a_comma_forges_none() {
        assert_eq!(joined(["DNS:a", "DNS:b"].into_iter(), false), "DNS:a,DNS:b");
        assert_eq!(joined(["DNS:a"].into_iter(), true), "DNS:a,…");
        assert_eq!(joined(["URI:a,DNS:b"].into_iter(), false), "URI:a%2CDNS:b");
        assert_eq!(joined([].into_iter(), false), "");
    }

    #[test]
    fn usages_are_named_in_the_order_of_their_bits() {
        let facts = Facts {
            details: Details {
                key_usage: 0b1_0010_0101,
                ..Details::default()
            },
            ..Facts::default()
        };
        let names: Vec<_> = key_usages(&Certificate::from(facts).profile).collect();
        let expected = [
            "digitalSignature",
            "keyEncipherment",
            "keyCertSign",
            "decipherOnly",
        ];
        assert_eq!(names, expected);
    }
}
