//! Checks of the interfaces before anything is attached to them, and what could be put right.

use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Put right, or worth knowing.
    Note,
    /// Works, but not as it should.
    Warning,
    /// The data plane can't start like this.
    Fatal,
}

/// Something found out about an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The interface.
    pub interface: String,
    /// What was found.
    pub what: String,
    /// What to do about it, as a command where there is one; none when it has been put right.
    pub remedy: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.interface, self.what)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}
