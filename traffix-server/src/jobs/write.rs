//! Observations into the catalogue: which entry they are about, and one write for many of them.

use std::collections::BTreeMap;

use traffix_core::catalogue::{Ru, RuId, RuKind};
use traffix_platforms::ListingObservation;
use traffix_platforms::entries::{Context, distinct_id, entry, is_forecastable, news, ru_id, update_entry};
use traffix_store::{Actor, StoreError};

use super::pull::Pull;

/// Most updates that wait for their release.
const MAX_KEPT_BACK: usize = 10_000;

/// Entries while they are worked on, as they were and as they should be.
#[derive(Default)]
struct Desk(BTreeMap<RuId, (Option<Ru>, Option<Ru>)>);

impl Desk {
    fn now(&self, id: &RuId) -> Option<&Ru> {
        self.0.get(id).and_then(|(_, now)| now.as_ref())
    }

    fn put(&mut self, ru: Ru) {
        let id = ru.id.clone();
        self.0.entry(id).or_default().1 = Some(ru);
    }

    /// What differs from what is stored.
    fn changed(self) -> Vec<(Option<Ru>, Ru)> {
        let all = self.0.into_values();
        all.filter(|(before, now)| before != now).filter_map(|(before, now)| Some((before, now?))).collect()
    }
}

