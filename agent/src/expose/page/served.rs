//! What a look at a server told of its leaf, and the file that it should serve.

use std::io::{self, Write};

use super::Text;
use super::list::fact;
use super::words::Moment;
use crate::model::{Bundle, Certificate, Handshake};

/// Facts of the look, with the certificate that was shown first.
pub(super) fn about(
    bundle: &Bundle,
    certificate: &Certificate,
    out: &mut impl Write,
) -> io::Result<()> {
    let is_leaf = |leaf: &Certificate| leaf.fingerprint == certificate.fingerprint;
    let leaf = bundle.certificates().first();
    let Some(look) = bundle
        .handshake
        .as_deref()
        .filter(|_| leaf.is_some_and(|leaf| is_leaf(leaf)))
    else {
        return Ok(());
    };
    fact("Protocol", Protocol(look), out)?;
    if let Some(verification) = look.verification {
        fact("Verification", verification.code(), out)?;
    }
    if let Some(first) = look.verified_not_after {
        fact("Verified until", Moment(first), out)?;
    }
    if let Some(ocsp) = look.ocsp {
        fact("Stapled status", ocsp.status.code(), out)?;
    }
    let Some(pair) = &look.pair else {
        return Ok(());
    };
    fact("Should serve", Text(&pair.path), out)?;
    if let Some(file) = &pair.certificate {
        let serial = Text(file.serial().unwrap_or_default());
        let words = match pair.is_stale(certificate) {
            Some(true) => " (newer: the server was not restarted)",
            _ if is_leaf(file) => " (the same)",
            _ => " (older)",
        };
        fact(
            "Serial number in the file",
            format_args!("{serial}{words}"),
            out,
        )?;
    }
    Ok(())
}

struct Protocol<'a>(&'a Handshake);

impl std::fmt::Display for Protocol<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.protocol)?;
        let version = self.0.tls_version;
        version.map_or(Ok(()), |version| write!(f, ", TLS {version}"))
    }
}
