//! Reads a document as strictly as no browser does: known elements and attributes, quoted values,
//! each end where it belongs, nothing bare in a text.

use super::STYLE;

const VOID: [&str; 5] = ["meta", "link", "input", "br", "wbr"];

const ELEMENTS: &str = " html head title style body a header h1 h2 p time main nav ul li b span section strong \
    details summary table caption thead tbody tr th td form label select option button bdi dl div dt dd footer ";

const ATTRIBUTES: &str = " lang charset name content rel href class id role aria-label aria-labelledby aria-hidden \
    aria-current aria-sort datetime scope open action method type maxlength value placeholder selected tabindex ";

/// The elements with their attributes' names, in order; or what is wrong.
pub(super) fn check(html: &str) -> Result<Vec<String>, String> {
    let html = html.replace(STYLE, "");
    let Some(mut rest) = html.strip_prefix("<!doctype html>\n") else {
        return Err("no doctype".to_owned());
    };
    let (mut outline, mut open) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        rest = &rest[at + 1..];
        if let Some(name) = rest.strip_prefix('/') {
            let end = name.find('>').ok_or("a tag without an end")?;
            if open.pop() != Some(&name[..end]) {
                return Err(format!("an end where it does not belong: {}", &name[..end]));
            }
            rest = &name[end + 1..];
            continue;
        }
        let end = rest.find([' ', '>']).ok_or("a tag without an end")?;
        let name = &rest[..end];
        rest = &rest[end..];
        let is_void = VOID.contains(&name);
        if !is_void && !ELEMENTS.contains(&format!(" {name} ")) {
            return Err(format!("an unknown element: {name}"));
        }
        let mut tag = name.to_owned();
        while let Some(attribute) = rest.strip_prefix(' ') {
            let end = attribute.find(['=', ' ', '>']).ok_or("no end")?;
            let name = &attribute[..end];
            if !ATTRIBUTES.contains(&format!(" {name} ")) {
                return Err(format!("an unknown attribute: {name}"));
            }
            tag.push(' ');
            tag.push_str(name);
            rest = &attribute[end..];
            if let Some(value) = rest.strip_prefix("=\"") {
                let end = value.find('"').ok_or("a value without an end")?;
                if !tag.starts_with("link ") {
                    text(&value[..end])?;
                }
                if name == "href" && value[..end].contains("script:") {
                    return Err(format!("a script: {}", &value[..end]));
                }
                rest = &value[end + 1..];
            }
        }
        rest = rest
            .strip_prefix('>')
            .ok_or(format!("a tag with {rest:.20}"))?;
        outline.push(tag);
        if !is_void {
            open.push(name);
        }
    }
    text(rest)?;
    if open.is_empty() {
        Ok(outline)
    } else {
        Err(format!("without an end: {open:?}"))
    }
}

fn text(text: &str) -> Result<(), String> {
    const KNOWN: [&str; 5] = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    if text.contains('>') {
        return Err(format!("bare: {text}"));
    }
    for reference in text.split('&').skip(1) {
        if !KNOWN.iter().any(|known| reference.starts_with(known)) {
            return Err(format!("an unknown reference: {reference:.20}"));
        }
    }
    Ok(())
}

#[test]
fn what_is_wrong_is_noticed() {
    let with = |text: &str| format!("<!doctype html>\n<html lang=\"en\">{text}</html>\n");
    assert_eq!(check(&with("")), Ok(vec!["html lang".to_owned()]));
    for wrong in [
        "<script></script>",
        "<a onclick=\"x\"></a>",
        "<a href=x></a>",
        "<a href=\"javascript:x\"></a>",
        "<a>",
        "</a>",
        "<b><a></b></a>",
        "a > b",
        "&copy;",
        "&",
    ] {
        assert!(check(&with(wrong)).is_err(), "{wrong}");
    }
}
