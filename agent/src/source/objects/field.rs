//! A field that is there for its certificates, in base64.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use super::Unread;
use super::object::text;
use crate::model::{Bundle, Problem, Reason};
use crate::source::kubeconfigs::certificates;

/// What was decoded, or why it was not; `None` where nobody has filled the field. It may have been
/// filled with keys too, and is wiped when it is dropped.
pub(crate) type Filled = Option<Result<Zeroizing<Vec<u8>>, Problem>>;

/// What the field holds; `None` where nobody has filled it.
pub(crate) fn bundle(field: Option<&RawValue>) -> Result<Option<Bundle>, Unread> {
    let bytes = bytes(field)?;
    Ok(bytes.map(|bytes| bytes.map_or_else(Bundle::bad, |bytes| certificates(&bytes))))
}

/// The bytes of the field.
pub(crate) fn bytes(field: Option<&RawValue>) -> Result<Filled, Unread> {
    let Some(field) = field else { return Ok(None) };
    let mut written = text(field)?;
    if written.is_empty() {
        return Ok(None);
    }
    let decoded = STANDARD.decode(&*written).map(Zeroizing::new);
    if let Cow::Owned(copy) = &mut written {
        copy.zeroize();
    }
    let problem = |_| Problem::new(Reason::BadBase64, "the field is not base64");
    Ok(Some(decoded.map_err(problem)))
}
