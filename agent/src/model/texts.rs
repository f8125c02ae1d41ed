//! Several short texts in one allocation, or in none: 20,000 certificates have a few each, and each
//! allocation costs more than what it holds.

use std::borrow::Cow;

/// Short texts without line feeds, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Texts(Cow<'static, str>);

/// What stands between two texts.
const BETWEEN: char = '\n';

// === impl Texts ===

impl Texts {
    /// Texts that are known beforehand, a line each.
    pub const fn known(lines: &'static str) -> Self {
        Self(Cow::Borrowed(lines))
    }

    /// Each text, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        // No text at all is not one empty text.
        self.0.split_terminator(BETWEEN)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    /// An empty text, and a line feed in one, is none of the texts that are kept here.
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = String::new();
        for text in texts {
            let text = text.as_ref();
            if text.is_empty() || text.contains(BETWEEN) {
                continue;
            }
            if !all.is_empty() {
                all.push(BETWEEN);
            }
            all.push_str(text);
        }
        all.shrink_to_fit();
        Self(Cow::Owned(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let texts: Texts = ["a", "b c", "d"].into_iter().collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "b c", "d"]);
        assert_eq!(texts, Texts::known("a\nb c\nd"));
        assert!(!texts.is_empty());
    }

    #[test]
    fn what_would_be_another_number_of_texts_is_left_out() {
        let texts: Texts = ["", "a\nb", "c"].into_iter().collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["c"]);
        let none: Texts = [""].into_iter().collect();
        assert_eq!(none.iter().count(), 0);
        assert_eq!(none, Texts::default());
    }
}
