//! Which blocks are found in which text.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const NO_END: Block<'_> = Block::Bad("the block has no END line");
const BROKEN: Block<'_> = Block::Bad("the BEGIN or END line is broken");
const UNKNOWN: Block<'_> = Block::Bad("the block's label is not known");
const MISMATCH: Block<'_> = Block::Bad("the BEGIN and END lines do not match");
const NO_BEGIN: Block<'_> = Block::Bad("an END line has no BEGIN line");

fn find(text: &str) -> Vec<Block<'_>> {
    blocks(text.as_bytes()).collect()
}

/// What the only block of the text decodes to.
fn decoded(text: &str) -> Option<Vec<u8>> {
    match find(text)[..] {
        [Block::Certificate(content)] => decode(content, &mut Vec::new()),
        ref other => panic!("{other:?}"),
    }
}

fn block(label: &str) -> String {
    format!("-----BEGIN {label}-----\nZm9v\n-----END {label}-----\n")
}

#[test]
fn a_block_is_found_wherever_it_stands() {
    for text in [
        "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\r\nZm9v\r\n-----END CERTIFICATE-----\r\n",
        "-----BEGIN CERTIFICATE-----\rZm9v\r-----END CERTIFICATE-----\r",
        "\u{feff}-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n",
        "  -----BEGIN CERTIFICATE-----\n  Zm9v\n  -----END CERTIFICATE-----\n",
        "\t-----BEGIN CERTIFICATE-----\n\tZm9v\n\t-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----  \nZm9v \t\n-----END CERTIFICATE-----  \n",
        "-----BEGIN CERTIFICATE-----\n\nZm\n9v\n\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----Zm9v-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE----- Zm9v -----END CERTIFICATE-----",
        "ca: -----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n",
        " 0 s:CN = before\n-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\nafter - all\n",
        "------BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE------\n",
        "-----BEGIN X509 CERTIFICATE-----\nZm9v\n-----END X509 CERTIFICATE-----\n",
        "-----BEGIN TRUSTED CERTIFICATE-----\nZm9v\n-----END TRUSTED CERTIFICATE-----\n",
        "-----BEGIN X509 CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE -----\nZm9v\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nProc-Type: 4,CLEAR\nA: b\n c\n\nZm9v\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\r\nA: b\r\n c\r\n\r\nZm9v\r\n-----END CERTIFICATE-----\r\n",
        "-----BEGIN CERTIFICATE-----\nA: b\n c\n d\n \nZm\n9v\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nA: b\nZm\n9v\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nComment: none\nZm9v\n\n-----END CERTIFICATE-----\n",
    ] {
        assert_eq!(decoded(text).as_deref(), Some(&b"foo"[..]), "{text:?}");
    }
}

#[test]
fn lines_have_any_width() {
    let content = "Zm9v".repeat(1000);
    for width in [1, 4, 63, 64, 65, 76, 1024, 4000] {
        let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in content.as_bytes().chunks(width) {
            writeln!(text, "{}", str::from_utf8(line).unwrap()).unwrap();
        }
        text.push_str("-----END CERTIFICATE-----\n");
        assert_eq!(decoded(&text), Some(b"foo".repeat(1000)), "{width}");
    }
}

#[test]
fn glued_blocks_are_told_apart() {
    let glued = block("CERTIFICATE").trim_end().repeat(3);
    assert!(glued.contains("----------"));
    assert_eq!(find(&glued), [Block::Certificate(b"\nZm9v\n"); 3]);
}

#[test]
fn other_kinds_are_stepped_over() {
    for label in [
        "ATTRIBUTE CERTIFICATE",
        "CERTIFICATE REQUEST",
        "DH PARAMETERS",
        "EC PARAMETERS",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "NEW CERTIFICATE REQUEST",
        "OPENSSH PRIVATE KEY",
        "OpenVPN Static key V1",
        "PGP MESSAGE",
        "PGP PUBLIC KEY BLOCK",
        "PRIVATE KEY",
        "PUBLIC KEY",
        "RSA PRIVATE KEY",
        "RSA PUBLIC KEY",
        "X9.42 DH PARAMETERS",
    ] {
        let text = block(label) + &block("CERTIFICATE");
        let expected = match label {
            _ if label.ends_with("PRIVATE KEY") => Block::PrivateKey(b"\nZm9v\n"),
            _ => Block::Other,
        };
        assert_eq!(
            find(&text),
            [expected, Block::Certificate(b"\nZm9v\n")],
            "{label}"
        );
    }
}

#[test]
fn lists_and_messages_are_told_apart_by_their_labels() {
    assert_eq!(find(&block("X509 CRL")), [Block::Crl(b"\nZm9v\n")]);
    for label in ["PKCS7", "CMS", "PKCS #7 SIGNED DATA"] {
        assert_eq!(find(&block(label)), [Block::Pkcs7(b"\nZm9v\n")], "{label}");
    }
}

