//! A value with who says so.

use serde::{Deserialize, Serialize};
use traffix_core::delivery::PartialDate;

/// How a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Somebody measured it.
    Measured,
    /// The source states it.
    Published,
    /// Judgement: the source is the reasoning's starting point, the note is the reasoning.
    Assumed,
}

/// Where a value comes from, when it was so, and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// How it is known.
    pub basis: Basis,
    /// Where it is written.
    pub source: String,
    /// When the source said so.
    pub date: PartialDate,
    /// Probability that it is right today, in 0..=1.
    pub confidence: f64,
    /// What a reader should know besides; for an assumption, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A value and its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stated<T> {
    /// The value.
    pub value: T,
    /// Who says so.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Provenance {
    /// What is wrong with it, if anything.
    pub(super) fn mistake(&self) -> Option<String> {
        if self.source.trim().is_empty() {
            return Some("source must say where this is written".into());
        }
        if !(0.0..=1.0).contains(&self.confidence) {
            return Some(format!("confidence must be between 0 and 1, got {}", self.confidence));
        }
        if self.basis == Basis::Assumed && self.note.as_deref().is_none_or(|note| note.trim().is_empty()) {
            return Some("an assumption must give its reason in note".into());
        }
        None
    }
}
