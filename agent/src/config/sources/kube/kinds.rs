//! The sources that look at objects of one purpose each.

use super::{Selected, SourceConfig, options};
use crate::config::Errors;
use crate::config::raw;
use crate::source::ca_bundles::{self, Resources};
use crate::source::clusters;

/// Which objects, of what has its lists under these names.
macro_rules! selected {
    ($at:expr, $written:expr) => {
        Selected {
            at: $at,
            include: &$written.include,
            exclude: &$written.exclude,
            include_labels: &$written.include_labels,
            exclude_labels: &$written.exclude_labels,
            expose_labels: &$written.expose_labels,
        }
    };
}

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

/// A source for `KubeSphere`'s member clusters.
pub(in super::super) fn kubesphere(
    at: &str,
    written: &raw::Kubesphere,
    errors: &mut Errors,
) -> SourceConfig {
    let options = options(at, written.access(), &selected!(at, written), errors);
    SourceConfig::Objects(clusters::plan(options))
}