#[test]
fn a_long_text_is_decoded_in_pieces() {
    let bytes: Vec<u8> = (0_u32..200_000).map(|n| n.to_le_bytes()[0]).collect();
    for length in [
        PIECE / 4 * 3 - 1,
        PIECE / 4 * 3,
        PIECE / 4 * 3 + 1,
        bytes.len(),
    ] {
        let text = STANDARD.encode(&bytes[..length]);
        let decoded = decode(text.as_bytes(), &mut Vec::new());
        assert_eq!(decoded.as_deref(), Some(&bytes[..length]), "{length}");
    }
    // Padding at the end of a piece, and more behind it.
    let mut text = "A".repeat(PIECE - 2) + "==" + "AAAA";
    assert_eq!(decode(text.as_bytes(), &mut Vec::new()), None);
    text.truncate(PIECE);
    let padded = decode(text.as_bytes(), &mut Vec::new()).unwrap();
    assert_eq!(padded.len(), PIECE / 4 * 3 - 2);
}

#[test]
fn what_is_not_a_proper_block_is_a_result_and_costs_no_neighbour() {
    let good = block("CERTIFICATE");
    for (bad, expected) in [
        ("-----BEGIN CERTIFICATE-----\nZm9v\n", NO_END),
        ("-----BEGIN RSA PRIVATE KEY-----\nZm9v\n", NO_END),
        ("-----BEGIN CERTIFICATE-----", NO_END),
        (
            "-----BEGIN CERTIFICATE----\nZm9v\n-----END CERTIFICATE-----\n",
            BROKEN,
        ),
        (
            "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE----\n",
            BROKEN,
        ),
        (
            "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIF\n",
            BROKEN,
        ),
        ("-----BEGIN \n-----END -----\n", BROKEN),
        (
            "----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n",
            NO_BEGIN,
        ),
        (
            "-----BEGIN CERTIFICTE-----\nZm9v\n-----END CERTIFICTE-----\n",
            UNKNOWN,
        ),
        ("-----BEGIN -----\nZm9v\n-----END -----\n", UNKNOWN),
        (
            "-----BEGIN CERTIFICATE-----\nZm9v\n-----END PRIVATE KEY-----\n",
            MISMATCH,
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nZm9v\n-----END CERTIFICATE-----\n",
            MISMATCH,
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nZm9v\n-----END PRIVATE KEY-----\n",
            MISMATCH,
        ),
    ] {
        let text = format!("{good}{bad}{good}");
        let certificate = Block::Certificate(b"\nZm9v\n");
        assert_eq!(find(&text), [certificate, expected, certificate], "{bad}");
    }
}

#[test]
fn comments_are_no_blocks() {
    let commented = block("CERTIFICATE")
        .replace("-----B", "# -----B")
        .replace("-----E", " #-----E");
    assert_eq!(find(&commented), []);
    let text = format!(
        "# about -----BEGIN and -----BEGIN CERTIFICATE-----\n{}",
        block("PUBLIC KEY")
    );
    assert_eq!(find(&text), [Block::Other]);
    let text = format!(
        "{}# -----END CERTIFICATE-----\r{}",
        block("PUBLIC KEY"),
        block("PUBLIC KEY")
    );
    assert_eq!(find(&text), [Block::Other; 2]);
    let hash_before = format!("key#{}", block("CERTIFICATE"));
    assert_eq!(find(&hash_before), [Block::Certificate(b"\nZm9v\n")]);
}

#[test]
fn text_without_boundaries_has_no_blocks() {
    for text in [
        "",
        "-",
        "-----",
        "-----BEGIN",
        "-----BEGINNING",
        "---- BEGIN SSH2 PUBLIC KEY ----",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn what_is_not_base64_does_not_decode() {
    for content in [
        "Zm9*",
        "Zm9v=Zm9v",
        "Z",
        "# comment\nZm9v",
        "Zm9v-----BEGIN X",
        "Zm9v\0",
    ] {
        assert!(
            decode(content.as_bytes(), &mut Vec::new()).is_none(),
            "{content}"
        );
    }
}

#[test]
fn missing_padding_is_no_obstacle() {
    assert_eq!(
        decoded("-----BEGIN CERTIFICATE-----\nZm9vYg\n-----END CERTIFICATE-----").unwrap(),
        b"foob"
    );
}

#[test]
fn scanning_takes_linear_time_on_text_made_to_take_longer() {
    let started = std::time::Instant::now();
    for text in [
        "-".repeat(4 << 20),
        "-----BEGIN ".repeat(1 << 18),
        "-----END ".repeat(1 << 18),
        format!("#{}", "-----BEGIN A-----".repeat(1 << 18)),
        format!("x{}", "-----BEGIN A-----".repeat(1 << 18)),
        format!("-----BEGIN CERTIFICATE-----{}", ":\n".repeat(1 << 20)),
    ] {
        for block in blocks(text.as_bytes()) {
            if let Block::Certificate(content) = block {
                decode(content, &mut Vec::new());
            }
        }
    }
    // Milliseconds each when optimised; quadratic time would be hours.
    assert!(started.elapsed().as_secs() < 60);
}
