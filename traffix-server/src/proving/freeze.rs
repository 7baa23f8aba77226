//! Freezing forecasts when they are due.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use traffix_core::catalogue::{Ru, RuId};
use traffix_core::forecast::{Forecast, ForecastError, ForecastInput, Moment, Options, RuInput};
use traffix_core::learning::Learned;
use traffix_core::network::Network;
use traffix_store::{Freeze, FrozenQuery, Lead, PageRequest, RuQuery, SavedForecast, Store, StoreError};
use uuid::Uuid;

use super::{Memory, Pass, ProvingError, compute, learned};
use crate::planning;

type Result<T> = std::result::Result<T, ProvingError>;

/// How long after a release it is still looked at, for servers that were down.
const CATCH_UP: TimeDelta = TimeDelta::days(14);
/// How long after a release a forecast is not late yet: passes are minutes apart, and the question is that of the
/// catalogue when it was due. Assumed (2026-12).
const GRACE: TimeDelta = TimeDelta::hours(1);
/// How long after everything has begun the window of an event ends. Assumed (2026-12).
const AFTERWARDS: TimeDelta = TimeDelta::hours(48);

/// When a release happens, as far as it is known: the start of the day if only that is.
pub(super) fn release(ru: &RuInput) -> Option<DateTime<Utc>> {
    let moment = || match ru.release_at? {
        Moment::At(at) => Some(at),
        Moment::Day(day) => Some(day.and_time(chrono::NaiveTime::MIN).and_utc()),
    };
    let wave = || ru.waves.iter().map(|wave| wave.at).min();
    ru.unlock_at.or_else(moment).or_else(wave)
}

/// Freezes everything that is due for every saved network.
pub(super) async fn due(
    store: &dyn Store,
    now: DateTime<Utc>,
    memory: &mut Memory,
    pass: &mut Pass,
) -> Result<()> {
    let query = RuQuery {
        from: Some(now - CATCH_UP),
        until: Some(now + Lead::Days14.before() + TimeDelta::days(1)),
        ..RuQuery::default()
    };
    let rus = planning::all(store, &query).await?;
    let mut page = PageRequest { limit: 100, after: None };
    while !rus.is_empty() {
        let found = store.all_networks(&page).await?;
        for saved in found.items {
            // Not every saved document is a profile.
            let network = serde_json::from_value::<Network>(saved.profile).ok();
            if let Some(network) = network.filter(|network| network.validate().is_empty()) {
                let learned = match learned(store, &saved.owner, &network.id).await {
                    Err(error) if error.is_of_one() => {
                        tracing::warn!(network = network.id, %error, "nothing is frozen for this network");
                        continue;
                    }
                    learned => learned?.map(|(learned, _)| learned),
                };
                let one = One { store, now, owner: &saved.owner, network: &network, learned };
                one.freeze(&rus, memory, pass).await?;
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    // What is older is not asked about again.
    memory.unknown.retain(|(_, due)| *due >= now - CATCH_UP * 2);
    Ok(())
}

/// One network's turn.
struct One<'a> {
    store: &'a dyn Store,
    now: DateTime<Utc>,
    owner: &'a str,
    network: &'a Network,
    learned: Option<Learned>,
}

impl One<'_> {
    async fn freeze(&self, rus: &[Ru], memory: &mut Memory, pass: &mut Pass) -> Result<()> {
        let done = self.done().await?;
        for ru in rus {
            let input = planning::ru_input(ru, self.network).ok();
            let Some(at) = input.as_ref().and_then(release).filter(|at| *at >= self.now - CATCH_UP) else {
                continue;
            };
            for lead in Lead::ALL {
                let due_at = at - lead.before();
                let place = (ru.id.clone(), at.date_naive(), lead);
                let unknown = (ru.id.clone(), due_at);
                if due_at > self.now || done.contains(&place) || memory.unknown.contains(&unknown) {
                    continue;
                }
                let late = self.now > at + GRACE;
                let freeze = Freeze { lead, release_day: at.date_naive(), release_at: at, due_at, late };
                match self.question(&ru.id, &freeze).await? {
                    Some(question) => self.keep(&ru.id, question, freeze, pass).await?,
                    None => {
                        memory.unknown.insert(unknown);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is frozen already of the time that matters.
    async fn done(&self) -> Result<HashSet<(RuId, NaiveDate, Lead)>> {
        let query = FrozenQuery {
            owner: Some(self.owner.to_owned()),
            network: Some(self.network.id.clone()),
            ..FrozenQuery::default()
        };
        let since = self.now - CATCH_UP - Lead::Days14.before() - TimeDelta::days(1);
        let mut page = PageRequest { limit: 500, after: None };
        let mut done = HashSet::new();
        loop {
            let found = self.store.frozen(&query, &page).await?;
            let is_over = found.items.last().is_none_or(|last| last.freeze.due_at < since);
            done.extend(found.items.into_iter().map(|one| {
                let freeze = one.freeze;
                (one.event.ru, freeze.release_day, freeze.lead)
            }));
            match found.next.filter(|_| !is_over) {
                Some(next) => page.after = Some(next),
                None => return Ok(done),
            }
        }
    }

    /// The question as the catalogue had it when it was due. `None` if that knew no such release on this day, or
    /// nothing to be asked about it.
    async fn question(&self, ru: &RuId, freeze: &Freeze) -> Result<Option<ForecastInput>> {
        let Some(then) = self.store.ru(ru, Some(freeze.due_at)).await? else { return Ok(None) };
        let Ok(ru) = planning::ru_input(&then.value, self.network) else { return Ok(None) };
        if release(&ru).map(|at| at.date_naive()) != Some(freeze.release_day) {
            return Ok(None);
        }
        let mut input = ForecastInput { ru, network: self.network.clone(), options: Options::default() };
        let (first, last) = input.span();
        let horizon_s = (last - first + AFTERWARDS).num_seconds();
        let longest = Options::default().horizon_s;
        input.options.horizon_s = u32::try_from(horizon_s).unwrap_or(longest).min(longest);
        Ok(input.validate().is_empty().then_some(input))
    }

    async fn keep(&self, ru: &RuId, input: ForecastInput, freeze: Freeze, pass: &mut Pass) -> Result<()> {
        let asked = serde_json::to_value(&input).map_err(ProvingError::Unwritable)?;
        let made: Forecast = match compute(input, self.learned.clone()).await {
            Ok(made) => made,
            Err(ProvingError::Forecast(ForecastError::Invalid(found))) => {
                tracing::warn!(%ru, network = self.network.id, ?found, "cannot be forecast");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let kept = SavedForecast {
            id: Uuid::now_v7(),
            ru: ru.clone(),
            network: self.network.id.clone(),
            made_at: self.now,
            model_version: made.model_version.clone(),
            input: asked,
            output: serde_json::to_value(&made).map_err(ProvingError::Unwritable)?,
            frozen: Some(freeze),
        };
        match self.store.save_forecast(self.owner, &kept).await {
            Ok(()) if freeze.late => pass.late += 1,
            Ok(()) => pass.frozen += 1,
            // Another server was faster.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
