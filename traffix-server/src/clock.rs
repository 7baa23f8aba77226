//! The clock that handlers read: the system's, or one that stands still.

use chrono::{DateTime, Utc};

/// Tells the time. A fixed clock makes demonstrations and tests repeatable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Always this instant (`serve --at`).
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// The instant that counts as now.
    pub fn now(self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Fixed(at) => at,
        }
    }
}
