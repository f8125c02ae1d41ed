//! Past one process: several agents watch the same kinds of objects, each its share of them.
//!
//! Which object is in which share follows from its name alone, in the way that docs/sharding.md
//! lays down. It never changes: agents of two versions would leave out what each takes for the
//! other's.

use sha2::{Digest, Sha256};

/// One share of all objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    pub index: u32,
    /// How many there are.
    pub total: u32,
}

impl Shard {
    /// Whether it has the thing of this name; `namespace` is empty where there is none.
    pub fn has(self, cluster: Option<&str>, namespace: &str, name: &str) -> bool {
        jump(number(cluster, namespace, name), self.total) == u64::from(self.index)
    }
}

/// The first 8 bytes of the SHA-256 of `cluster/namespace/name`, of which what there is not is left
/// out with its slash.
fn number(cluster: Option<&str>, namespace: &str, name: &str) -> u64 {
    let above = [cluster.unwrap_or_default(), namespace];
    let mut digest = Sha256::new();
    for part in above.into_iter().filter(|part| !part.is_empty()) {
        digest.update(part);
        digest.update("/");
    }
    let digest = digest.chain_update(name).finalize();
    let first = digest.iter().take(8);
    first.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Jump consistent hash (Lamping and Veach, 2014) in whole numbers: of `total + 1` shares, all but
/// the new one hold a part of what they held of `total`.
fn jump(mut number: u64, total: u32) -> u64 {
    let mut share = 0;
    loop {
        number = number
            .wrapping_mul(2_862_933_555_777_941_757)
            .wrapping_add(1);
        let next = ((share + 1) << 31) / ((number >> 33) + 1);
        if next >= u64::from(total) {
            return share;
        }
        share = next;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The share that has it; the only one.
    fn share(total: u32, cluster: Option<&str>, namespace: &str, name: &str) -> u32 {
        let has = |index: &u32| {
            let shard = Shard {
                index: *index,
                total,
            };
            shard.has(cluster, namespace, name)
        };
        let all: Vec<u32> = (0..total).filter(has).collect();
        assert_eq!(all.len(), 1, "{namespace}/{name} is in {all:?} of {total}");
        all[0]
    }

    #[test]
    fn where_an_object_is_never_changes() {
        for (cluster, namespace, name, shares) in [
            (None, "default", "web", [1, 1, 1, 9, 735]),
            (None, "web", "web-1", [0, 0, 0, 12, 959]),
            (None, "web", "web-2", [0, 0, 0, 0, 608]),
            (None, "web", "web-100000", [1, 1, 1, 1, 649]),
            (Some("edge-1"), "kube-system", "ca", [0, 0, 0, 0, 102]),
            (None, "", "letsencrypt-webhook", [0, 0, 4, 5, 999]),
        ] {
            let found = [2, 3, 5, 16, 1000].map(|total| share(total, cluster, namespace, name));
            assert_eq!(found, shares, "{namespace}/{name}");
        }
    }

    #[test]
    fn names_that_only_count_are_spread_evenly() {
        let name = |count| number(None, "web", &format!("web-{count}"));
        let names: Vec<u64> = (1..=100_000).map(name).collect();
        for total in [2, 3, 8, 16] {
            let mut held = BTreeMap::new();
            for name in &names {
                *held.entry(jump(*name, total)).or_insert(0_u32) += 1;
            }
            let fair = 100_000 / total;
            assert!(held.len() == total as usize, "{held:?}");
            for share in held.values() {
                assert!(share.abs_diff(fair) < fair / 20, "{held:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn each_object_is_in_one_share_and_moves_to_a_new_one_alone(
            namespace in "[a-z0-9-]{0,63}",
            name in "[a-z0-9.-]{1,253}",
            total in 1_u32..64,
        ) {
            let before = share(total, None, &namespace, &name);
            let after = share(total + 1, None, &namespace, &name);
            prop_assert!(after == before || after == total);
        }
    }
}
