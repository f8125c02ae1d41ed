//! One copy of what is alike, however many locations hold it: of equal certificates, and of what
//! the certificates of one issuer have in common.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Weak};

use crate::model::{Bundle, Certificate, Profile};

/// What is held somewhere. Grows without leaps, and is never searched as a whole while others wait
/// for the lock.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By the first octets of the fingerprint, which are as good as any hash. Of two certificates
    /// that have those in common, the first alone is shared.
    certificates: BTreeMap<u64, Weak<Certificate>>,
    /// Where the search for the dead goes on.
    next: u64,
    profiles: HashSet<Arc<Profile>>,
    /// How many profiles there may be before they are searched for those that nobody has.
    most_profiles: usize,
}

/// How many certificates are looked at for each that is new: about one in so many is dead.
const STEP: usize = 8;

impl Known {
    /// Replaces certificates that are already known by the known copy.
    pub(super) fn intern(&mut self, bundle: &mut Bundle) {
        for certificate in bundle.certificates.iter_mut().flatten() {
            let key = key(certificate);
            match self.certificates.get(&key).and_then(Weak::upgrade) {
                Some(known) if known.fingerprint == certificate.fingerprint => *certificate = known,
                Some(_) => {}
                None => {
                    self.share_profile(certificate);
                    self.certificates.insert(key, Arc::downgrade(certificate));
                    self.drop_dead();
                }
            }
        }
    }

    /// Looks for the dead among the next few. A `Weak` is little, but keeps the place of what it
    /// pointed to.
    pub(super) fn drop_dead(&mut self) {
        let (mut dead, mut last) = (Vec::new(), u64::MAX);
        for (&key, certificate) in self.certificates.range(self.next..).take(STEP) {
            if certificate.strong_count() == 0 {
                dead.push(key);
            }
            last = key;
        }
        self.next = last.wrapping_add(1);
        for key in dead {
            self.certificates.remove(&key);
        }
    }

    /// Replaces the profile of a certificate that nobody else has yet by the known copy.
    fn share_profile(&mut self, certificate: &mut Arc<Certificate>) {
        let Some(certificate) = Arc::get_mut(certificate) else {
            return;
        };
        if let Some(known) = self.profiles.get(&certificate.profile) {
            certificate.profile = Arc::clone(known);
            return;
        }
        if self.profiles.len() >= self.most_profiles {
            self.profiles
                .retain(|profile| Arc::strong_count(profile) > 1);
            self.most_profiles = (self.profiles.len() * 2).max(64);
        }
        self.profiles.insert(Arc::clone(&certificate.profile));
    }
}

fn key(certificate: &Certificate) -> u64 {
    let (first, _) = certificate.fingerprint.as_chunks();
    first.first().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Facts;

    fn bundle(fingerprint: [u8; 32]) -> Bundle {
        let certificate = Certificate::from(Facts {
            fingerprint,
            ..Facts::default()
        });
        Bundle {
            certificates: Some(vec![Arc::new(certificate)]),
            ..Bundle::default()
        }
    }

    /// The one certificate of a bundle, once interned.
    fn interned(known: &mut Known, fingerprint: [u8; 32]) -> Arc<Certificate> {
        let mut bundle = bundle(fingerprint);
        known.intern(&mut bundle);
        Arc::clone(&bundle.certificates()[0])
    }

    #[test]
    fn certificates_that_begin_alike_are_not_mistaken_for_each_other() {
        let mut known = Known::default();
        let mut other = [1; 32];
        other[31] = 2;
        let (one, another) = (interned(&mut known, [1; 32]), interned(&mut known, other));
        assert_eq!((one.fingerprint, another.fingerprint), ([1; 32], other));
        assert!(Arc::ptr_eq(&one, &interned(&mut known, [1; 32])));
    }

    #[test]
    fn what_certificates_have_in_common_is_kept_once() {
        let mut known = Known::default();
        let (one, other) = (interned(&mut known, [1; 32]), interned(&mut known, [2; 32]));
        assert!(Arc::ptr_eq(&one.profile, &other.profile));
    }

    #[test]
    fn the_dead_do_not_add_up() {
        let mut known = Known::default();
        for number in 0..10_000_u32 {
            let mut fingerprint = [0; 32];
            fingerprint[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            let mut bundle = bundle(fingerprint);
            known.intern(&mut bundle);
            assert!(known.certificates.len() <= 1 + STEP, "{number}");
        }
    }
}
