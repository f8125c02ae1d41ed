//! Certificates that were asked for by an object and issued into it: Kubernetes'
//! CertificateSigningRequests and cert-manager's CertificateRequests. They record what was issued;
//! where it is used is another place.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::kube;
use super::objects::newest::{self, Revision};
use super::objects::object::{LONGEST_NAME, fields, text};
use super::objects::{Globs, Options, Part, Plan, Raw, Reader, Unread, Wanted, field};
use crate::model::ObjectKind;

/// What is read of CertificateSigningRequests.
#[derive(Debug)]
struct SigningRequest {
    signers: Globs,
}

/// What is read of CertificateRequests.
#[derive(Debug)]
struct Request;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow)]
    signer_name: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    certificate: Option<&'a RawValue>,
}

/// Watches the CertificateSigningRequests for these signers.
pub fn signing_plan(options: Options, signers: Globs) -> Plan {
    let fields = match signers.literals() {
        Some(literals) if literals.len() == 1 => {
            let one = literals
                .into_iter()
                .map(|one| kube::field("spec.signerName", one));
            one.collect()
        }
        _ => String::new(),
    };
    let wanted = Wanted::all(
        ObjectKind::CertificateSigningRequest,
        "/apis/certificates.k8s.io/v1",
        "certificatesigningrequests",
        SigningRequest { signers },
    );
    Plan {
        kind: "csr",
        options,
        wanted: vec![Wanted { fields, ..wanted }],
    }
}

/// Watches cert-manager's CertificateRequests.
pub fn plan(options: Options) -> Plan {
    let wanted = Wanted::all(
        ObjectKind::CertificateRequest,
        "/apis/cert-manager.io/v1",
        "certificaterequests",
        Request,
    );
    Plan {
        kind: "certificaterequest",
        options,
        wanted: vec![Wanted {
            namespaced: true,
            ..wanted
        }],
    }
}

const NAME: &str = "cert-manager.io/certificate-name";
const REVISION: &str = "cert-manager.io/certificate-revision";

impl Reader for SigningRequest {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let spec: Spec<'_> = fields(object.spec)?;
        let signer = spec.signer_name.map(text).transpose()?.unwrap_or_default();
        if !self.signers.matches(&signer) {
            return Err(Unread::Foreign);
        }
        issued(object, &signer.into())
    }
}

impl Reader for Request {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let metadata = &object.metadata;
        let name = certificate(object).unwrap_or_default();
        let number = metadata.annotation(REVISION);
        let number = number.and_then(|number| number.parse().ok());
        let key = match number {
            // Without a number, nobody can say that another one is newer.
            Some(number) if !name.is_empty() => newest::key(&Revision {
                name: &name,
                owner: &metadata.controller().replace(char::is_control, ""),
                number,
            }),
            _ => name.into(),
        };
        issued(object, &key)
    }

    fn has_revisions(&self) -> bool {
        true
    }

    /// Whoever has one revision has them all, else each share would tell the newest of its own.
    fn thing(&self, object: &Raw<'_>) -> Option<String> {
        certificate(object)
    }
}

/// The name of the Certificate that asked.
fn certificate(object: &Raw<'_>) -> Option<String> {
    let name = object.metadata.annotation(NAME)?;
    // An annotation may be a thousand times longer, and this one becomes a label.
    let fits = 1..=LONGEST_NAME;
    Some(name).filter(|name| fits.contains(&name.len()) && !name.contains(char::is_control))
}

/// The certificate that was issued; nothing while it was not.
fn issued(object: &Raw<'_>, key: &Arc<str>) -> Result<Vec<Part>, Unread> {
    let status: Status<'_> = fields(object.status)?;
    let bundle = field::bundle(status.certificate)?;
    Ok(bundle
        .map(|bundle| Part::new(key.clone(), bundle))
        .into_iter()
        .collect())
}

#[cfg(test)]
mod tests;
