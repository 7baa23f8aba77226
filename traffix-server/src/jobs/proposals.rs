//! New entries that may be old ones.

use traffix_core::catalogue::Ru;
use traffix_platforms::entries::titles::{Likeness, likeness, telling_words};
use traffix_store::{PageRequest, ProposalSubject, RuQuery, StoreError};

use super::pull::Pull;

/// Most entries that one new title is compared with.
const CANDIDATES: u32 = 200;

impl Pull<'_> {
    /// Proposes to merge a new entry with the stored one that looks most like it, if one does.
    pub(super) async fn propose(&mut self, new: &Ru) -> Result<(), StoreError> {
        let words = telling_words(&new.title);
        // The longest word tells most; the others may be written differently.
        let Some(word) = words.iter().max_by_key(|word| word.chars().count()) else { return Ok(()) };
        let query = RuQuery { kind: Some(new.kind), text: Some(word.clone()), ..RuQuery::default() };
        let found = self.store.rus(&query, &PageRequest { limit: CANDIDATES, after: None }).await?;
        let alike = found.items.iter().filter_map(|other| Some((likeness(new, &other.value)?, &other.value)));
        let best = alike.max_by(|(a, _), (b, _)| a.score.total_cmp(&b.score));
        let Some((Likeness { score, reasons }, into)) = best else { return Ok(()) };
        let (from, into) = (new.id.clone(), into.id.clone());
        let id = format!("merge:{from}:{into}");
        let subject = ProposalSubject::Merge { from, into, score, reasons };
        self.report.proposed += self.store.propose(&[(id, subject)]).await?;
        Ok(())
    }
}
