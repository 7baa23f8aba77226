//! Spikes, their causes, and decisions about them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::Invalid;
use traffix_core::catalogue::RuId;
use uuid::Uuid;

use super::SqlStore;
use super::document::{document, from_tag, letter};
use super::names::{MAX_NAME_BYTES, check_name, check_printable, is_name};
use super::proof::teach;
use crate::db::{Engine, Letter, Micros, Statement, Tx};
use crate::{
    Actor, FoundSpike, Lesson, Outcome, OutcomeState, Page, PageRequest, Revision, Ruled, Ruling, SavedSpike,
    SpikeQuery, SpikeVerdict, Spikes, StoreError, Written,
};

type Result<T> = std::result::Result<T, StoreError>;

#[derive(FromRow)]
struct SpikeRow {
    id: Uuid,
    owner: String,
    network: String,
    scope: String,
    start_at: Micros,
    until_at: Micros,
    running: bool,
    detected_at: Micros,
    document: Json<Value>,
    explanation: Json<Option<Value>>,
    confirmed: Option<String>,
    rejected: Json<BTreeSet<RuId>>,
    decided_at: Option<Micros>,
    decided_by: Option<String>,
    rev: Revision,
    updated_at: Micros,
}

impl SpikeRow {
    fn spike(self) -> Result<SavedSpike> {
        let corrupt = |error: crate::SpikeScopeError| StoreError::Corrupt {
            entity: "spike",
            detail: format!("scope {error}"),
        };
        let found = FoundSpike {
            owner: self.owner,
            network: self.network,
            scope: self.scope.parse().map_err(corrupt)?,
            start: self.start_at.instant(),
            until: self.until_at.instant(),
            running: self.running,
            detected_at: self.detected_at.instant(),
            document: self.document.0,
        };
        let verdict = SpikeVerdict {
            confirmed: self.confirmed.map(|ru| from_tag("spike", ru)).transpose()?,
            rejected: self.rejected.0,
            decided: self.decided_at.map(Micros::instant).zip(self.decided_by),
        };
        Ok(SavedSpike {
            id: self.id,
            found,
            explanation: self.explanation.0,
            verdict,
            revision: self.rev,
            updated_at: self.updated_at.instant(),
        })
    }
}

const SPIKE: &str = "SELECT id, owner, network, scope, start_at, until_at, running, detected_at, document, \
     explanation, confirmed, rejected, decided_at, decided_by, rev, updated_at FROM spike";

/// What is no decision: nobody confirmed or rejected anything.
const UNDECIDED: &str = "confirmed IS NULL AND decided_at IS NULL";

#[async_trait]
impl Spikes for SqlStore {
    async fn put_spike(&self, spike: &FoundSpike) -> Result<(Written, SavedSpike)> {
        check(spike)?;
        let mut tx = self.begin_spikes(&spike.owner, &spike.network).await?;
        let Some(same) = the_same(&mut tx, spike).await? else {
            let saved = self.insert_spike(&mut tx, spike).await?;
            tx.commit().await?;
            return Ok((Written::Created(saved.revision), saved));
        };
        // What is kept has the precision of the store.
        let stored = |at: DateTime<Utc>| Micros::from(at).instant();
        let new = FoundSpike {
            start: stored(spike.start),
            until: stored(spike.until),
            detected_at: stored(spike.detected_at),
            ..spike.clone()
        };
        if new == same.found {
            return Ok((Written::Unchanged(same.revision), same));
        }
        let now = self.now();
        let sql = "UPDATE spike SET start_at = $2, until_at = $3, running = $4, detected_at = $5, \
             document = $6, rev = rev + 1, updated_at = $7 WHERE id = $1";
        let statement = Statement::new(sql).bind(same.id).bind(Micros::from(spike.start));
        let statement = statement.bind(Micros::from(spike.until)).bind(spike.running);
        let statement = statement.bind(Micros::from(spike.detected_at)).bind(letter(&spike.document)?);
        tx.execute(statement.bind(now)).await?;
        tx.commit().await?;
        let revision = same.revision + 1;
        let saved = SavedSpike { found: new, revision, updated_at: now.instant(), ..same };
        Ok((Written::Updated(revision), saved))
    }

    async fn end_spikes(&self, owner: &str, network: &str, seen_until: DateTime<Utc>) -> Result<u64> {
        if !is_name(owner) || !is_name(network) {
            return Ok(0);
        }
        let sql = "UPDATE spike SET running = $4, rev = rev + 1, updated_at = $5 \
             WHERE owner = $1 AND network = $2 AND running AND until_at < $3";
        let statement = Statement::new(sql).bind(owner).bind(network).bind(Micros::from(seen_until));
        self.db.execute(statement.bind(false).bind(self.now())).await
    }

