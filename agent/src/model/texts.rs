//! Several short texts in one allocation: 20,000 certificates have a dozen each, and each allocation
//! costs more than what it holds.

/// Short texts, a line each, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Texts(Box<str>);

/// What stands between two texts.
const BETWEEN: char = '\n';

// === impl Texts ===

impl Texts {
    /// All texts, line by line.
    pub(super) fn lines(&self) -> &str {
        &self.0
    }

    /// Each text from the position on.
    pub(super) fn from(&self, position: usize) -> impl Iterator<Item = &str> + Clone {
        self.0.split(BETWEEN).skip(position)
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    /// A line feed in a text would make two of it. Decoders replace it, and so does this.
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = String::with_capacity(256);
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                all.push(BETWEEN);
            }
            let text = text.as_ref();
            if text.contains(BETWEEN) {
                all.push_str(&text.replace(BETWEEN, "\u{fffd}"));
            } else {
                all.push_str(text);
            }
        }
        // A copy of the right size: what shrinks in place leaves holes.
        Self(all.as_str().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let texts: Texts = ["a", "", "b c", ""].into_iter().collect();
        assert_eq!(texts.from(0).collect::<Vec<_>>(), ["a", "", "b c", ""]);
        assert_eq!(texts.from(2).collect::<Vec<_>>(), ["b c", ""]);
        assert_eq!(texts.from(4).count(), 0);
    }

    #[test]
    fn a_text_stays_one_text() {
        let texts: Texts = ["a\nb", "c"].into_iter().collect();
        assert_eq!(texts.from(0).collect::<Vec<_>>(), ["a\u{fffd}b", "c"]);
    }
}
