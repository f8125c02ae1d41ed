//! The bounds, and the oddities. What openssl makes of the same is in tests/openssl.

use proptest::prelude::*;

use super::super::forge::{Forge, algorithm, extension, tlv};
use super::*;

const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

fn read(forge: &Forge) -> Details {
    let der = forge.der();
    let (element, _) = first(&der).expect("the test's DER is framed");
    details(&Fields::find(element).expect("a certificate"))
}

fn with(extensions: &[(&[u8], &[u8])]) -> Details {
    let extensions = extensions
        .iter()
        .map(|(oid, value)| extension(oid, value))
        .collect();
    read(&Forge {
        extensions,
        ..Forge::default()
    })
}

fn names(elements: &[Vec<u8>]) -> Details {
    with(&[(ALTERNATIVE_NAMES, &tlv(SEQUENCE, &elements.concat()))])
}

fn texts(details: &Details) -> Vec<&str> {
    details
        .alternative_names
        .iter()
        .map(|name| &**name)
        .collect()
}

fn of_key(kind: &[u8], parameters: &[u8], key: &[u8]) -> (String, u32) {
    let algorithm = tlv(SEQUENCE, &[&tlv(0x06, kind), parameters].concat());
    let bits = tlv(BIT_STRING, &[&[0], key].concat());
    let details = read(&Forge {
        key: tlv(SEQUENCE, &[algorithm, bits].concat()),
        ..Forge::default()
    });
    (details.key_algorithm.into_owned(), details.key_bits)
}

#[test]
fn a_certificate_without_extensions_has_a_key_and_a_signature() {
    let details = read(&Forge::default());
    let expected = Details {
        key_algorithm: "Ed25519".into(),
        key_bits: 256,
        signature_algorithm: "Ed25519".into(),
        ..Details::default()
    };
    assert_eq!(details, expected);
    let same = Forge {
        subject: Forge::default().issuer,
        ..Forge::default()
    };
    assert!(read(&same).self_issued);
}

#[test]
fn every_kind_of_name_is_told_in_short() {
    let details = names(&[
        tlv(0xa0, b"\x06\x01\x2a\xa0\x04\x0c\x02hi"),
        tlv(0x81, b"me@example.com"),
        tlv(0x82, b"*.example.com"),
        tlv(0xa3, b""),
        tlv(0xa4, b"\x30\0"),
        tlv(0xa5, b""),
        tlv(0x86, b"spiffe://a/b,c"),
        tlv(0x87, &[192, 0, 2, 1]),
        tlv(
            0x87,
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ),
        tlv(0x87, &[10, 0, 0, 0, 255, 0, 0, 0]),
        tlv(0x88, &[0x2a, 3]),
        tlv(0x89, b""),
        tlv(0x02, b"a number"),
    ]);
    let expected = [
        "otherName",
        "email:me@example.com",
        "DNS:*.example.com",
        "x400Address",
        "dirName",
        "ediPartyName",
        "URI:spiffe://a/b,c",
        "IP:192.0.2.1",
        "IP:2001:db8::1",
        "IP:<invalid>",
        "RID",
        "unknown",
        "unknown",
    ];
    assert_eq!(
        (texts(&details), details.more_names),
        (expected.to_vec(), 0)
    );
}

#[test]
fn hostile_bytes_of_a_name_are_replaced() {
    let details = names(&[
        tlv(0x82, b"a\nDNS:b\0\x1b[1m"),
        tlv(0x82, b"\xff\xfe"),
        tlv(0x82, b""),
    ]);
    let expected = [
        "DNS:a\u{fffd}DNS:b\u{fffd}\u{fffd}[1m",
        "DNS:\u{fffd}\u{fffd}",
        "DNS:",
    ];
    assert_eq!(texts(&details), expected);
}

#[test]
fn beyond_so_many_names_or_bytes_they_are_counted() {
    let many: Vec<_> = (0..250)
        .map(|at| tlv(0x82, format!("{at}").as_bytes()))
        .collect();
    let details = names(&many);
    assert_eq!((texts(&details).len(), details.more_names), (100, 150));
    assert_eq!(texts(&details)[99], "DNS:99");

    let long = tlv(0x82, &[b'a'; 1020]);
    let details = names(&vec![long.clone(); 10]);
    assert_eq!((texts(&details).len(), details.more_names), (4, 6));
    // What fits behind one that does not is kept.
    let longer = tlv(0x82, &[b'a'; 5000]);
    let details = names(&[longer, long, tlv(0x82, b"b")]);
    assert_eq!((texts(&details).len(), details.more_names), (2, 1));
}

