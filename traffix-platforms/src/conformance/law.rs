//! What every platform must keep to.

use std::fmt;

/// A law of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// The slug is well-formed, that of the profile, and no other registered platform has it.
    Slug,
    /// Every prefix is one, and none is private or otherwise special.
    Prefixes,
    /// Every fact of the profile has a source, a date and a confidence.
    Sources,
    /// `support()` has a sentence for every datum, and nothing is left to be written.
    Written,
    /// `cassette.toml` and `samples.toml` can be read; every exchange says who recorded it.
    Recordings,
    /// Every sample gets an answer from the recordings.
    Samples,
    /// The samples of unknown titles give `NotFound`.
    Unknown,
    /// What `support()` declares is shown by the samples, or listed as a skip.
    Declared,
    /// What it does not declare is [`Unsupported`](crate::PlatformError::Unsupported) with its reason, before
    /// anything is sent.
    Undeclared,
    /// Identifiers are there and not empty, times lie between 1990 and 2100, sizes are positive.
    Plausible,
    /// The findings of every resulting listing are empty.
    Findings,
    /// Every answer carries the address it was read from, and the date of the recording.
    Evidence,
    /// The same bytes give the same result.
    Deterministic,
    /// Pages end, and no cursor comes twice.
    Paging,
    /// Requests carry no secret of their own: that is the task of the layer that knows them. The credentials that they
    /// ask for by name are those of the profile.
    Secrets,
    /// Bad answers give the right error, and never data that the good answer does not have.
    BadAnswers,
    /// Damaged bodies never panic.
    Mutations,
}

impl Law {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 17] = [
        Self::Slug,
        Self::Prefixes,
        Self::Sources,
        Self::Written,
        Self::Recordings,
        Self::Samples,
        Self::Unknown,
        Self::Declared,
        Self::Undeclared,
        Self::Plausible,
        Self::Findings,
        Self::Evidence,
        Self::Deterministic,
        Self::Paging,
        Self::Secrets,
        Self::BadAnswers,
        Self::Mutations,
    ];
    /// Those that hold for a platform without network methods too.
    pub const OFFLINE: [Self; 5] =
        [Self::Slug, Self::Prefixes, Self::Sources, Self::Written, Self::Undeclared];

    /// Its name, as in `samples.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slug => "slug",
            Self::Prefixes => "prefixes",
            Self::Sources => "sources",
            Self::Written => "written",
            Self::Recordings => "recordings",
            Self::Samples => "samples",
            Self::Unknown => "unknown",
            Self::Declared => "declared",
            Self::Undeclared => "undeclared",
            Self::Plausible => "plausible",
            Self::Findings => "findings",
            Self::Evidence => "evidence",
            Self::Deterministic => "deterministic",
            Self::Paging => "paging",
            Self::Secrets => "secrets",
            Self::BadAnswers => "bad-answers",
            Self::Mutations => "mutations",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
