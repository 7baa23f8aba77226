//! What the suite found.

use std::fmt;

use traffix_core::catalogue::PlatformId;

use super::Law;

/// Most findings that are listed for one law.
const MAX_LISTED: usize = 20;

/// A law that is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which law.
    pub law: Law,
    /// Where and how.
    pub detail: String,
}

/// Something that was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The law, or the law and the datum.
    pub what: String,
    /// Why not.
    pub reason: String,
}

/// How much was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Recorded exchanges.
    pub exchanges: usize,
    /// Questions that the samples ask, pages included.
    pub questions: usize,
    /// Bad answers given.
    pub bad_answers: usize,
    /// Damaged bodies given.
    pub mutations: usize,
}

/// The result for one platform: its `Display` is a table for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The platform.
    pub platform: PlatformId,
    /// Whether it has network methods.
    pub online: bool,
    /// Laws that hold.
    pub passed: Vec<Law>,
    /// What was not checked, each with its reason; every one is listed in `samples.toml` or follows from having no
    /// network methods.
    pub skipped: Vec<Skip>,
    /// What is wrong.
    pub failed: Vec<Failure>,
    /// How much was checked.
    pub counts: Counts,
}

impl Report {
    pub(super) fn new(platform: PlatformId) -> Self {
        let counts = Counts::default();
        Self { platform, online: true, passed: Vec::new(), skipped: Vec::new(), failed: Vec::new(), counts }
    }

    /// Whether no law is broken.
    pub fn is_ok(&self) -> bool {
        self.failed.is_empty()
    }

    /// Findings of `law` beyond the first few are dropped: they have the same cause more often than not.
    pub(super) fn fail(&mut self, law: Law, detail: impl Into<String>) {
        if self.failed.iter().filter(|failure| failure.law == law).count() < MAX_LISTED {
            let mut detail = detail.into();
            if let Some((end, _)) = detail.char_indices().nth(600) {
                detail.truncate(end);
            }
            self.failed.push(Failure { law, detail });
        }
    }

    pub(super) fn skip(&mut self, what: impl Into<String>, reason: impl Into<String>) {
        self.skipped.push(Skip { what: what.into(), reason: reason.into() });
    }

    /// Fills in what holds: every law that was neither broken nor skipped as a whole.
    pub(super) fn finish(mut self) -> Self {
        let broken = |law: Law| self.failed.iter().any(|failure| failure.law == law);
        let skipped = |law: Law| self.skipped.iter().any(|skip| skip.what == law.name());
        self.passed = Law::ALL.into_iter().filter(|law| !broken(*law) && !skipped(*law)).collect();
        self.failed.sort_by_key(|failure| failure.law);
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { exchanges, questions, bad_answers, mutations } = self.counts;
        let (passed, skipped, failed) = (self.passed.len(), self.skipped.len(), self.failed.len());
        writeln!(
            f,
            "{:<16} {passed:>2} passed {skipped:>2} skipped {failed:>2} failed   \
             {exchanges} exchanges, {questions} questions, {bad_answers} bad answers, {mutations} mutations",
            self.platform.as_str()
        )?;
        for skip in &self.skipped {
            writeln!(f, "    skipped  {:<14} {}", skip.what, skip.reason)?;
        }
        for failure in &self.failed {
            writeln!(f, "    FAILED   {:<14} {}", failure.law, failure.detail)?;
        }
        Ok(())
    }
}
