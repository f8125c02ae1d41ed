//! Readers of what the agent writes, as strict as those who read it in the world, or stricter.

use std::collections::{HashMap, HashSet};

/// Prometheus' text format, version 0.0.4: how many samples there are, or what is wrong. Each
/// family stands in one piece behind its head, and no series stands there twice.
pub(crate) fn samples(text: &str) -> Result<usize, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let (mut heads, mut types, mut series) = (HashSet::new(), HashMap::new(), HashSet::new());
    let mut family = "";
    // Anything else than a line feed is no line end, and no part of a line but of a value.
    for line in text.split_terminator('\n') {
        if let Some(head) = line.strip_prefix("# HELP ") {
            family = head.split(' ').next().unwrap_or_default();
            if !is_name(family, true) || !heads.insert(family) {
                return Err(format!("a family that is no name, or again: {line}"));
            }
        } else if let Some(head) = line.strip_prefix("# TYPE ") {
            let (of, kind) = head.split_once(' ').ok_or(line)?;
            let known = ["counter", "gauge", "histogram", "summary", "untyped"];
            if of != family || !known.contains(&kind) || types.insert(of, kind).is_some() {
                return Err(format!("a type that does not belong there: {line}"));
            }
        } else {
            let (name, set) = sample(line).ok_or_else(|| format!("no sample: {line}"))?;
            let kind = types
                .get(family)
                .ok_or_else(|| format!("no type: {line}"))?;
            let part = name
                .strip_prefix(family)
                .ok_or_else(|| format!("astray: {line}"))?;
            let parts: &[&str] = match *kind {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            if !parts.contains(&part) || !series.insert((name, set)) {
                return Err(format!("of another family, or twice: {line}"));
            }
        }
    }
    Ok(series.len())
}

/// The labels of a series, sorted, their values still escaped.
type Labels<'a> = Vec<(&'a str, &'a str)>;

fn sample(line: &str) -> Option<(&str, Labels<'_>)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(set) = rest.strip_prefix('{') {
        rest = set;
        loop {
            let (label, value) = rest.split_once("=\"")?;
            let end = end_of_value(value)?;
            labels.push((label, &value[..end]));
            rest = &value[end + 1..];
            match rest.split_at_checked(1)? {
                (",", more) => rest = more,
                ("}", more) => {
                    rest = more;
                    break;
                }
                _ => return None,
            }
        }
    }
    let value = rest.strip_prefix(' ')?;
    labels.sort_unstable();
    let once = labels.windows(2).all(|pair| pair[0].0 != pair[1].0);
    let named = labels.iter().all(|(label, _)| is_name(label, false));
    let is_number = value == "+Inf" || value.parse::<f64>().is_ok();
    (is_name(name, true) && once && named && is_number).then_some((name, labels))
}

/// Where the quotation mark is that ends the value.
fn end_of_value(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some(at),
            '\\' => {
                let (_, escaped) = characters.next()?;
                if !matches!(escaped, '\\' | '"' | 'n') {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}

fn is_name(text: &str, of_metric: bool) -> bool {
    let mut bytes = text.bytes();
    let begins = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || of_metric && byte == b':';
    bytes.next().is_some_and(begins) && bytes.all(|byte| begins(byte) || byte.is_ascii_digit())
}

/// The page: every element known and closed, nothing bare in a text.
pub(crate) fn page(html: &str) -> Result<usize, String> {
    checker::check(html).map(|elements| elements.len())
}

const STYLE: &str = include_str!("../../src/expose/page/style.css");

#[path = "../../src/expose/page/tests/checker.rs"]
mod checker;

#[test]
fn what_is_no_exposition_is_noticed() {
    let head = "# HELP a b\n# TYPE a gauge\n";
    for (lines, expected) in [
        (
            "a 1\na{b=\"\"} 2\na{b=\"\\\\\\\"\\n,} 3\",c=\"\u{85}\"} -3\n",
            true,
        ),
        ("a 1", false),
        ("a 1\na 2\n", false),
        ("a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 1\n", false),
        ("a{b=\"1\",b=\"2\"} 1\n", false),
        ("a{b=\"\\r\"} 1\n", false),
        ("a{b=\"\"\"} 1\n", false),
        ("a{b=\"1} 1\n", false),
        ("a{0=\"1\"} 1\n", false),
        ("a{b=\"1\"} one\n", false),
        ("a{b=\"1\n\"} 1\n", false),
        ("ab 1\n", false),
        ("\n", false),
        ("# HELP a b\n", false),
    ] {
        let read = samples(&format!("{head}{lines}"));
        assert_eq!(read.is_ok(), expected, "{lines}: {read:?}");
    }
}
