//! Lists of prefixes.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::json;
use sqlx::FromRow;
use traffix_core::Invalid;
use traffix_core::delivery::{Asn, Origin};

use super::{BATCH, MAX_FINDINGS, Result, count, gives_way};
use crate::db::{Db, Insert, Net, Statement};
use crate::sql::SqlStore;
use crate::sql::document::{document, from_tag, tag};
use crate::sql::log::{Entry, Writer};
use crate::{Actor, CdnPrefix, EntityKind, ImportReport, Page, PageRequest, PrefixQuery, StoreError};

/// Longest name of a source.
const MAX_SOURCE_BYTES: usize = 2_000;

const SELECT: &str =
    "SELECT p.net, p.cdn, p.source, p.asn, p.kind, p.tenancy, p.observed FROM cdn_prefix p WHERE";

#[derive(FromRow)]
struct PrefixRow {
    net: Net,
    cdn: String,
    source: String,
    asn: Option<i64>,
    kind: String,
    tenancy: String,
    observed: Option<String>,
}

impl PrefixRow {
    fn prefix(self) -> Result<CdnPrefix> {
        let asn = self.asn.map(|asn| from_json("asn", json!(asn))).transpose()?;
        let origin = Origin {
            cdn: from_tag("prefix", self.cdn)?,
            asn: asn.map(Asn),
            kind: from_tag("prefix", self.kind)?,
            tenancy: from_tag("prefix", self.tenancy)?,
            source: self.source.into(),
            observed: self.observed.map(|date| from_tag("prefix", date)).transpose()?,
        };
        Ok(CdnPrefix { prefix: self.net.prefix(), origin })
    }
}

fn from_json<T: serde::de::DeserializeOwned>(entity: &'static str, value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt { entity, detail: error.to_string() })
}

/// What makes an entry the same entry, in the order of the list.
type Key<'a> = (Net, &'a str, &'a str);

fn key(entry: &CdnPrefix) -> Key<'_> {
    (Net::from(entry.prefix), entry.origin.cdn.as_str(), &entry.origin.source)
}

pub(super) async fn put(store: &SqlStore, prefixes: &[CdnPrefix], actor: &Actor) -> Result<ImportReport> {
    check(prefixes)?;
    let mut unique: BTreeMap<Key<'_>, &Origin> = BTreeMap::new();
    for entry in prefixes {
        let earlier = unique.get(&key(entry));
        if earlier.is_none_or(|earlier| gives_way(earlier.observed, entry.origin.observed)) {
            unique.insert(key(entry), &entry.origin);
        }
    }
    let unique: Vec<_> = unique.into_iter().collect();
    let mut report = ImportReport { read: count(prefixes.len()), ..ImportReport::default() };
    let mut changed = BTreeMap::new();
    let mut writer = Writer::begin(store, actor).await?;
    for batch in unique.chunks(BATCH) {
        put_batch(&mut writer, batch, &mut changed).await?;
    }
    report.created = changed.values().map(|(created, _)| created).sum();
    report.updated = changed.values().map(|(_, updated)| updated).sum();
    report.unchanged = report.read - report.created - report.updated;
    if !changed.is_empty() {
        log(&mut writer, &changed).await?;
        writer.commit().await?;
    }
    Ok(report)
}

fn check(prefixes: &[CdnPrefix]) -> Result<()> {
    let bad =
        |source: &str| source.trim().is_empty() || source.len() > MAX_SOURCE_BYTES || source.contains('\0');
    let found = prefixes.iter().enumerate().filter(|(_, entry)| bad(&entry.origin.source)).map(|(i, _)| {
        let detail = format!("must name the source, in at most {MAX_SOURCE_BYTES} bytes");
        Invalid::new(format!("/{i}/origin/source"), detail)
    });
    let found: Vec<Invalid> = found.take(MAX_FINDINGS).collect();
    if found.is_empty() { Ok(()) } else { Err(StoreError::Invalid(found)) }
}

/// How many entries of a CDN came and changed.
type Counts = (u64, u64);

