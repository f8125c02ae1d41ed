//! The only place that writes to standard output and standard error by hand.

use std::fmt::Display;
use std::io::{self, Write};

use crate::exit::Exit;

/// Prints a document; a reader that went away is no error.
pub fn print(text: &str) -> Exit {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Unknown,
        _ => Exit::Well,
    }
}

/// Tells why nothing was done, and how to end.
pub fn fail(error: &impl Display, exit: Exit) -> Exit {
    // With standard error gone there is nobody left to tell.
    drop(writeln!(io::stderr(), "{error}"));
    exit
}