#[test]
fn an_odd_extension_costs_itself_alone() {
    for odd in [
        &b""[..],
        b"\x30\x7fcut",
        b"\x04\x01a",
        b"\x03\0",
        b"\x30\x02\x06\0",
        b"\x03\x01\x07",
    ] {
        let details = with(&[
            (ALTERNATIVE_NAMES, odd),
            (KEY_USAGE, odd),
            (EXTENDED_KEY_USAGE, odd),
        ]);
        assert_eq!(
            (details.key_usage, details.key_bits),
            (0, 256),
            "{odd:02x?}"
        );
        assert!(details.extended_key_usage.is_empty(), "{odd:02x?}");
    }
    let details = with(&[
        (ALTERNATIVE_NAMES, b"garbage"),
        (KEY_USAGE, b"\x03\x02\x05\xa0"),
    ]);
    assert_eq!(details.key_usage, 0b101);
}

#[test]
fn key_usages_are_bits_in_the_order_of_the_standard() {
    for (value, expected) in [
        (&b"\x03\x02\x07\x80"[..], 1),
        (b"\x03\x02\x00\x01", 1 << 7),
        (b"\x03\x03\x07\x00\x80", 1 << 8),
        (b"\x03\x03\x07\x80\xff", 1 | 1 << 8),
        (b"\x03\x02\x07\xff", 1),
        (b"\x03\x02\x00\xff", 0xff),
        (b"\x03\x04\x00\xff\x80\xff", 0x1ff),
        (b"\x03\x02\x09\xff", 0),
    ] {
        assert_eq!(
            with(&[(KEY_USAGE, value)]).key_usage,
            expected,
            "{value:02x?}"
        );
    }
}

#[test]
fn purposes_have_names_or_numbers_and_a_bound() {
    let server: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    let microsoft: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x14, 2, 2];
    let all = [server, microsoft].map(|oid| tlv(0x06, oid)).concat();
    let details = with(&[(EXTENDED_KEY_USAGE, &tlv(SEQUENCE, &all))]);
    assert_eq!(
        details.extended_key_usage,
        ["serverAuth", "1.3.6.1.4.1.311.20.2.2"]
    );
    let many = tlv(SEQUENCE, &tlv(0x06, server).repeat(100));
    let details = with(&[(EXTENDED_KEY_USAGE, &many)]);
    assert_eq!(details.extended_key_usage.len(), MAX_USAGES);
}

#[test]
fn keys_that_are_not_known_or_odd_keep_what_can_be_told() {
    let ec = ID_EC_PUBLIC_KEY.as_bytes();
    let rsa = RSA_ENCRYPTION.as_bytes();
    for (kind, parameters, key, name, bits) in [
        (ec, tlv(0x06, &[0x2b, 0x81, 4, 0]), &[4; 65][..], "ECDSA", 0),
        (ec, tlv(SEQUENCE, b"explicit"), &[4; 65], "ECDSA", 0),
        (rsa, vec![5, 0], b"no sequence", "RSA", 0),
        (rsa, vec![5, 0], b"\x30\x03\x02\x01\x00", "RSA", 0),
        (rsa, vec![5, 0], b"\x30\x04\x02\x02\x01\x00", "RSA", 9),
        (&[0x2a, 3, 4], vec![], b"", "1.2.3.4", 0),
        (&[], vec![], b"", "", 0),
    ] {
        assert_eq!(of_key(kind, &parameters, key), (name.to_owned(), bits));
    }
    let nothing = read(&Forge {
        key: tlv(SEQUENCE, b""),
        signature: algorithm(&[0x2a, 0x86]),
        ..Forge::default()
    });
    assert_eq!(nothing, Details::default());
}

#[test]
fn names_of_algorithms_are_those_of_const_oid_in_other_words() {
    for (oid, name) in SIGNATURES.iter().chain(&KEYS).chain(&USAGES) {
        let Some(theirs) = const_oid::db::DB.by_oid(oid) else {
            // Of algorithms that the crate does not know.
            assert!(["ECDSA-SHA1", "SM2-SM3"].contains(name), "{name}");
            continue;
        };
        let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
        let theirs = plain(theirs);
        let ours = name.split('-').map(plain);
        let words: Vec<_> = ours
            .filter(|word| !["ecdsa", "rsassa"].contains(&&**word))
            .collect();
        let alike =
            words.iter().all(|word| theirs.contains(word)) || theirs.contains("ecpublickey");
        assert!(alike, "{name} is {theirs}");
    }
}

proptest! {
    #[test]
    fn any_extensions_are_read_within_bounds(value in proptest::collection::vec(any::<u8>(), 0..400)) {
        let value = tlv(SEQUENCE, &value);
        let details = with(&[
            (ALTERNATIVE_NAMES, &value),
            (KEY_USAGE, &value),
            (EXTENDED_KEY_USAGE, &value),
        ]);
        let bytes: usize = details.alternative_names.iter().map(|name| name.len()).sum();
        prop_assert!(bytes <= MAX_NAME_BYTES && texts(&details).len() <= MAX_NAMES);
        let (element, _) = first(&value).unwrap();
        key(element);
    }
}