    async fn explain_spike(&self, id: Uuid, after: Revision, explanation: &Value) -> Result<Revision> {
        document(explanation)?;
        let mut tx = self.db.begin().await?;
        let actual = find(&mut tx, id).await?;
        let actual = actual.ok_or_else(|| missing(id))?;
        if actual.revision != after {
            return Err(conflict(id, Some(actual.revision)));
        }
        if actual.explanation.as_ref() == Some(explanation) {
            return Ok(after);
        }
        let sql = "UPDATE spike SET explanation = $3, rev = rev + 1, updated_at = $4 \
             WHERE id = $1 AND rev = $2";
        let statement = Statement::new(sql).bind(id).bind(after).bind(letter(explanation)?);
        if tx.execute(statement.bind(self.now())).await? == 0 {
            return Err(conflict(id, None));
        }
        tx.commit().await?;
        Ok(after + 1)
    }

    async fn spikes(&self, query: &SpikeQuery, page: &PageRequest) -> Result<Page<SavedSpike>> {
        let place: Option<(i64, Uuid)> = page.place("spikes")?;
        let named = [&query.owner, &query.network].into_iter().flatten();
        if named.into_iter().any(|name| !is_name(name)) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let (at, id) = place.unwrap_or((Micros::NEVER.0, Uuid::max()));
        let mut statement = Statement::new("").bind(Micros(at)).bind(id);
        let mut conditions = vec!["(start_at, id) < ($1, $2)".to_owned()];
        let texts = [
            ("owner", query.owner.clone()),
            ("network", query.network.clone()),
            ("scope", query.scope.as_ref().map(|scope| scope.to_string().replace('\0', ""))),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                conditions.push(format!("{column} = {}", statement.placeholder(value)));
            }
        }
        for (condition, at) in [("until_at >", query.from), ("start_at <", query.until)] {
            if let Some(at) = at {
                conditions.push(format!("{condition} {}", statement.placeholder(Micros::from(at))));
            }
        }
        let open = query.open.map(|open| if open { "confirmed IS NULL" } else { "confirmed IS NOT NULL" });
        conditions.extend(open.map(str::to_owned));
        let limit = statement.placeholder(page.probe());
        let conditions = conditions.join(" AND ");
        let sql = format!("{SPIKE} WHERE {conditions} ORDER BY start_at DESC, id DESC LIMIT {limit}");
        let rows: Vec<SpikeRow> = self.db.fetch_all(statement.with_sql(sql)).await?;
        let spikes = rows.into_iter().map(SpikeRow::spike).collect::<Result<Vec<_>>>()?;
        let place = |spike: &SavedSpike| (Micros::from(spike.found.start).0, spike.id);
        Ok(Page::of_probe(spikes, page, "spikes", place))
    }

    async fn spike(&self, owner: Option<&str>, id: Uuid) -> Result<Option<SavedSpike>> {
        let statement = Statement::new(format!("{SPIKE} WHERE id = $1")).bind(id);
        let row: Option<SpikeRow> = self.db.fetch_optional(statement).await?;
        let row = row.filter(|row| owner.is_none_or(|owner| owner == row.owner));
        row.map(SpikeRow::spike).transpose()
    }

    async fn rule_spike(
        &self,
        id: Uuid,
        ruling: &Ruling,
        actor: &Actor,
        lesson: Option<(&Outcome, &Lesson)>,
    ) -> Result<Ruled> {
        let saved = self.spike(None, id).await?.ok_or_else(|| missing(id))?;
        check_lesson(&saved, ruling, lesson)?;
        let mut tx = self.begin_spikes(&saved.found.owner, &saved.found.network).await?;
        let before = find(&mut tx, id).await?.ok_or_else(|| missing(id))?;
        let Some((verdict, explanation)) = decided(&before, ruling)? else { return Ok(Ruled::Repeated) };
        let now = self.now();
        let sql = "UPDATE spike SET confirmed = $2, rejected = $3, explanation = $4, decided_at = $5, \
             decided_by = $6, rev = rev + 1, updated_at = $5 WHERE id = $1";
        let confirmed = verdict.confirmed.as_ref().map(ToString::to_string);
        let statement = Statement::new(sql).bind(id).bind(confirmed).bind(letter(&verdict.rejected)?);
        let statement = statement.bind(letter(&explanation)?).bind(now);
        tx.execute(statement.bind(actor.0.replace('\0', ""))).await?;
        let taught = match lesson {
            Some((outcome, lesson)) => teach(&mut tx, outcome, lesson, now).await?,
            None => false,
        };
        tx.commit().await?;
        Ok(if taught { Ruled::Taught } else { Ruled::Kept })
    }
}

impl SqlStore {
    /// Begins a write that compares the spikes of a network: two of them must not overlap.
    async fn begin_spikes(&self, owner: &str, network: &str) -> Result<Tx> {
        let mut tx = self.db.begin().await?;
        if tx.engine() == Engine::Postgres {
            let sql = "SELECT pg_advisory_xact_lock(hashtext('traffix spikes'), hashtext($1 || '/' || $2))";
            tx.execute(Statement::new(sql).bind(owner).bind(network)).await?;
        }
        Ok(tx)
    }

