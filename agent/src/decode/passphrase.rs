//! A passphrase of a keystore, for as short as it is needed.

use std::fmt;

use zeroize::Zeroizing;

/// What opens a keystore. Wiped when dropped; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

// === impl Passphrase ===

impl Passphrase {
    /// The passphrase in a file or a key of a Secret: editors and `echo` end it with a line feed.
    /// What is not UTF-8 is read as Latin-1, as OpenSSL does with a passphrase.
    pub fn from_content(content: Vec<u8>) -> Self {
        let content = Zeroizing::new(content);
        let end = content
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |last| last + 1);
        let line = &content[..end];
        if let Ok(text) = str::from_utf8(line) {
            return text.into();
        }
        // Two octets each at most: a text that grew would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * line.len()));
        text.extend(line.iter().copied().map(char::from));
        Self(text)
    }

    /// Whether there is nothing in it, which opens a keystore too.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For those who open keystores, and for no message.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(_)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_ends_behind_a_passphrase_are_no_part_of_it() {
        for (content, text) in [
            (&b"a b"[..], "a b"),
            (b"a b\n", "a b"),
            (b"\na b \r\n\n", "\na b "),
            (b"\r\n", ""),
            (b"", ""),
            ("Zo\u{eb}\n".as_bytes(), "Zo\u{eb}"),
            (b"Zo\xeb\n", "Zo\u{eb}"),
        ] {
            let passphrase = Passphrase::from_content(content.to_vec());
            assert_eq!(passphrase.expose(), text);
            assert_eq!(passphrase.is_empty(), text.is_empty());
        }
    }

    #[test]
    fn a_passphrase_is_never_printed() {
        let printed = format!("{:?}", Some(Passphrase::from("hunter2")));
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
