//! One look at one Secret, without a watch: every key of it that holds certificates.

use std::rc::Rc;
use std::sync::Arc;

use regex_lite::Regex;
use zeroize::Zeroizing;

use super::data::{Data, Encoding, Field, Format, Key};
use super::vault::Vault;
use super::{Held, Keystores, Part, Raw};
use crate::model::{Bundle, Location, Object, ObjectKind, Problem, Reason};
use crate::source::kube::{Api, Settings, Target};

/// What the Secret holds, key by key. What cannot be read is a problem of the Secret as a whole.
pub async fn secret(
    settings: Settings,
    namespace: &str,
    name: &str,
    keystores: Keystores,
) -> Vec<(Location, Bundle)> {
    let object = object(namespace, name);
    let whole = |bundle| vec![(location(namespace, name), bundle)];
    let target = Target {
        prefix: "/api/v1",
        resource: "secrets",
        namespace: Some(namespace.to_owned()),
        fields: String::new(),
        labels: String::new(),
    };
    let asked = async { Api::connect(settings).await?.object(&target, name).await };
    let bytes = match asked.await {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(failure) => {
            let problem = Problem::new(failure.reason, failure.detail);
            return whole(Bundle::unread(problem));
        }
    };
    let Some(parts) = parts(&bytes, keystores) else {
        let problem = Problem::new(Reason::ApiError, "the answer is not a Secret");
        return whole(Bundle::unread(problem));
    };
    let vault = Vault::default();
    let mut found = Vec::new();
    for Part { key, entry, held } in parts {
        let bundle = match held {
            Held::Bundle(bundle) => bundle,
            Held::Keystore(locked) => vault.open(locked, namespace).await,
        };
        // Most keys of a Secret are something else; those that are meant for certificates are told
        // by their names.
        if *key == *CERTIFICATE || !is_none(&bundle) {
            let location = Location::Object {
                object: Arc::clone(&object),
                key,
                entry,
            };
            found.push((location, bundle));
        }
    }
    if found.is_empty() {
        let detail = "no key of it holds a certificate";
        return whole(Bundle::bad(Problem::new(
            Reason::NoCertificateFound,
            detail,
        )));
    }
    found
}

/// The Secret as a whole.
pub fn location(namespace: &str, name: &str) -> Location {
    Location::object(&object(namespace, name), &"".into())
}

fn object(namespace: &str, name: &str) -> Arc<Object> {
    Arc::new(Object {
        cluster: None,
        kind: ObjectKind::Secret,
        namespace: namespace.into(),
        name: name.into(),
    })
}

/// The key of a certificate in a Secret of the type `kubernetes.io/tls`.
const CERTIFICATE: &str = "tls.crt";

fn parts(bytes: &[u8], keystores: Keystores) -> Option<Vec<Part>> {
    let raw: Raw<'_> = serde_json::from_slice(bytes).ok()?;
    let keystores = Rc::new(keystores);
    let field = |key| Field {
        key,
        format: Format::Certificates,
        keystores: Rc::clone(&keystores),
    };
    let any = Regex::new("").ok()?;
    let fields = [
        field(Key::Literal(CERTIFICATE.into())),
        field(Key::Pattern(any)),
    ];
    let data = Data::of([(Encoding::Base64, raw.data)]).ok()?;
    data.parts(&fields).ok()
}

/// Whether nothing there says that it was meant to be a certificate.
fn is_none(bundle: &Bundle) -> bool {
    let none = |problem: &Problem| problem.reason == Reason::NoCertificateFound;
    bundle.certificates().is_empty() && bundle.crls.is_empty() && bundle.problems.iter().all(none)
}
