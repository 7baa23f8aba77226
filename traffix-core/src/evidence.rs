//! Evidence: who says so, when, how sure; and how two observations of one fact become one.
//!
//! A [`Fact`] is the set of what its sources say, at most one observation a source. The strongest is the
//! fact's value, the others that disagree stay visible as conflicts. Merging is union, so it is commutative,
//! associative and idempotent: the order in which sources are read never matters.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// What kind of source speaks. The order is the authority: later variants win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Concluded from other facts.
    Inferred,
    /// Users, forums, community lists.
    Community,
    /// Newspapers and trade press.
    Press,
    /// Somebody measured it.
    Measurement,
    /// The publisher, the platform or the operator itself.
    Official,
}

/// Where a fact comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Address or name of the source; one observation is kept per source.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2000)))]
    pub source: String,
    /// What kind of source it is.
    pub kind: SourceKind,
    /// When the source was read, or when it was published if that is all that is known.
    pub observed_at: DateTime<Utc>,
    /// How sure the recorder is that the source says this and is right, 0 to 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub confidence: f64,
    /// A remark for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Evidence {
    /// Evidence of `kind` from `source`, with full confidence.
    pub fn new(kind: SourceKind, source: impl Into<String>, observed_at: DateTime<Utc>) -> Self {
        Self { source: source.into(), kind, observed_at, confidence: 1.0, note: None }
    }

    /// All that is wrong with it.
    pub fn findings(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.source.trim().is_empty() || self.source.len() > 2_000 {
            found.push(Invalid::new("/source", "must name the source, in at most 2000 bytes"));
        }
        if !(0.0..=1.0).contains(&self.confidence) {
            found.push(Invalid::new("/confidence", "must be between 0 and 1"));
        }
        found
    }

    /// Authority first, then the newer, then the more confident; the source's name breaks ties so that the
    /// order is total.
    pub fn strength(&self, other: &Self) -> Ordering {
        (self.kind.cmp(&other.kind))
            .then(self.observed_at.cmp(&other.observed_at))
            .then(self.confidence.total_cmp(&other.confidence))
            .then_with(|| other.source.cmp(&self.source))
    }
}

/// One source's statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Observation_{T}"))]
#[serde(deny_unknown_fields)]
pub struct Observation<T> {
    /// What the source says.
    pub value: T,
    /// Who says so.
    pub evidence: Evidence,
}

/// A value with its evidence and with what other sources say instead.
///
/// ```
/// use traffix_core::{Evidence, Fact, SourceKind};
/// let day = |d: u32| format!("2024-10-{d:02}T00:00:00Z").parse().unwrap();
/// let forum = Fact::new(100, Evidence::new(SourceKind::Community, "forum", day(20)));
/// let store = Fact::new(102, Evidence::new(SourceKind::Official, "store page", day(18)));
/// let merged = forum.merge(store);
/// assert_eq!(merged.value, 102);                    // official beats community, even an older one
/// assert_eq!(merged.conflicts().next().unwrap().value, 100); // and the disagreement stays visible
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Fact_{T}"))]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Fact<T> {
    /// What the strongest source says.
    pub value: T,
    /// The strongest source.
    pub evidence: Evidence,
    /// What the other sources say, strongest first, agreeing or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Observation<T>>,
}

impl<T> Fact<T> {
    /// A fact with one source.
    pub fn new(value: T, evidence: Evidence) -> Self {
        Self { value, evidence, also: Vec::new() }
    }

    /// The same fact about something derived from the value.
    pub fn map<U>(&self, derive: impl Fn(&T) -> U) -> Fact<U> {
        let also = self
            .also
            .iter()
            .map(|other| Observation { value: derive(&other.value), evidence: other.evidence.clone() })
            .collect();
        Fact { value: derive(&self.value), evidence: self.evidence.clone(), also }
    }
}

impl<T: PartialEq> Fact<T> {
    /// What both say together.
    ///
    /// Rules: a source's newer statement replaces its older one; among sources, authority decides, then the
    /// newer statement, then confidence. Every source's latest statement is kept.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let mut said = self.into_observations();
        for new in other.into_observations() {
            match said.iter_mut().find(|old| old.evidence.source == new.evidence.source) {
                Some(old) if old.evidence.strength(&new.evidence).is_lt() => *old = new,
                Some(_) => {}
                None => said.push(new),
            }
        }
        said.sort_by(|a, b| b.evidence.strength(&a.evidence));
        let mut said = said.into_iter();
        // `into_observations` is never empty: it starts with the fact's own value.
        let Some(best) = said.next() else { unreachable!("a fact has at least one observation") };
        Self { value: best.value, evidence: best.evidence, also: said.collect() }
    }

    /// What sources say that disagree with the value, strongest first.
    pub fn conflicts(&self) -> impl Iterator<Item = &Observation<T>> {
        self.also.iter().filter(|other| other.value != self.value)
    }

    fn into_observations(self) -> Vec<Observation<T>> {
        let mut all = vec![Observation { value: self.value, evidence: self.evidence }];
        all.extend(self.also);
        all
    }
}

/// Merges two optional facts: unknown never hides known.
pub fn merge_options<T: PartialEq>(a: Option<Fact<T>>, b: Option<Fact<T>>) -> Option<Fact<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.merge(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A source has one authority and says one thing at one time, as real ones do.
    fn fact() -> impl Strategy<Value = Fact<u8>> {
        (0_u8..4, 0_u8..3).prop_map(|(source, day)| {
            let kind = if source % 2 == 0 { SourceKind::Community } else { SourceKind::Official };
            let at = DateTime::from_timestamp(i64::from(day) * 86_400, 0).unwrap();
            Fact::new((source + day) % 3, Evidence::new(kind, format!("source {source}"), at))
        })
    }

    proptest! {
        #[test]
        fn merging_is_idempotent(a in fact()) {
            prop_assert_eq!(a.clone().merge(a.clone()), a);
        }

        #[test]
        fn the_winner_and_order_do_not_depend_on_who_comes_first(a in fact(), b in fact()) {
            prop_assert_eq!(a.clone().merge(b.clone()), b.merge(a));
        }

        #[test]
        fn grouping_does_not_matter(a in fact(), b in fact(), c in fact()) {
            let left = a.clone().merge(b.clone()).merge(c.clone());
            prop_assert_eq!(left, a.merge(b.merge(c)));
        }

        #[test]
        fn the_winner_is_the_strongest_of_all(facts in prop::collection::vec(fact(), 1..6)) {
            let best = facts.iter().max_by(|a, b| a.evidence.strength(&b.evidence)).unwrap().clone();
            let merged = facts.into_iter().reduce(Fact::merge).unwrap();
            prop_assert_eq!(merged.value, best.value);
        }
    }

    #[test]
    fn a_source_replaces_its_own_older_statement() {
        let at = |day: i64| DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let old = Fact::new(80, Evidence::new(SourceKind::Official, "store", at(1)));
        let new = Fact::new(84, Evidence::new(SourceKind::Official, "store", at(2)));
        let merged = new.merge(old);
        assert_eq!((merged.value, merged.also.len()), (84, 0));
    }
}
