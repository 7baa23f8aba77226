//! What a pull did.

use std::collections::BTreeMap;

use serde::Serialize;
use traffix_core::catalogue::PlatformId;
use traffix_platforms::entries::{News, NewsKind};

/// Most news and most messages that a report carries one by one; all are counted.
const MAX_ITEMS: usize = 10_000;
const MAX_MESSAGES: usize = 20;

/// How a pull ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PullStatus {
    /// Everything due was asked about.
    #[default]
    Done,
    /// It was stopped, or its bound of requests or time was reached: the next pull goes on from there.
    Unfinished,
    /// Another process pulls this platform.
    Busy,
    /// The platform or the store failed as a whole.
    Failed,
}

/// What one pull of one platform did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PlatformReport {
    /// The platform.
    pub(crate) id: PlatformId,
    /// How it ended.
    pub(crate) status: PullStatus,
    /// Observations read.
    pub(crate) read: u64,
    /// Changes to the catalogue.
    pub(crate) written: u64,
    /// What could not be read or written.
    pub(crate) errors: u64,
    /// Observations of which nothing was kept: titles of which only the name is known, and what a recording lacks.
    pub(crate) skipped: u64,
    /// Updates whose release the catalogue does not know.
    pub(crate) kept_back: u64,
    /// Identifiers that the platform does not know any more.
    pub(crate) not_found: u64,
    /// Requests made, those answered from kept answers included.
    pub(crate) requests: u64,
    /// New proposals for moderators.
    pub(crate) proposed: u64,
    /// Values of time series.
    pub(crate) points: u64,
    /// Of `written`, what concerns who delivers.
    pub(crate) assertions: u64,
    /// How much of what is new.
    pub(crate) news: BTreeMap<NewsKind, u64>,
    /// What is new, the first ten thousand.
    pub(crate) changes: Vec<News>,
    /// What the platform has no interface for: the same every time.
    pub(crate) unsupported: Vec<String>,
    /// What could not be asked for, and why that is no error: a key that is not there, a lease that was lost.
    pub(crate) notes: Vec<String>,
    /// The first errors.
    pub(crate) failures: Vec<String>,
    /// Who pulls instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) busy: Option<String>,
}

impl PlatformReport {
    /// Of a pull that has not begun.
    pub(crate) fn new(id: PlatformId) -> Self {
        Self {
            id,
            status: PullStatus::Done,
            read: 0,
            written: 0,
            errors: 0,
            skipped: 0,
            kept_back: 0,
            not_found: 0,
            requests: 0,
            proposed: 0,
            points: 0,
            assertions: 0,
            news: BTreeMap::new(),
            changes: Vec::new(),
            unsupported: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
            busy: None,
        }
    }

    /// Counts something that went wrong.
    pub(crate) fn failed(&mut self, what: impl std::fmt::Display) {
        self.errors += 1;
        tracing::warn!(platform = %self.id, "{what}");
        if self.failures.len() < MAX_MESSAGES {
            self.failures.push(what.to_string());
        }
    }

    /// States what the platform has no interface for, once.
    pub(crate) fn lacks(&mut self, what: impl std::fmt::Display) {
        let what = what.to_string();
        if !self.unsupported.contains(&what) && self.unsupported.len() < MAX_MESSAGES {
            self.unsupported.push(what);
        }
    }

    /// States what cannot be had, once.
    pub(crate) fn note(&mut self, what: impl std::fmt::Display) {
        let what = what.to_string();
        if !self.notes.contains(&what) && self.notes.len() < MAX_MESSAGES {
            tracing::info!(platform = %self.id, "{what}");
            self.notes.push(what);
        }
    }

    /// Counts and logs what a write changed.
    pub(crate) fn add_news(&mut self, news: Vec<News>) {
        for one in news {
            let text = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
            let (before, after) = (text(&one.before), text(&one.after));
            let (before, after) = (before.as_deref(), after.as_deref());
            match one.kind {
                NewsKind::Other => {
                    tracing::debug!(kind = %one.kind, ru = %one.ru, field = one.field, source = one.source);
                }
                _ => {
                    tracing::info!(kind = %one.kind, ru = %one.ru, field = one.field, before, after, source = one.source);
                }
            }
            *self.news.entry(one.kind).or_default() += 1;
            if self.changes.len() < MAX_ITEMS {
                self.changes.push(one);
            }
        }
    }
}
