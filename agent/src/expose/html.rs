//! Texts of strangers in HTML: whatever stands in a certificate, a reader sees it and a browser
//! does not follow it.

use std::fmt::{self, Write as _};

/// A text between tags or within the quotes of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

/// Characters shown of one text.
const MOST: usize = 512;

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, c) in self.0.chars().enumerate() {
            if at == MOST {
                return f.write_str("…");
            }
            match c {
                '&' => f.write_str("&amp;"),
                '<' => f.write_str("&lt;"),
                '>' => f.write_str("&gt;"),
                '"' => f.write_str("&quot;"),
                '\'' => f.write_str("&#39;"),
                c if is_hidden(c) => write!(f, "⟨U+{:04X}⟩", u32::from(c)),
                c => f.write_char(c),
            }?;
        }
        Ok(())
    }
}

/// What is not seen, or makes other characters be seen elsewhere than they stand.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A number, in groups of three digits.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_html_or_is_not_seen_is_told() {
        for (text, expected) in [
            ("a<b>&\"c\"'", "a&lt;b&gt;&amp;&quot;c&quot;&#39;"),
            ("a\u{202e}b", "a⟨U+202E⟩b"),
            ("\0\n\u{7f}\u{85}", "⟨U+0000⟩⟨U+000A⟩⟨U+007F⟩⟨U+0085⟩"),
            ("\u{e0041}\u{200d}", "⟨U+E0041⟩⟨U+200D⟩"),
            ("Zürich 株式会社 شركة", "Zürich 株式会社 شركة"),
        ] {
            assert_eq!(Text(text).to_string(), expected);
        }
        let long = "x".repeat(MOST + 1);
        assert_eq!(Text(&long).to_string(), format!("{}…", "x".repeat(MOST)));
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(Count(number).to_string(), expected);
        }
    }
}
