//! The agent's own metrics as text: the `prometheus` crate's encoder.

use std::io::{self, Write};

use prometheus::proto::MetricFamily;
use prometheus::{Encoder, TextEncoder};

/// Writes these families in the classic text format.
pub fn write(families: &[MetricFamily], out: &mut impl Write) -> io::Result<()> {
    TextEncoder::new()
        .encode(families, out)
        .map_err(io::Error::other)
}