impl Pull<'_> {
    /// Writes what is new in some observations, together or, if that is refused, one by one. Returns the entries as
    /// they are now, of those that changed.
    pub(super) async fn write(&mut self, said: Vec<ListingObservation>) -> Result<Vec<Ru>, StoreError> {
        let known = self.resolve(&said).await?;
        let mut desk = Desk::default();
        for observation in &said {
            self.place(observation, &known, &mut desk).await?;
        }
        let changed = desk.changed();
        let rus: Vec<Ru> = changed.iter().map(|(_, now)| now.clone()).collect();
        if rus.is_empty() {
            return Ok(rus);
        }
        match self.merge(&rus).await {
            Ok(()) => self.tell(&changed).await?,
            Err(StoreError::Invalid(_) | StoreError::InUse { .. }) => {
                for one in &changed {
                    match self.merge(std::slice::from_ref(&one.1)).await {
                        Ok(()) => self.tell(std::slice::from_ref(one)).await?,
                        Err(error @ (StoreError::Invalid(_) | StoreError::InUse { .. })) => {
                            self.report.failed(format_args!("{}: {error}", one.1.id));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(rus)
    }

    /// An update may be listed before its release: it is tried again when everything else is read.
    fn keep_back(&mut self, said: &ListingObservation) {
        self.report.kept_back += 1;
        if self.kept_back.len() < MAX_KEPT_BACK {
            self.kept_back.push(said.clone());
        }
    }

    /// Tries again what was kept back; what is still without a release stays counted.
    pub(super) async fn write_kept_back(&mut self) -> Result<(), StoreError> {
        let again = std::mem::take(&mut self.kept_back);
        if again.is_empty() {
            return Ok(());
        }
        self.report.kept_back -= again.len() as u64;
        self.write(again).await.map(drop)
    }

    async fn merge(&mut self, rus: &[Ru]) -> Result<(), StoreError> {
        let actor = Actor(format!("sync:{}", self.platform.id()));
        let report = self.store.merge_rus(rus, &actor).await?;
        self.report.written += report.created + report.updated;
        Ok(())
    }

    async fn tell(&mut self, changed: &[(Option<Ru>, Ru)]) -> Result<(), StoreError> {
        let platform = self.platform.id();
        for (before, now) in changed {
            self.report.add_news(news(before.as_ref(), now, &platform));
            if before.is_none() {
                self.propose(now).await?;
            }
        }
        Ok(())
    }

    /// The entries that some identifiers belong to.
    async fn resolve(&self, said: &[ListingObservation]) -> Result<BTreeMap<String, RuId>, StoreError> {
        let own = said.iter().flat_map(|one| one.listing.external_ids().map(str::to_owned));
        let mut ids: Vec<String> = own.chain(said.iter().filter_map(|one| one.updates.clone())).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        Ok(self.store.rus_by_external_id(&self.platform.id(), &ids).await?.into_iter().collect())
    }

    /// Joins one observation with what lies on the desk.
    async fn place(
        &mut self,
        said: &ListingObservation,
        known: &BTreeMap<String, RuId>,
        desk: &mut Desk,
    ) -> Result<(), StoreError> {
        // Lists name thousands of titles of which nothing else is known: those cost no look into the store.
        let is_known = said.listing.external_ids().any(|id| known.contains_key(id));
        if !is_known && !is_forecastable(said) {
            self.report.skipped += 1;
            return Ok(());
        }
        let Some(id) = self.identify(said, known, desk).await? else {
            self.report.failed("an observation without identifier");
            return Ok(());
        };
        let release = match &said.updates {
            Some(release) => self.release(release, known, desk).await?,
            None => None,
        };
        let context = Context { id: &id, release: release.as_ref(), companies: &self.companies };
        let Some(made) = entry(desk.now(&id), said, context) else {
            let orphan = said.kind == RuKind::Update && release.is_none() && is_forecastable(said);
            if orphan {
                self.keep_back(said);
            } else {
                self.report.skipped += 1;
            }
            return Ok(());
        };
        if self.is_fine(&made.ru) {
            desk.put(made.ru);
            for update in made.updates {
                self.lay(&update.id, desk).await?;
                let update = update_entry(desk.now(&update.id), update);
                if self.is_fine(&update) {
                    desk.put(update);
                }
            }
        }
        Ok(())
    }

    /// The release that an update names by the platform's identifier.
    async fn release(
        &self,
        external: &str,
        known: &BTreeMap<String, RuId>,
        desk: &mut Desk,
    ) -> Result<Option<RuId>, StoreError> {
        if let Some(id) = known.get(external) {
            return Ok(Some(id.clone()));
        }
        let made = ru_id(&self.platform.id(), external);
        if desk.now(&made).is_some() {
            return Ok(Some(made));
        }
        self.namesake(external, desk).await
    }

    /// An entry whose own identifier is the platform's and that the platform lists without naming another.
    async fn namesake(&self, external: &str, desk: &mut Desk) -> Result<Option<RuId>, StoreError> {
        let Ok(id) = RuId::new(external) else { return Ok(None) };
        self.lay(&id, desk).await?;
        let listing = desk.now(&id).and_then(|ru| ru.listing(&self.platform.id()));
        Ok(listing.is_some_and(|listing| listing.external_id.is_none()).then_some(id))
    }

    fn is_fine(&mut self, ru: &Ru) -> bool {
        let findings = ru.findings();
        if let Some(first) = findings.first() {
            self.report.failed(format_args!("{}: {first}", ru.id));
        }
        findings.is_empty()
    }

    /// The entry that an observation is about, laid on the desk if it is stored; its identifier if it is new.
    async fn identify(
        &self,
        said: &ListingObservation,
        known: &BTreeMap<String, RuId>,
        desk: &mut Desk,
    ) -> Result<Option<RuId>, StoreError> {
        if let Some(id) = said.listing.external_ids().find_map(|id| known.get(id)) {
            self.lay(id, desk).await?;
            return self.release_of(id, said, desk).await.map(Some);
        }
        let Some(external) = said.listing.external_id.as_deref() else { return Ok(None) };
        if let Some(id) = self.namesake(external, desk).await? {
            return Ok(Some(id));
        }
        let platform = self.platform.id();
        let id = ru_id(&platform, external);
        self.lay(&id, desk).await?;
        let is_ours = |ru: &Ru| {
            ru.listing(&platform).is_some_and(|listing| listing.external_ids().any(|one| one == external))
        };
        if desk.now(&id).is_none_or(is_ours) {
            return Ok(Some(id));
        }
        // Another title has taken the readable identifier.
        let id = distinct_id(&platform, external);
        self.lay(&id, desk).await?;
        Ok(Some(id))
    }

    /// An update of the catalogue may carry the identifier of its release: what a platform says about the title
    /// then belongs to the release.
    async fn release_of(
        &self,
        id: &RuId,
        said: &ListingObservation,
        desk: &mut Desk,
    ) -> Result<RuId, StoreError> {
        let release = desk.now(id).filter(|_| said.kind == RuKind::Release).and_then(|ru| ru.release.clone());
        let Some(release) = release else { return Ok(id.clone()) };
        self.lay(&release, desk).await?;
        let platform = self.platform.id();
        let taken =
            desk.now(&release).and_then(|ru| ru.listing(&platform)).and_then(|l| l.external_id.as_deref());
        let own = taken.is_none_or(|taken| said.listing.external_ids().any(|id| id == taken));
        Ok(if own { release } else { id.clone() })
    }

    /// Lays a stored entry on the desk, unless it is there.
    async fn lay(&self, id: &RuId, desk: &mut Desk) -> Result<(), StoreError> {
        if !desk.0.contains_key(id) {
            let stored = self.store.ru(id, None).await?.map(|found| found.value);
            desk.0.insert(id.clone(), (stored.clone(), stored));
        }
        Ok(())
    }
}
