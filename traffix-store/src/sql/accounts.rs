//! Networks, keys and remembered answers: what belongs to the holders of keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::Invalid;

use super::SqlStore;
use super::document::{from_tag, letter, tag};
use super::names::{check_name, is_name};
use crate::db::{Engine, Micros, Statement};
use crate::{
    Expect, KeyInfo, Keys, Maintenance, Networks, NewKey, Page, PageRequest, Revision, SavedNetwork,
    StoreError, Written,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Most networks of one owner.
const MAX_NETWORKS: i64 = 1_000;
/// How long an answer is remembered, in microseconds.
const REMEMBER: i64 = 24 * 3_600 * 1_000_000;

#[derive(FromRow)]
struct NetworkRow {
    owner: String,
    id: String,
    rev: Revision,
    updated_at: Micros,
    profile: Json<Value>,
}

impl From<NetworkRow> for SavedNetwork {
    fn from(row: NetworkRow) -> Self {
        let updated_at = row.updated_at.instant();
        Self { owner: row.owner, id: row.id, profile: row.profile.0, revision: row.rev, updated_at }
    }
}

const NETWORK: &str = "SELECT owner, id, rev, updated_at, profile FROM network";

#[async_trait]
impl Networks for SqlStore {
    async fn network(&self, owner: &str, id: &str) -> Result<Option<SavedNetwork>> {
        if !is_name(owner) || !is_name(id) {
            return Ok(None);
        }
        let sql = format!("{NETWORK} WHERE owner = $1 AND id = $2");
        let row: Option<NetworkRow> =
            self.db.fetch_optional(Statement::new(sql).bind(owner).bind(id)).await?;
        Ok(row.map(SavedNetwork::from))
    }

    async fn networks(&self, owner: &str, page: &PageRequest) -> Result<Page<SavedNetwork>> {
        let after: String = page.place("networks")?.unwrap_or_default();
        if !is_name(owner) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let sql = format!("{NETWORK} WHERE owner = $1 AND id > $2 ORDER BY id LIMIT $3");
        let statement = Statement::new(sql).bind(owner).bind(after.replace('\0', "")).bind(page.probe());
        let rows: Vec<NetworkRow> = self.db.fetch_all(statement).await?;
        let networks = rows.into_iter().map(SavedNetwork::from).collect();
        Ok(Page::of_probe(networks, page, "networks", |network: &SavedNetwork| network.id.clone()))
    }

    async fn all_networks(&self, page: &PageRequest) -> Result<Page<SavedNetwork>> {
        let (owner, id): (String, String) = page.place("all-networks")?.unwrap_or_default();
        let sql = format!("{NETWORK} WHERE (owner, id) > ($1, $2) ORDER BY owner, id LIMIT $3");
        let statement = Statement::new(sql).bind(owner.replace('\0', "")).bind(id.replace('\0', ""));
        let rows: Vec<NetworkRow> = self.db.fetch_all(statement.bind(page.probe())).await?;
        let networks = rows.into_iter().map(SavedNetwork::from).collect();
        let place = |network: &SavedNetwork| (network.owner.clone(), network.id.clone());
        Ok(Page::of_probe(networks, page, "all-networks", place))
    }

    async fn put_network(&self, owner: &str, id: &str, profile: &Value, expect: Expect) -> Result<Written> {
        check_name("/owner", owner)?;
        check_name("/id", id)?;
        let mut tx = self.begin_for(owner).await?;
        let sql = format!("{NETWORK} WHERE owner = $1 AND id = $2");
        let before: Option<NetworkRow> = tx.fetch_optional(Statement::new(sql).bind(owner).bind(id)).await?;
        let actual = before.as_ref().map(|row| row.rev);
        check_expectation(id, expect, actual)?;
        if let Some(same) = before.as_ref().filter(|row| row.profile.0 == *profile) {
            return Ok(Written::Unchanged(same.rev));
        }
        if before.is_none() {
            let sql = "SELECT count(*) FROM network WHERE owner = $1";
            let count: Option<(i64,)> = tx.fetch_optional(Statement::new(sql).bind(owner)).await?;
            if count.is_some_and(|(count,)| count >= MAX_NETWORKS) {
                let detail = format!("an owner has at most {MAX_NETWORKS} networks; delete one first");
                return Err(StoreError::Invalid(vec![Invalid::new("/id", detail)]));
            }
        }
        let rev = actual.unwrap_or(0) + 1;
        let sql = "INSERT INTO network (owner, id, rev, updated_at, profile) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (owner, id) DO UPDATE SET rev = excluded.rev, updated_at = excluded.updated_at, \
             profile = excluded.profile";
        let statement =
            Statement::new(sql).bind(owner).bind(id).bind(rev).bind(self.now()).bind(letter(profile)?);
        tx.execute(statement).await?;
        tx.commit().await?;
        Ok(if actual.is_some() { Written::Updated(rev) } else { Written::Created(rev) })
    }

    async fn delete_network(&self, owner: &str, id: &str, expect: Expect) -> Result<()> {
        let missing = || StoreError::NotFound { entity: "network", id: id.to_owned() };
        if !is_name(owner) || !is_name(id) {
            return Err(missing());
        }
        let mut tx = self.begin_for(owner).await?;
        let sql = "SELECT rev FROM network WHERE owner = $1 AND id = $2";
        let before: Option<(i64,)> = tx.fetch_optional(Statement::new(sql).bind(owner).bind(id)).await?;
        let (rev,) = before.ok_or_else(missing)?;
        check_expectation(id, expect, Some(rev))?;
        let sql = "DELETE FROM network WHERE owner = $1 AND id = $2";
        tx.execute(Statement::new(sql).bind(owner).bind(id)).await?;
        tx.commit().await
    }
}

fn check_expectation(id: &str, expect: Expect, actual: Option<Revision>) -> Result<()> {
    let fine = match expect {
        Expect::Anything => true,
        Expect::Absent => actual.is_none(),
        Expect::At(revision) => actual == Some(revision),
    };
    if fine { Ok(()) } else { Err(StoreError::Conflict { entity: "network", id: id.to_owned(), actual }) }
}

impl SqlStore {
    /// Begins a write that counts or compares what one owner has: two of them must not overlap.
    async fn begin_for(&self, owner: &str) -> Result<crate::db::Tx> {
        let mut tx = self.db.begin().await?;
        if tx.engine() == Engine::Postgres {
            let sql = "SELECT pg_advisory_xact_lock(hashtext('traffix network owner'), hashtext($1))";
            tx.execute(Statement::new(sql).bind(owner)).await?;
        }
        Ok(tx)
    }
}

#[derive(FromRow)]
struct KeyRow {
    id: String,
    secret_sha256: Vec<u8>,
    name: String,
    role: String,
    created_at: Micros,
    expires_at: Option<Micros>,
    revoked_at: Option<Micros>,
}

impl KeyRow {
    fn key(self) -> Result<KeyInfo> {
        let key = NewKey {
            id: self.id,
            secret_sha256: digest("key", self.secret_sha256)?,
            name: self.name,
            role: from_tag("key", self.role)?,
            expires_at: self.expires_at.map(Micros::instant),
        };
        let revoked_at: Option<DateTime<Utc>> = self.revoked_at.map(Micros::instant);
        Ok(KeyInfo { key, created_at: self.created_at.instant(), revoked_at })
    }
}

fn digest(entity: &'static str, bytes: Vec<u8>) -> Result<[u8; 32]> {
    let corrupt =
        |bytes: Vec<u8>| StoreError::Corrupt { entity, detail: format!("a digest of {} bytes", bytes.len()) };
    bytes.try_into().map_err(corrupt)
}

const KEY: &str = "SELECT id, secret_sha256, name, role, created_at, expires_at, revoked_at FROM api_key";

#[async_trait]
impl Keys for SqlStore {
    async fn create_key(&self, key: &NewKey) -> Result<()> {
        check_name("/id", &key.id)?;
        check_name("/name", &key.name)?;
        let sql = "INSERT INTO api_key (id, secret_sha256, name, role, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
        let statement = Statement::new(sql)
            .bind(key.id.as_str())
            .bind(key.secret_sha256.as_slice())
            .bind(key.name.as_str())
            .bind(tag(&key.role))
            .bind(self.now())
            .bind(key.expires_at.map(Micros::from));
        match self.db.execute(statement).await? {
            0 => Err(StoreError::Conflict { entity: "key", id: key.id.clone(), actual: None }),
            _ => Ok(()),
        }
    }

    async fn key(&self, id: &str) -> Result<Option<KeyInfo>> {
        if !is_name(id) {
            return Ok(None);
        }
        let statement = Statement::new(format!("{KEY} WHERE id = $1")).bind(id);
        self.db.fetch_optional::<KeyRow>(statement).await?.map(KeyRow::key).transpose()
    }

    async fn keys(&self) -> Result<Vec<KeyInfo>> {
        let rows: Vec<KeyRow> =
            self.db.fetch_all(Statement::new(format!("{KEY} ORDER BY created_at, id"))).await?;
        rows.into_iter().map(KeyRow::key).collect()
    }

    async fn revoke_key(&self, id: &str) -> Result<()> {
        let missing = || StoreError::NotFound { entity: "key", id: id.to_owned() };
        if !is_name(id) {
            return Err(missing());
        }
        // The first revocation is the one that counts.
        let sql = "UPDATE api_key SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";
        match self.db.execute(Statement::new(sql).bind(id).bind(self.now())).await? {
            0 => Err(missing()),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Maintenance for SqlStore {
    async fn ping(&self) -> Result<()> {
        // A query of the schema's own, so that an empty or foreign database is not mistaken for a healthy one.
        let _: Vec<(i64,)> = self.db.fetch_all(Statement::new("SELECT seq FROM change LIMIT 1")).await?;
        Ok(())
    }

    async fn remember(&self, owner: &str, key: &str, request_sha256: [u8; 32], answer: &[u8]) -> Result<()> {
        check_name("/owner", owner)?;
        check_name("/key", key)?;
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let forgotten = Micros(now.0 - REMEMBER);
        tx.execute(Statement::new("DELETE FROM remembered_answer WHERE at <= $1").bind(forgotten)).await?;
        let sql = "INSERT INTO remembered_answer (owner, idempotency_key, request_sha256, answer, at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner, idempotency_key) DO NOTHING";
        let statement = Statement::new(sql).bind(owner).bind(key).bind(request_sha256.as_slice());
        tx.execute(statement.bind(answer).bind(now)).await?;
        tx.commit().await
    }

    async fn recall(&self, owner: &str, key: &str) -> Result<Option<([u8; 32], Vec<u8>)>> {
        if !is_name(owner) || !is_name(key) {
            return Ok(None);
        }
        let sql = "SELECT request_sha256, answer FROM remembered_answer \
             WHERE owner = $1 AND idempotency_key = $2 AND at > $3";
        let since = Micros(self.now().0 - REMEMBER);
        let statement = Statement::new(sql).bind(owner).bind(key).bind(since);
        let row: Option<(Vec<u8>, Vec<u8>)> = self.db.fetch_optional(statement).await?;
        row.map(|(request, answer)| Ok((digest("answer", request)?, answer))).transpose()
    }
}
