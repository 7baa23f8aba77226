//! Who pulls which source, how far it got, and which listings are due.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::catalogue::{PlatformId, RuId};

use super::SqlStore;
use super::document::{from_tag, letter};
use super::names::{check_name, is_name};
use crate::db::{Insert, Micros, Statement, Tx};
use crate::{Lease, ListingPull, Source, SourceState, Sources, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

#[derive(FromRow)]
struct SourceRow {
    id: String,
    state: Json<SourceState>,
    fence: i64,
    holder: Option<String>,
    until: Option<Micros>,
}

impl SourceRow {
    /// The source; a lease that has run out at `now` is none.
    fn source(self, now: Micros) -> Source {
        let lease = self.holder.zip(self.until.filter(|until| *until > now));
        let lease = lease.map(|(holder, until)| Lease {
            source: self.id.clone(),
            holder,
            fence: self.fence,
            until: until.instant(),
        });
        Source { id: self.id, state: self.state.0, lease }
    }
}

const SOURCE: &str = "SELECT id, state, fence, holder, until FROM source";

#[derive(FromRow)]
struct PullRow {
    external_id: String,
    due_at: Micros,
    succeeded_at: Option<Micros>,
    failures: i64,
}

impl PullRow {
    fn pull(self, platform: &PlatformId) -> ListingPull {
        ListingPull {
            platform: platform.clone(),
            external_id: self.external_id,
            due_at: self.due_at.instant(),
            succeeded_at: self.succeeded_at.map(Micros::instant),
            failures: u32::try_from(self.failures).unwrap_or(u32::MAX),
        }
    }
}

#[async_trait]
impl Sources for SqlStore {
    async fn lease(&self, source: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>> {
        check_name("/source", source)?;
        check_name("/holder", holder)?;
        let now = self.now();
        let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
        // An instant that is not infinite and that both engines can hold.
        let until = Micros::from(Micros(now.0.saturating_add(ttl)).instant());
        // One statement decides, so of two that ask at once one waits and then sees the other's lease.
        let sql = "INSERT INTO source (id, state, fence, holder, until) VALUES ($1, $2, 1, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until, \
             fence = source.fence + CASE WHEN source.until > $5 THEN 0 ELSE 1 END \
             WHERE source.holder IS NULL OR source.holder = excluded.holder OR source.until <= $5 \
             RETURNING fence";
        let statement = Statement::new(sql).bind(source).bind(letter(&SourceState::default())?);
        let statement = statement.bind(holder).bind(until).bind(now);
        let mut tx = self.db.begin().await?;
        let Some((fence,)) = tx.fetch_optional::<(i64,)>(statement).await? else { return Ok(None) };
        tx.commit().await?;
        let (source, holder) = (source.to_owned(), holder.to_owned());
        Ok(Some(Lease { source, holder, fence, until: until.instant() }))
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        if !is_name(&lease.source) || !is_name(&lease.holder) {
            return Ok(());
        }
        let sql =
            "UPDATE source SET holder = NULL, until = NULL WHERE id = $1 AND holder = $2 AND fence = $3";
        let statement = Statement::new(sql).bind(lease.source.as_str()).bind(lease.holder.as_str());
        self.db.execute(statement.bind(lease.fence)).await?;
        Ok(())
    }

    async fn source(&self, id: &str) -> Result<Option<Source>> {
        if !is_name(id) {
            return Ok(None);
        }
        let statement = Statement::new(format!("{SOURCE} WHERE id = $1")).bind(id);
        Ok(self.db.fetch_optional::<SourceRow>(statement).await?.map(|row| row.source(self.now())))
    }

    async fn sources(&self) -> Result<Vec<Source>> {
        let rows: Vec<SourceRow> = self.db.fetch_all(Statement::new(format!("{SOURCE} ORDER BY id"))).await?;
        let now = self.now();
        Ok(rows.into_iter().map(|row| row.source(now)).collect())
    }

    async fn put_source(&self, lease: &Lease, state: &SourceState) -> Result<()> {
        let mut tx = self.begin_under(lease).await?;
        let sql = "UPDATE source SET state = $2 WHERE id = $1";
        tx.execute(Statement::new(sql).bind(lease.source.as_str()).bind(letter(state)?)).await?;
        tx.commit().await
    }

    async fn rus_by_external_id(
        &self,
        platform: &PlatformId,
        external_ids: &[String],
    ) -> Result<Vec<(String, RuId)>> {
        let any = self.db.engine().is_any_of("e.external_id", "$2");
        // 'release' sorts before 'update'.
        let sql = format!(
            "SELECT e.external_id, e.ru FROM ru_external e CROSS JOIN ru r \
             WHERE e.platform = $1 AND {any} AND r.id = e.ru ORDER BY e.external_id, r.kind, e.ru"
        );
        let statement = Statement::new(sql).bind(platform.as_str()).bind(storable(external_ids));
        let mut rows: Vec<(String, String)> = self.db.fetch_all(statement).await?;
        rows.dedup_by(|next, first| next.0 == first.0);
        rows.into_iter().map(|(external_id, ru)| Ok((external_id, from_tag("listing", ru)?))).collect()
    }

    async fn due_listings(
        &self,
        platform: &PlatformId,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ListingPull>> {
        let sql = "SELECT DISTINCT e.external_id FROM ru_external e WHERE e.platform = $1 AND e.main \
             AND NOT EXISTS (SELECT 1 FROM listing_pull p WHERE p.platform = $1 AND p.external_id = e.external_id) \
             ORDER BY e.external_id LIMIT $2";
        let statement = Statement::new(sql).bind(platform.as_str()).bind(i64::from(limit));
        let unscheduled: Vec<(String,)> = self.db.fetch_all(statement).await?;
        let left = i64::from(limit) - i64::try_from(unscheduled.len()).unwrap_or(0);
        let fresh = |(external_id,)| ListingPull {
            platform: platform.clone(),
            external_id,
            due_at: now,
            succeeded_at: None,
            failures: 0,
        };
        let mut due: Vec<ListingPull> = unscheduled.into_iter().map(fresh).collect();
        if left > 0 {
            let sql = "SELECT external_id, due_at, succeeded_at, failures FROM listing_pull \
                 WHERE platform = $1 AND due_at <= $2 ORDER BY due_at, external_id LIMIT $3";
            let statement = Statement::new(sql).bind(platform.as_str()).bind(Micros::from(now)).bind(left);
            let rows: Vec<PullRow> = self.db.fetch_all(statement).await?;
            due.extend(rows.into_iter().map(|row| row.pull(platform)));
        }
        Ok(due)
    }

    async fn schedule_listings(&self, lease: &Lease, pulls: &[ListingPull]) -> Result<()> {
        // Of an identifier that comes twice, the last word counts.
        let mut by_platform: BTreeMap<&str, BTreeMap<&str, &ListingPull>> = BTreeMap::new();
        for pull in pulls {
            by_platform.entry(pull.platform.as_str()).or_default().insert(&pull.external_id, pull);
        }
        let mut tx = self.begin_under(lease).await?;
        for (platform, pulls) in by_platform {
            schedule(&mut tx, platform, &pulls).await?;
        }
        tx.commit().await
    }
}

impl SqlStore {
    /// Begins a write that is refused unless `lease` holds, and during which nobody else can take it.
    async fn begin_under(&self, lease: &Lease) -> Result<Tx> {
        let lost = |actual| StoreError::Conflict { entity: "lease", id: lease.source.clone(), actual };
        if !is_name(&lease.source) || !is_name(&lease.holder) {
            return Err(lost(None));
        }
        let mut tx = self.db.begin().await?;
        // Writing the row, even unchanged, locks it until the commit.
        let sql =
            "UPDATE source SET fence = fence WHERE id = $1 AND holder = $2 AND fence = $3 AND until > $4";
        let statement = Statement::new(sql).bind(lease.source.as_str()).bind(lease.holder.as_str());
        if tx.execute(statement.bind(lease.fence).bind(self.now())).await? > 0 {
            return Ok(tx);
        }
        let sql = "SELECT fence FROM source WHERE id = $1";
        let now: Option<(i64,)> = tx.fetch_optional(Statement::new(sql).bind(lease.source.as_str())).await?;
        Err(lost(now.map(|(fence,)| fence)))
    }
}

async fn schedule(tx: &mut Tx, platform: &str, pulls: &BTreeMap<&str, &ListingPull>) -> Result<()> {
    let any = tx.engine().is_any_of("external_id", "$2");
    let sql = format!("SELECT DISTINCT external_id FROM ru_external WHERE platform = $1 AND main AND {any}");
    let ids: Vec<String> = pulls.keys().map(ToString::to_string).collect();
    let known: Vec<(String,)> = tx.fetch_all(Statement::new(sql).bind(platform).bind(storable(&ids))).await?;
    let columns = &["platform", "external_id", "due_at", "succeeded_at", "failures"];
    let mut rows = Insert::new("listing_pull", columns).suffix(
        "ON CONFLICT (platform, external_id) DO UPDATE SET due_at = excluded.due_at, \
         succeeded_at = excluded.succeeded_at, failures = excluded.failures",
    );
    for pull in known.iter().filter_map(|(id,)| pulls.get(id.as_str())) {
        rows.push(vec![
            platform.into(),
            pull.external_id.as_str().into(),
            Micros::from(pull.due_at).into(),
            pull.succeeded_at.map(Micros::from).into(),
            i64::from(pull.failures).into(),
        ]);
    }
    tx.insert(rows).await?;
    Ok(())
}

/// Without the texts that PostgreSQL cannot hold: no listing has them.
fn storable(external_ids: &[String]) -> Vec<String> {
    external_ids.iter().filter(|id| !id.contains('\0')).cloned().collect()
}
