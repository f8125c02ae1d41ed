//! How the process ends, as monitoring plugins do.

use std::process::ExitCode;

/// What an exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Well = 0,
    /// `check`: something expires within the warning time.
    Warning = 1,
    /// `check`: something expires within the critical time or is expired. Else: wrong usage or
    /// configuration.
    Critical = 2,
    /// `check`: something could not be told; that must never look like 0.
    Unknown = 3,
}

impl Exit {
    /// The code for wrong flags or a wrong configuration.
    pub const USAGE: Self = Self::Critical;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
