//! What is watched, as the paths and queries of the Kubernetes API.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::trouble::Trouble;
use crate::source::Failure;

/// What a value of a query may not hold as it is: all but the unreserved characters (RFC 3986, 2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A resource, where it is, and what the server shall select of it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Group and version: `/api/v1`.
    pub(crate) prefix: &'static str,
    /// Plural name, as in the path and in the metrics.
    pub(crate) resource: &'static str,
    /// The only namespace to look at; `None` for all.
    pub(crate) namespace: Option<String>,
    /// Field selector; empty for none.
    pub(crate) fields: String,
    /// Label selector; empty for none.
    pub(crate) labels: String,
}

impl Target {
    /// One page of the list, of one namespace if so wished.
    pub(super) fn page(&self, namespace: Option<&str>, limit: u32, next: Option<&str>) -> String {
        let mut url = self.url(namespace.or(self.namespace.as_deref()));
        add(&mut url, "limit", &limit.to_string());
        if let Some(next) = next {
            add(&mut url, "continue", next);
        }
        url
    }

    /// A list that arrives as events, one object at a time.
    pub(super) fn streamed(&self, lasting: Duration) -> String {
        let mut url = self.following(lasting);
        add(&mut url, "sendInitialEvents", "true");
        add(&mut url, "resourceVersionMatch", "NotOlderThan");
        url
    }

    /// What happens after a version.
    pub(super) fn followed(&self, version: &str, lasting: Duration) -> String {
        let mut url = self.following(lasting);
        add(&mut url, "resourceVersion", version);
        url
    }

    /// One object of this name.
    pub(super) fn named(&self, name: &str) -> String {
        let mut url = self.url(self.namespace.as_deref());
        url.push('/');
        encode(&mut url, name);
        url
    }

    /// Whether objects of this kind may hold what nobody else should see.
    pub(super) fn confidential(&self) -> bool {
        matches!(self.resource, "secrets" | "configmaps" | "clusters")
    }

    /// The failure to read one object.
    pub(super) fn unread(&self, trouble: Trouble, name: &str) -> Failure {
        let is_missing = trouble.status == Some(StatusCode::NOT_FOUND);
        let detail = if is_missing {
            format!(
                "the API server has no {name} among the {} there",
                self.resource
            )
        } else {
            trouble.detail
        };
        Failure {
            reason: trouble.reason,
            resource: Some(self.resource),
            detail,
        }
    }

    /// The failure of an operation on this target.
    pub(super) fn failure(&self, trouble: &Trouble) -> Failure {
        let mut detail = format!("watching {}", self.resource);
        for (word, value) in [
            ("in namespace", self.namespace.as_deref()),
            ("with", self.fields()),
        ] {
            if let Some(value) = value {
                write!(detail, " {word} {value}").ok();
            }
        }
        write!(detail, ": {}", trouble.detail).ok();
        Failure {
            reason: trouble.reason,
            resource: Some(self.resource),
            detail,
        }
    }

    fn fields(&self) -> Option<&str> {
        (!self.fields.is_empty()).then_some(&*self.fields)
    }

    fn following(&self, lasting: Duration) -> String {
        let mut url = self.url(self.namespace.as_deref());
        add(&mut url, "watch", "true");
        add(&mut url, "allowWatchBookmarks", "true");
        add(&mut url, "timeoutSeconds", &lasting.as_secs().to_string());
        url
    }

    fn url(&self, namespace: Option<&str>) -> String {
        let mut url = self.prefix.to_owned();
        if let Some(namespace) = namespace {
            url.push_str("/namespaces/");
            encode(&mut url, namespace);
        }
        url.push('/');
        url.push_str(self.resource);
        for (name, value) in [
            ("fieldSelector", &self.fields),
            ("labelSelector", &self.labels),
        ] {
            if !value.is_empty() {
                add(&mut url, name, value);
            }
        }
        url
    }
}

/// A field selector for one value (`EscapeValue` of apimachinery's fields package).
pub(crate) fn field(name: &str, value: &str) -> String {
    let mut selector = format!("{name}=");
    for character in value.chars() {
        if matches!(character, '\\' | ',' | '=') {
            selector.push('\\');
        }
        selector.push(character);
    }
    selector
}

/// A label selector for `key` and `key=value` items: all of the first list, none of the second.
pub(crate) fn labels(include: &[String], exclude: &[String]) -> String {
    let excluded = exclude.iter().map(|item| match item.split_once('=') {
        Some((key, value)) => format!("{key}!={value}"),
        None => format!("!{item}"),
    });
    include
        .iter()
        .cloned()
        .chain(excluded)
        .collect::<Vec<_>>()
        .join(",")
}

fn add(url: &mut String, name: &str, value: &str) {
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(name);
    url.push('=');
    encode(url, value);
}

fn encode(url: &mut String, value: &str) {
    url.extend(utf8_percent_encode(value, VALUE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_one_namespace_selects_on_the_server() {
        let target = Target {
            prefix: "/api/v1",
            resource: "secrets",
            namespace: None,
            fields: field("type", "kubernetes.io/tls"),
            labels: labels(&["a".into(), "b=c".into()], &["d".into(), "e=f".into()]),
        };
        assert_eq!(
            target.page(Some("web"), 50, Some("x/y=")),
            "/api/v1/namespaces/web/secrets?fieldSelector=type%3Dkubernetes.io%2Ftls\
             &labelSelector=a%2Cb%3Dc%2C%21d%2Ce%21%3Df&limit=50&continue=x%2Fy%3D"
        );
    }

    #[test]
    fn a_value_cannot_leave_its_field_selector() {
        assert_eq!(field("type", r"a,b=c\d"), r"type=a\,b\=c\\d");
    }
}
