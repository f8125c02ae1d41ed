//! One copy of each certificate, however many locations hold it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::model::{Bundle, Certificate};

/// The certificates that are held somewhere.
#[derive(Debug, Default)]
pub(super) struct Known {
    certificates: HashMap<[u8; 32], Weak<Certificate>>,
    /// Length at which the certificates are next searched for the dead.
    prune_at: usize,
}

impl Known {
    /// Replaces certificates that are already known by the known copy.
    pub(super) fn intern(&mut self, bundle: &mut Bundle) {
        for certificate in bundle.certificates.iter_mut().flatten() {
            let slot = self
                .certificates
                .entry(certificate.fingerprint)
                .or_default();
            match slot.upgrade() {
                Some(known) => *certificate = known,
                None => *slot = Arc::downgrade(certificate),
            }
        }
        if self.certificates.len() > self.prune_at {
            self.certificates
                .retain(|_, certificate| certificate.strong_count() > 0);
            self.prune_at = (self.certificates.len() * 2).max(1024);
        }
    }
}
