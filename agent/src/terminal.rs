//! The only place that writes to standard output and standard error by hand.

use std::fmt::Display;
use std::io::{self, Write};

use crate::exit::Exit;

/// Whether the user's environment lets a terminal have colours (no-color.org).
pub fn wants_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Prints a document; a reader that went away is no error.
pub fn print(text: impl AsRef<[u8]>) -> Exit {
    match io::stdout().write_all(text.as_ref()) {
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
