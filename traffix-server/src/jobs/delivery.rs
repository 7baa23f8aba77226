//! Who delivers now.

use chrono::NaiveDate;
use traffix_core::delivery::Assertion;
use traffix_platforms::Vantage;
use traffix_store::{Actor, AssertionQuery, PageRequest, StoreError};

use super::pull::Pull;
use super::stages::Answered;

/// What was seen again is written again when the last sighting is so many days old.
const STALE_DAYS: i64 = 30;

impl Pull<'_> {
    /// Asks who delivers, and keeps what is new.
    pub(super) async fn delivery(&mut self) -> Result<(), StoreError> {
        let vantage = Vantage { region: self.plan.region.clone(), address: None };
        let answer = self.platform.delivery(&self.up, &vantage).await;
        let seen = match self.judged(answer) {
            Answered::Yes(seen) => seen,
            Answered::Never => return Ok(()),
            Answered::NotRecorded => {
                self.report.skipped += 1;
                return Ok(());
            }
            Answered::Unknown(error) | Answered::Error(error) => {
                self.report.failed(error);
                return Ok(());
            }
        };
        self.report.read += seen.len() as u64;
        let known = self.known_assertions().await?;
        let news: Vec<Assertion> =
            seen.into_iter().filter(|new| !known.iter().any(|old| says(old, new))).collect();
        if news.is_empty() {
            return Ok(());
        }
        let actor = Actor(format!("sync:{}", self.platform.id()));
        match self.store.put_assertions(&news, &actor).await {
            Ok(report) => {
                self.report.assertions += report.created + report.updated;
                self.report.written += report.created + report.updated;
                Ok(())
            }
            Err(StoreError::Invalid(findings)) => {
                let first = findings.first().map(ToString::to_string).unwrap_or_default();
                self.report.failed(format_args!("delivery: {first}"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn known_assertions(&self) -> Result<Vec<Assertion>, StoreError> {
        let query = AssertionQuery { platform: Some(self.platform.id()), ..AssertionQuery::default() };
        let mut page = PageRequest { limit: 500, after: None };
        let mut all = Vec::new();
        loop {
            let found = self.store.assertions(&query, &page).await?;
            all.extend(found.items.into_iter().map(|one| one.value));
            page.after = found.next;
            if page.after.is_none() {
                return Ok(all);
            }
        }
    }
}

/// Whether the old statement says the same and was seen not long before.
fn says(old: &Assertion, new: &Assertion) -> bool {
    let day = |one: &Assertion| one.observed.map(traffix_core::delivery::PartialDate::last_day);
    let age = |(old, new): (NaiveDate, NaiveDate)| (new - old).num_days();
    let fresh = day(old).zip(day(new)).is_none_or(|days| age(days) < STALE_DAYS);
    let undated = |one: &Assertion| Assertion { observed: None, ..one.clone() };
    fresh && undated(old) == undated(new)
}
