//! What goes wrong on the command line, with what helps.

use std::fmt;
use std::process::ExitCode;

/// Exit code of a mistake in the command itself.
pub const USAGE: u8 = 2;

/// Why a command ended without success.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    /// The details were printed already.
    Silent,
    /// The reader of standard output had enough.
    ClosedPipe,
}

impl Failure {
    /// The command failed.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Failed, message: message.to_string(), hint: None }
    }

    /// The command makes no sense as given.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Usage, ..Self::new(message) }
    }

    /// The command failed, and what went wrong was printed where it belongs.
    pub fn reported() -> Self {
        Self { kind: Kind::Silent, ..Self::new("") }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Writes it to standard error and says with which code to exit.
    pub fn report(&self) -> ExitCode {
        use std::io::Write as _;
        // Standard error may be closed too: then there is nobody to tell.
        if matches!(self.kind, Kind::Failed | Kind::Usage) {
            let _ = writeln!(std::io::stderr(), "{self}");
        }
        ExitCode::from(match self.kind {
            Kind::Failed | Kind::Silent => 1,
            Kind::Usage => USAGE,
            Kind::ClosedPipe => 0,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for Failure {}

/// Failures to write standard output; reading has its own words in `input`.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let kind =
            if error.kind() == std::io::ErrorKind::BrokenPipe { Kind::ClosedPipe } else { Kind::Failed };
        Self { kind, ..Self::new(format_args!("cannot write the answer: {error}")) }
    }
}
