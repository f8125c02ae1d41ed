//! `shard`: which share of the objects this agent watches.

use std::env;
use std::fs;

use super::{Errors, raw};
use crate::source::objects::Shard;

/// Where the kernel tells the host's name, which in a pod is the pod's.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The share that is written; nothing where one has it all. Its number is that of the pod where none
/// is written.
pub(super) fn chosen(written: &raw::Shard, pod: &str, errors: &mut Errors) -> Option<Shard> {
    let total = match written.total {
        Some(0) => {
            errors.push("shard.total", "it must be 1 or more");
            return None;
        }
        Some(total) => total,
        None => {
            errors.push("shard.total", "it must be there");
            return None;
        }
    };
    if total == 1 && written.index.is_none() {
        return None;
    }
    let Some(index) = written.index.or_else(|| ordinal(pod)) else {
        let error = format!("it is not there, and the pod's name `{pod}` ends in no ordinal");
        errors.push("shard.index", error);
        return None;
    };
    let from = match written.index {
        Some(_) => String::new(),
        None => format!(", from the pod's name `{pod}`,"),
    };
    if index >= total {
        let error = format!("{index}{from} is not below the total of {total}");
        errors.push("shard.index", error);
    }
    (total > 1).then_some(Shard { index, total })
}

/// `POD_NAME`, else the name of the host.
pub(super) fn pod_name() -> String {
    let named = env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    named.unwrap_or_else(|| {
        let name = fs::read_to_string(HOST_NAME).unwrap_or_default();
        name.trim_end().to_owned()
    })
}

/// The number that a `StatefulSet` ends its pods' names with.
fn ordinal(pod: &str) -> Option<u32> {
    let (_, number) = pod.rsplit_once('-')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(index: Option<u32>, total: Option<u32>, pod: &str) -> Result<Option<Shard>, String> {
        let mut errors = Errors::default();
        let shard = chosen(&raw::Shard { index, total }, pod, &mut errors);
        let text = errors.to_string();
        if text.is_empty() {
            Ok(shard)
        } else {
            Err(text)
        }
    }

    #[test]
    fn a_share_has_the_number_that_is_written_or_that_of_its_pod() {
        let shard = |index| Ok(Some(Shard { index, total: 3 }));
        assert_eq!(read(Some(1), Some(3), "x509-2"), shard(1));
        assert_eq!(read(None, Some(3), "x509-a-2"), shard(2));
        assert_eq!(read(None, Some(1), "anything-7"), Ok(None));
        assert_eq!(read(Some(0), Some(1), ""), Ok(None));
    }

    #[test]
    fn a_share_that_is_none_is_refused_with_its_key() {
        for (index, total, pod, expected) in [
            (None, None, "x-0", "shard.total: it must be there"),
            (Some(1), None, "x-0", "shard.total: it must be there"),
            (Some(0), Some(0), "x-0", "shard.total: it must be 1 or more"),
            (
                Some(3),
                Some(3),
                "x-0",
                "shard.index: 3 is not below the total of 3",
            ),
            (
                None,
                Some(3),
                "x-3",
                "shard.index: 3, from the pod's name `x-3`, is not below the total of 3",
            ),
            (
                None,
                Some(2),
                "x-",
                "shard.index: it is not there, and the pod's name `x-` ends",
            ),
            (None, Some(2), "x509", "shard.index: it is not there"),
            (None, Some(2), "x-+1", "shard.index: it is not there"),
            (
                None,
                Some(2),
                "x509-6b9c4d7f8b-q2w3e",
                "shard.index: it is not there",
            ),
        ] {
            let error = read(index, total, pod).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
