//! Kept forecasts, and those among them that were frozen before a release.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::catalogue::RuId;
use uuid::Uuid;

use super::SqlStore;
use super::document::{from_tag, letter, tag};
use super::names::{check_name, is_name};
use crate::db::{Micros, Statement, Tx};
use crate::{Forecasts, Freeze, Page, PageRequest, SavedForecast, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

#[derive(FromRow)]
struct ForecastRow {
    id: Uuid,
    ru: String,
    network: String,
    made_at: Micros,
    model_version: String,
    input: Json<Value>,
    output: Json<Value>,
    lead: Option<String>,
    release_day: Option<Micros>,
    release_at: Option<Micros>,
    due_at: Option<Micros>,
    late: Option<bool>,
}

impl ForecastRow {
    fn forecast(self) -> Result<SavedForecast> {
        let marks = self.release_day.zip(self.release_at).zip(self.due_at).zip(self.late);
        let frozen = self.lead.zip(marks).map(|(lead, (((release_day, release_at), due_at), late))| {
            freeze(lead, (release_day, release_at, due_at), late)
        });
        Ok(SavedForecast {
            id: self.id,
            ru: from_tag("forecast", self.ru)?,
            network: self.network,
            made_at: self.made_at.instant(),
            model_version: self.model_version,
            input: self.input.0,
            output: self.output.0,
            frozen: frozen.transpose()?,
        })
    }
}

/// The mark of a frozen forecast from its columns: lead, day and instant of the release, when it was due, lateness.
pub(super) fn freeze(
    lead: String,
    (release_day, release_at, due_at): (Micros, Micros, Micros),
    late: bool,
) -> Result<Freeze> {
    Ok(Freeze {
        lead: from_tag("frozen forecast", lead)?,
        release_day: release_day.instant().date_naive(),
        release_at: release_at.instant(),
        due_at: due_at.instant(),
        late,
    })
}

/// A day as it is stored: its first instant.
pub(super) fn of_day(day: NaiveDate) -> Micros {
    let at: DateTime<Utc> = day.and_time(chrono::NaiveTime::MIN).and_utc();
    Micros::from(at)
}

const FORECAST: &str = "SELECT f.id, f.ru, f.network, f.made_at, f.model_version, f.input, f.output, \
     z.lead, z.release_day, z.release_at, z.due_at, z.late FROM forecast f LEFT JOIN frozen z ON z.id = f.id";

#[async_trait]
impl Forecasts for SqlStore {
    async fn save_forecast(&self, owner: &str, forecast: &SavedForecast) -> Result<()> {
        check_name("/owner", owner)?;
        check_name("/network", &forecast.network)?;
        check_name("/model_version", &forecast.model_version)?;
        let sql = "INSERT INTO forecast (id, owner, ru, network, made_at, model_version, input, output) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
        let statement = Statement::new(sql)
            .bind(forecast.id)
            .bind(owner)
            .bind(forecast.ru.as_str())
            .bind(forecast.network.as_str())
            .bind(Micros::from(forecast.made_at))
            .bind(forecast.model_version.as_str())
            .bind(letter(&forecast.input)?)
            .bind(letter(&forecast.output)?);
        let taken = |entity| StoreError::Conflict { entity, id: forecast.id.to_string(), actual: None };
        let mut tx = self.db.begin().await?;
        if tx.execute(statement).await? == 0 {
            return Err(taken("forecast"));
        }
        if let Some(freeze) = &forecast.frozen
            && mark(&mut tx, owner, forecast, freeze).await? == 0
        {
            return Err(taken("frozen forecast"));
        }
        tx.commit().await
    }

    async fn forecast(&self, owner: &str, id: Uuid) -> Result<Option<SavedForecast>> {
        if !is_name(owner) {
            return Ok(None);
        }
        let statement =
            Statement::new(format!("{FORECAST} WHERE f.owner = $1 AND f.id = $2")).bind(owner).bind(id);
        self.db.fetch_optional::<ForecastRow>(statement).await?.map(ForecastRow::forecast).transpose()
    }

    async fn forecasts(&self, owner: &str, ru: &RuId, page: &PageRequest) -> Result<Page<SavedForecast>> {
        let place: Option<(i64, Uuid)> = page.place("forecasts")?;
        if !is_name(owner) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let (at, id) = place.unwrap_or((Micros::NEVER.0, Uuid::max()));
        let sql = "WHERE f.owner = $1 AND f.ru = $2 AND (f.made_at, f.id) < ($3, $4) \
             ORDER BY f.made_at DESC, f.id DESC LIMIT $5";
        let statement = Statement::new(format!("{FORECAST} {sql}")).bind(owner).bind(ru.as_str());
        let statement = statement.bind(Micros(at)).bind(id).bind(page.probe());
        let rows: Vec<ForecastRow> = self.db.fetch_all(statement).await?;
        let forecasts = rows.into_iter().map(ForecastRow::forecast).collect::<Result<Vec<_>>>()?;
        let place = |forecast: &SavedForecast| (Micros::from(forecast.made_at).0, forecast.id);
        Ok(Page::of_probe(forecasts, page, "forecasts", place))
    }
}

/// Marks a forecast as frozen, unless another one of the event and lead is.
async fn mark(tx: &mut Tx, owner: &str, forecast: &SavedForecast, freeze: &Freeze) -> Result<u64> {
    let sql = "INSERT INTO frozen (id, owner, network, ru, release_day, lead, release_at, due_at, late) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (owner, network, ru, release_day, lead) DO NOTHING";
    let statement = Statement::new(sql)
        .bind(forecast.id)
        .bind(owner)
        .bind(forecast.network.as_str())
        .bind(forecast.ru.as_str())
        .bind(of_day(freeze.release_day))
        .bind(tag(&freeze.lead))
        .bind(Micros::from(freeze.release_at))
        .bind(Micros::from(freeze.due_at))
        .bind(freeze.late);
    tx.execute(statement).await
}