    async fn insert_spike(&self, tx: &mut Tx, spike: &FoundSpike) -> Result<SavedSpike> {
        let id = Uuid::now_v7();
        let sql = "INSERT INTO spike (id, owner, network, scope, start_at, until_at, running, detected_at, \
             document, explanation, rejected, rev, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12)";
        let nothing: Letter = letter(&Value::Null)?;
        let statement = Statement::new(sql)
            .bind(id)
            .bind(spike.owner.as_str())
            .bind(spike.network.as_str())
            .bind(spike.scope.to_string())
            .bind(Micros::from(spike.start))
            .bind(Micros::from(spike.until))
            .bind(spike.running)
            .bind(Micros::from(spike.detected_at))
            .bind(letter(&spike.document)?)
            .bind(nothing)
            .bind(letter(&BTreeSet::<RuId>::new())?)
            .bind(self.now());
        tx.execute(statement).await?;
        find(tx, id).await?.ok_or_else(|| missing(id))
    }
}

/// The kept spike that this one is, after removing undecided ones that are only a part of it.
async fn the_same(tx: &mut Tx, spike: &FoundSpike) -> Result<Option<SavedSpike>> {
    let around = |sql: String| {
        let statement = Statement::new(sql).bind(spike.owner.as_str()).bind(spike.network.as_str());
        let statement = statement.bind(spike.scope.to_string()).bind(Micros::from(spike.start));
        statement.bind(Micros::from(spike.until))
    };
    let overlaps = "WHERE owner = $1 AND network = $2 AND scope = $3 AND until_at > $4 AND start_at < $5";
    // What people have decided about is kept before all else.
    let sql = format!("{SPIKE} {overlaps} ORDER BY decided_at IS NULL, start_at, id LIMIT 1");
    let Some(row) = tx.fetch_optional::<SpikeRow>(around(sql)).await? else { return Ok(None) };
    let sql = format!("DELETE FROM spike {overlaps} AND id <> $6 AND {UNDECIDED}");
    tx.execute(around(sql).bind(row.id)).await?;
    row.spike().map(Some)
}

async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<SavedSpike>> {
    let statement = Statement::new(format!("{SPIKE} WHERE id = $1")).bind(id);
    tx.fetch_optional::<SpikeRow>(statement).await?.map(SpikeRow::spike).transpose()
}

/// Verdict and explanation after a ruling; `None` if it changes nothing.
fn decided(before: &SavedSpike, ruling: &Ruling) -> Result<Option<(SpikeVerdict, Option<Value>)>> {
    let SpikeVerdict { confirmed, rejected, .. } = &before.verdict;
    let mut after = before.verdict.clone();
    match ruling {
        Ruling::Confirm(ru) if confirmed.as_ref() == Some(ru) => Ok(None),
        Ruling::Confirm(ru) if confirmed.is_none() && !rejected.contains(ru) => {
            after.confirmed = Some(ru.clone());
            Ok(Some((after, before.explanation.clone())))
        }
        Ruling::Reject(ru) if rejected.contains(ru) => Ok(None),
        Ruling::Reject(ru) if confirmed.as_ref() != Some(ru) => {
            after.rejected.insert(ru.clone());
            Ok(Some((after, None)))
        }
        _ => Err(conflict(before.id, Some(before.revision))),
    }
}

fn check(spike: &FoundSpike) -> Result<()> {
    check_name("/owner", &spike.owner)?;
    check_name("/network", &spike.network)?;
    check_printable("/scope", &spike.scope.to_string(), MAX_NAME_BYTES + "platform:".len())?;
    document(&spike.document)?;
    if spike.start < spike.until { Ok(()) } else { Err(invalid("/until", "must be after the start")) }
}

fn check_lesson(spike: &SavedSpike, ruling: &Ruling, lesson: Option<(&Outcome, &Lesson)>) -> Result<()> {
    let Some((outcome, _)) = lesson else { return Ok(()) };
    let event = &outcome.event;
    let fits = matches!(ruling, Ruling::Confirm(ru) if *ru == event.ru)
        && outcome.state == OutcomeState::Learned
        && (event.owner == spike.found.owner && event.network == spike.found.network);
    let detail = "must be a learned one of the confirmed RU on this network";
    if fits { Ok(()) } else { Err(invalid("/outcome", detail)) }
}

fn missing(id: Uuid) -> StoreError {
    StoreError::NotFound { entity: "spike", id: id.to_string() }
}

fn conflict(id: Uuid, actual: Option<Revision>) -> StoreError {
    StoreError::Conflict { entity: "spike", id: id.to_string(), actual }
}

fn invalid(pointer: &str, detail: &str) -> StoreError {
    StoreError::Invalid(vec![Invalid::new(pointer, detail)])
}