async fn put_batch<'a>(
    writer: &mut Writer,
    batch: &[(Key<'a>, &'a Origin)],
    changed: &mut BTreeMap<&'a str, Counts>,
) -> Result<()> {
    let mut statement = Statement::new("");
    let nets: Vec<String> = batch.iter().map(|((net, _, _), _)| statement.placeholder(*net)).collect();
    let statement = statement.with_sql(format!("{SELECT} p.net IN ({})", nets.join(",")));
    let stored: Vec<PrefixRow> = writer.tx.fetch_all(statement).await?;
    let stored = stored.into_iter().map(PrefixRow::prefix).collect::<Result<Vec<_>>>()?;
    let stored: BTreeMap<Key<'_>, &Origin> = stored.iter().map(|entry| (key(entry), &entry.origin)).collect();
    let columns = &["net", "cdn", "source", "asn", "kind", "tenancy", "observed"];
    let mut rows = Insert::new("cdn_prefix", columns).suffix(
        "ON CONFLICT (net, cdn, source) DO UPDATE SET asn = excluded.asn, kind = excluded.kind, \
         tenancy = excluded.tenancy, observed = excluded.observed",
    );
    for (key, origin) in batch {
        let before = stored.get(key);
        if before.is_some_and(|old| old == origin || !gives_way(old.observed, origin.observed)) {
            continue;
        }
        let (created, updated) = changed.entry(key.1).or_default();
        if before.is_some() {
            *updated += 1;
        } else {
            *created += 1;
        }
        rows.push(vec![
            key.0.into(),
            key.1.into(),
            key.2.into(),
            origin.asn.map(|asn| i64::from(asn.0)).into(),
            tag(&origin.kind).into(),
            tag(&origin.tenancy).into(),
            origin.observed.map(|date| date.to_string()).into(),
        ]);
    }
    writer.tx.insert(rows).await?;
    Ok(())
}

/// One change a CDN: its prefixes changed, so whoever holds a table of them builds it anew.
async fn log(writer: &mut Writer, changed: &BTreeMap<&str, Counts>) -> Result<()> {
    let ids: Vec<String> = changed.keys().map(ToString::to_string).collect();
    let any = writer.tx.engine().is_any_of("id", "$1");
    let sql = format!("SELECT id, max(seq) FROM change WHERE entity = 'prefixes' AND {any} GROUP BY id");
    let before: Vec<(String, i64)> = writer.tx.fetch_all(Statement::new(sql).bind(ids)).await?;
    let before: BTreeMap<String, i64> = before.into_iter().collect();
    let mut entries = Vec::new();
    for (cdn, (created, updated)) in changed {
        let doc = document(&json!({"created": created, "updated": updated}))?;
        entries.push(Entry {
            entity: EntityKind::Prefixes,
            id: cdn,
            prev: before.get(*cdn).copied(),
            doc: Some(doc),
        });
    }
    writer.append(entries).await.map(|_| ())
}

pub(super) async fn list(db: &Db, query: &PrefixQuery, page: &PageRequest) -> Result<Page<CdnPrefix>> {
    let after: Option<(IpNet, String, String)> = page.place("prefixes")?;
    let mut statement = Statement::new("");
    let mut conditions = vec!["p.cdn IS NOT NULL".to_owned()];
    if let Some((net, cdn, source)) = after {
        let net = statement.placeholder(Net::from(net));
        let (cdn, source) = (cdn.replace('\0', ""), source.replace('\0', ""));
        let (cdn, source) = (statement.placeholder(cdn), statement.placeholder(source));
        conditions.push(format!("(p.net, p.cdn, p.source) > ({net}, {cdn}, {source})"));
    }
    if let Some(cdn) = &query.cdn {
        let cdn = statement.placeholder(cdn.as_str());
        conditions.push(format!("p.cdn = {cdn}"));
    }
    if let Some(platform) = &query.platform {
        let platform = statement.placeholder(platform.as_str());
        conditions.push(format!(
            "p.cdn IN (SELECT a.cdn FROM assertion a WHERE a.platform = {platform} AND a.status <> 'historical')"
        ));
    }
    if let Some(address) = query.containing {
        let nets: Vec<_> =
            Net::containing(address).into_iter().map(|net| statement.placeholder(net)).collect();
        conditions.push(format!("p.net IN ({})", nets.join(",")));
    }
    let limit = statement.placeholder(page.probe());
    let conditions = conditions.join(" AND ");
    let statement =
        statement.with_sql(format!("{SELECT} {conditions} ORDER BY p.net, p.cdn, p.source LIMIT {limit}"));
    let rows: Vec<PrefixRow> = db.fetch_all(statement).await?;
    let prefixes = rows.into_iter().map(PrefixRow::prefix).collect::<Result<Vec<_>>>()?;
    let place =
        |entry: &CdnPrefix| (entry.prefix, entry.origin.cdn.to_string(), entry.origin.source.to_string());
    Ok(Page::of_probe(prefixes, page, "prefixes", place))
}
