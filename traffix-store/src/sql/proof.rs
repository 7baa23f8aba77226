//! Frozen forecasts, outcomes of events, and what they taught.

use async_trait::async_trait;
use chrono::NaiveDate;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::Invalid;
use uuid::Uuid;

use super::SqlStore;
use super::document::{from_tag, letter, tag};
use super::forecasts::{freeze, of_day};
use super::names::{check_name, is_name};
use crate::db::{Micros, Statement, Tx};
use crate::{
    Event, Frozen, FrozenQuery, Lesson, Outcome, OutcomeState, Page, PageRequest, Proof, Revision,
    SavedLearned, StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

#[derive(FromRow)]
struct FrozenRow {
    id: Uuid,
    owner: String,
    network: String,
    ru: String,
    release_day: Micros,
    lead: String,
    release_at: Micros,
    due_at: Micros,
    late: bool,
    score: Option<Json<Value>>,
    made_at: Micros,
    model_version: String,
    state: Option<String>,
    at: Option<Micros>,
    document: Option<Json<Value>>,
}

impl FrozenRow {
    fn frozen(self) -> Result<Frozen> {
        let freeze = freeze(self.lead, (self.release_day, self.release_at, self.due_at), self.late)?;
        let event = event((self.owner, self.network, self.ru), self.release_day)?;
        let outcome = self.state.zip(self.at).zip(self.document);
        let outcome = outcome.map(|((state, at), document)| -> Result<Outcome> {
            let state = from_tag("outcome", state)?;
            Ok(Outcome { event: event.clone(), state, at: at.instant(), document: document.0 })
        });
        Ok(Frozen {
            id: self.id,
            made_at: self.made_at.instant(),
            model_version: self.model_version,
            freeze,
            score: self.score.map(|score| score.0),
            outcome: outcome.transpose()?,
            event,
        })
    }

    /// Where it stands in the list.
    fn place(frozen: &Frozen) -> (i64, Uuid) {
        (Micros::from(frozen.freeze.due_at).0, frozen.id)
    }
}

fn event((owner, network, ru): (String, String, String), release_day: Micros) -> Result<Event> {
    let release_day = release_day.instant().date_naive();
    Ok(Event { owner, network, ru: from_tag("event", ru)?, release_day })
}

const FROZEN: &str = "SELECT z.id, z.owner, z.network, z.ru, z.release_day, z.lead, z.release_at, z.due_at, z.late, \
     z.score, f.made_at, f.model_version, o.state, o.at, o.document \
     FROM frozen z JOIN forecast f ON f.id = z.id LEFT JOIN outcome o ON o.owner = z.owner \
     AND o.network = z.network AND o.ru = z.ru AND o.release_day = z.release_day";

#[async_trait]
impl Proof for SqlStore {
    async fn frozen(&self, query: &FrozenQuery, page: &PageRequest) -> Result<Page<Frozen>> {
        let place: Option<(i64, Uuid)> = page.place("frozen")?;
        let named = [&query.owner, &query.network].into_iter().flatten();
        if named.into_iter().any(|name| !is_name(name)) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let (at, id) = place.unwrap_or((Micros::NEVER.0, Uuid::max()));
        let mut statement = Statement::new("").bind(Micros(at)).bind(id);
        let mut conditions = vec!["(z.due_at, z.id) < ($1, $2)".to_owned()];
        let texts = [
            ("z.owner", query.owner.clone()),
            ("z.network", query.network.clone()),
            ("z.ru", query.ru.as_ref().map(ToString::to_string)),
            ("z.lead", query.lead.as_ref().map(tag)),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                conditions.push(format!("{column} = {}", statement.placeholder(value)));
            }
        }
        if let Some(day) = query.release_day {
            conditions.push(format!("z.release_day = {}", statement.placeholder(of_day(day))));
        }
        let limit = statement.placeholder(page.probe());
        let conditions = conditions.join(" AND ");
        let sql = format!("{FROZEN} WHERE {conditions} ORDER BY z.due_at DESC, z.id DESC LIMIT {limit}");
        let rows: Vec<FrozenRow> = self.db.fetch_all(statement.with_sql(sql)).await?;
        let frozen = rows.into_iter().map(FrozenRow::frozen).collect::<Result<Vec<_>>>()?;
        Ok(Page::of_probe(frozen, page, "frozen", FrozenRow::place))
    }

    async fn open_events(&self, until: NaiveDate, after: Option<&Event>, limit: u32) -> Result<Vec<Event>> {
        let mut statement = Statement::new("").bind(of_day(until)).bind(i64::from(limit));
        let mut sql = "SELECT DISTINCT z.owner, z.network, z.ru, z.release_day FROM frozen z \
             WHERE z.release_day <= $1 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.owner = z.owner \
             AND o.network = z.network AND o.ru = z.ru AND o.release_day = z.release_day \
             AND o.state <> 'pending')"
            .to_owned();
        if let Some(after) = after {
            statement = statement
                .bind(of_day(after.release_day))
                .bind(after.owner.replace('\0', ""))
                .bind(after.network.replace('\0', ""))
                .bind(after.ru.as_str());
            sql += " AND (z.release_day, z.owner, z.network, z.ru) > ($3, $4, $5, $6)";
        }
        sql += " ORDER BY z.release_day, z.owner, z.network, z.ru LIMIT $2";
        let rows: Vec<(String, String, String, Micros)> = self.db.fetch_all(statement.with_sql(sql)).await?;
        rows.into_iter().map(|(owner, network, ru, day)| event((owner, network, ru), day)).collect()
    }

    async fn outcome(&self, event: &Event) -> Result<Option<Outcome>> {
        if !is_name(&event.owner) || !is_name(&event.network) {
            return Ok(None);
        }
        let sql = "SELECT state, at, document FROM outcome \
             WHERE owner = $1 AND network = $2 AND ru = $3 AND release_day = $4";
        let row: Option<(String, Micros, Json<Value>)> =
            self.db.fetch_optional(about(Statement::new(sql), event)).await?;
        let Some((state, at, document)) = row else { return Ok(None) };
        let state = from_tag("outcome", state)?;
        Ok(Some(Outcome { event: event.clone(), state, at: at.instant(), document: document.0 }))
    }

    async fn settle(
        &self,
        outcome: &Outcome,
        scores: &[(Uuid, Value)],
        lesson: Option<&Lesson>,
    ) -> Result<()> {
        let event = &outcome.event;
        check_name("/owner", &event.owner)?;
        check_name("/network", &event.network)?;
        if lesson.is_some() != (outcome.state == OutcomeState::Learned) {
            return Err(invalid("/state", "an event is learned exactly if it teaches something"));
        }
        let mut tx = self.db.begin().await?;
        if !close(&mut tx, outcome).await? {
            return Err(StoreError::Conflict { entity: "event", id: event.ru.to_string(), actual: None });
        }
        for (id, score) in scores {
            let sql = "UPDATE frozen SET score = $6 WHERE owner = $1 AND network = $2 AND ru = $3 \
                 AND release_day = $4 AND id = $5 AND NOT late";
            let statement = about(Statement::new(sql), event).bind(*id).bind(letter(score)?);
            if tx.execute(statement).await? == 0 {
                let detail = format!("{id} is no forecast of this event that was frozen in time");
                return Err(invalid("/scores", &detail));
            }
        }
        if let Some(lesson) = lesson {
            learn(&mut tx, event, lesson, self.now()).await?;
        }
        tx.commit().await
    }

    async fn learned(&self, owner: &str, network: &str) -> Result<Option<SavedLearned>> {
        if !is_name(owner) || !is_name(network) {
            return Ok(None);
        }
        let sql = "SELECT rev, updated_at, document FROM learned WHERE owner = $1 AND network = $2";
        let row: Option<(Revision, Micros, Json<Value>)> =
            self.db.fetch_optional(Statement::new(sql).bind(owner).bind(network)).await?;
        Ok(row.map(|(revision, at, document)| SavedLearned {
            document: document.0,
            revision,
            updated_at: at.instant(),
        }))
    }
}

