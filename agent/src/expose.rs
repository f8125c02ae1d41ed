//! Facts become text here and nowhere else: a function of a snapshot and, only where unavoidable,
//! of the time. The certificate families depend on the time only through `expired`, so what is
//! rendered of them is kept compressed until a change touches it ([`cache`]).

pub mod cache;
pub mod csv;
pub mod date;
pub mod gzip;
pub mod html;
pub mod info;
pub mod json;
pub mod labels;
pub mod lines;
pub mod metrics;
pub mod own;
pub mod page;
pub mod place;
pub mod probe;
pub mod query;
pub mod rows;
pub mod table;
pub mod urgency;

/// What the user wants to see of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a family that can be left out"
)]
pub struct Options {
    /// `x509_cert_info`.
    pub info: bool,
    /// `x509_cert_not_before`.
    pub not_before: bool,
    /// `x509_cert_expired` and `x509_crl_stale`.
    pub expired: bool,
    /// The families that tell seconds at the scrape.
    pub relative: bool,
    /// The families of servers; they have series where there are any.
    pub endpoints: bool,
    /// Short names of the subject's attributes that become labels; empty: all.
    pub subject_fields: Vec<String>,
    /// Short names of the issuer's attributes that become labels; empty: all.
    pub issuer_fields: Vec<String>,
    /// How many leading components are cut off the label `filepath`.
    pub trim_path_components: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            info: false,
            not_before: true,
            expired: true,
            relative: false,
            endpoints: false,
            subject_fields: Vec::new(),
            issuer_fields: Vec::new(),
            trim_path_components: 0,
        }
    }
}
