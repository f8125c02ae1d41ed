//! The sources that look at objects of one purpose each.

use super::{Selected, SourceConfig, globs, in_namespaces, options};
use crate::config::Errors;
use crate::config::raw;
use crate::source::ca_bundles::{self, Resources};
use crate::source::objects::Globs;
use crate::source::{clusters, requests};

/// A source for `caBundle`s.
pub(in super::super) fn cabundle(
    at: &str,
    written: &raw::Cabundle,
    errors: &mut Errors,
) -> SourceConfig {
    let within = format!("{at}.cabundles");
    let selected = selected!(&within, written.cabundles);
    let options = options(at, written.access(), &selected, errors);
    let switches = &written.cabundles.resources;
    let resources = Resources {
        mutating: switches.mutating,
        validating: switches.validating,
        api_services: switches.apiservice,
        conversions: switches.crd_conversion,
    };
    if resources == Resources::default() {
        errors.push(&format!("{within}.resources"), "there is nothing to watch");
    }
    SourceConfig::Objects(ca_bundles::plan(options, resources))
}

/// A source for `CertificateSigningRequest`s.
pub(in super::super) fn csr(at: &str, written: &raw::Csr, errors: &mut Errors) -> SourceConfig {
    let options = options(at, written.access(), &selected!(at, written), errors);
    globs(&format!("{at}.signers"), &written.signers, errors);
    let signers = Globs {
        include: written.signers.clone(),
        exclude: Vec::new(),
    };
    SourceConfig::Objects(requests::signing_plan(options, signers))
}

/// A source for cert-manager's requests.
pub(in super::super) fn certificate_request(
    at: &str,
    written: &raw::CertificateRequest,
    errors: &mut Errors,
) -> SourceConfig {
    let options = options(at, written.access(), &selected!(at, written), errors);
    let options = in_namespaces(at, &written.namespaces, options, errors);
    SourceConfig::Objects(requests::plan(options))
}

/// A source for `KubeSphere`'s member clusters.
pub(in super::super) fn kubesphere(
    at: &str,
    written: &raw::Kubesphere,
    errors: &mut Errors,
) -> SourceConfig {
    let options = options(at, written.access(), &selected!(at, written), errors);
    SourceConfig::Objects(clusters::plan(options))
}