/// Binds what identifies an event as the first four parameters.
fn about(statement: Statement, event: &Event) -> Statement {
    let statement = statement.bind(event.owner.as_str()).bind(event.network.as_str());
    statement.bind(event.ru.as_str()).bind(of_day(event.release_day))
}

/// Writes the outcome of an event unless it is settled; whether it did.
async fn close(tx: &mut Tx, outcome: &Outcome) -> Result<bool> {
    // One statement decides, so of two that settle an event at once one waits and then finds it settled.
    let sql = "INSERT INTO outcome (owner, network, ru, release_day, state, at, document) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (owner, network, ru, release_day) DO UPDATE \
         SET state = excluded.state, at = excluded.at, document = excluded.document \
         WHERE outcome.state = 'pending'";
    let statement = about(Statement::new(sql), &outcome.event).bind(tag(&outcome.state));
    let statement = statement.bind(Micros::from(outcome.at)).bind(letter(&outcome.document)?);
    Ok(tx.execute(statement).await? > 0)
}

/// Settles an event as learned, with its lesson, unless it is settled; whether it did.
pub(super) async fn teach(tx: &mut Tx, outcome: &Outcome, lesson: &Lesson, now: Micros) -> Result<bool> {
    if !close(tx, outcome).await? {
        return Ok(false);
    }
    learn(tx, &outcome.event, lesson, now).await?;
    Ok(true)
}

/// Writes a state of learning if it follows the one that is stored.
async fn learn(tx: &mut Tx, event: &Event, lesson: &Lesson, now: Micros) -> Result<()> {
    let sql = match lesson.after {
        None => {
            "INSERT INTO learned (owner, network, document, updated_at, rev) VALUES ($1, $2, $3, $4, 1) \
             ON CONFLICT (owner, network) DO NOTHING"
        }
        Some(_) => {
            "UPDATE learned SET document = $3, updated_at = $4, rev = rev + 1 \
             WHERE owner = $1 AND network = $2 AND rev = $5"
        }
    };
    let statement = Statement::new(sql).bind(event.owner.as_str()).bind(event.network.as_str());
    let statement = statement.bind(letter(&lesson.document)?).bind(now);
    let statement = lesson.after.into_iter().fold(statement, Statement::bind);
    if tx.execute(statement).await? == 0 {
        let sql = "SELECT rev FROM learned WHERE owner = $1 AND network = $2";
        let statement = Statement::new(sql).bind(event.owner.as_str()).bind(event.network.as_str());
        let actual: Option<(Revision,)> = tx.fetch_optional(statement).await?;
        let (id, actual) = (event.network.clone(), actual.map(|(rev,)| rev));
        return Err(StoreError::Conflict { entity: "state of learning", id, actual });
    }
    Ok(())
}

fn invalid(pointer: &str, detail: &str) -> StoreError {
    StoreError::Invalid(vec![Invalid::new(pointer, detail)])
}
