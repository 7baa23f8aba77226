//! The `ClickHouse` of Akvorado as a source.
//!
//! Only the table `flows` has addresses: those that Akvorado aggregates (`flows_1m0s` and so on) drop them. A [`Query`] has
//! the database sum bytes by bin, router, interface and sender, so no subscriber's address leaves it; [`Rows`] reads the
//! answer and makes a batch of it, whose identifier says what was asked.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::num::NonZeroU32;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use traffix_core::measurement::Batch;
use traffix_core::network::Network;

use super::ForeignError;
use super::lines::{Line, Lines};
use crate::collector::{Config, Stage, Stats, Watch};
use crate::flow::Flow;

/// What is shown of an answer that is no row.
const SHOWN_CHARS: usize = 300;

/// Which sums are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The table, with its database if it is not the default one.
    table: String,
    /// First second, and the one after the last.
    range: (i64, i64),
    step_secs: NonZeroU32,
    /// Where flows must go to; everywhere if empty.
    inside: Vec<IpNet>,
    /// Whether the table says which way a flow was seen.
    has_direction: bool,
}

/// A table that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A name that would have to be quoted.
    #[error("{0:?} is no table: write for example flows or default.flows")]
    Table(String),
    /// An answer to [`columns`] without a column that is needed.
    #[error("the table has no column {0}: only Akvorado's table `flows` has what is needed")]
    Column(&'static str),
}

/// Columns that are needed.
const NEEDED: [&str; 8] = [
    "TimeReceived",
    "SamplingRate",
    "ExporterAddress",
    "SrcAddr",
    "DstAddr",
    "InIfName",
    "InIfBoundary",
    "Bytes",
];
/// Longest range of one question: what is counted together must fit into the counters.
const MAX_RANGE_SECS: i64 = 3600;

/// What to ask first: the names of a table's columns, one a line.
///
/// # Errors
/// [`QueryError::Table`].
pub fn columns(table: &str) -> Result<String, QueryError> {
    Ok(format!("DESCRIBE TABLE {} FORMAT TabSeparated", checked(table)?))
}

fn checked(table: &str) -> Result<&str, QueryError> {
    let word = |word: &str| {
        !word.is_empty() && word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let words: Vec<&str> = table.split('.').collect();
    let is_name = words.len() <= 2 && words.into_iter().all(word);
    if is_name { Ok(table) } else { Err(QueryError::Table(table.chars().take(SHOWN_CHARS).collect())) }
}

impl Query {
    /// Sums of a network. `columns` is the answer to [`columns`].
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn new(table: &str, columns: &str, network: &Network, config: &Config) -> Result<Self, QueryError> {
        let names: Vec<&str> = columns.lines().filter_map(|line| line.split('\t').next()).collect();
        if let Some(missing) = NEEDED.iter().find(|name| !names.contains(name)) {
            return Err(QueryError::Column(missing));
        }
        let caches = network.links.iter().flat_map(|link| &link.prefixes);
        let inside = if network.prefixes.is_empty() {
            Vec::new()
        } else {
            network.prefixes.iter().chain(caches).map(IpNet::trunc).collect()
        };
        Ok(Self {
            table: checked(table)?.to_owned(),
            range: (0, 0),
            step_secs: config.timing.step_secs,
            inside,
            has_direction: names.contains(&"FlowDirection"),
        })
    }

    /// The same for a range of time: seconds since 1970, the first and the one after the last. They are moved to the start
    /// of their bins; what is longer than an hour is cut there.
    #[must_use]
    pub fn range(&self, from_secs: i64, until_secs: i64) -> Self {
        let start = |secs: i64| secs - secs.rem_euclid(i64::from(self.step_secs.get()));
        let from = start(from_secs);
        let until = start(until_secs).min(from.saturating_add(MAX_RANGE_SECS));
        Self { range: (from, until), ..self.clone() }
    }

    /// The question in SQL. Of flows whose interface Akvorado knows to be internal nothing is counted.
    pub fn sql(&self) -> String {
        let Self { table, range: (from, until), step_secs, .. } = self;
        let mut sql = format!(
            "SELECT toUnixTimestamp(TimeReceived) - toUnixTimestamp(TimeReceived) % {step_secs} AS bin, \
             toString(ExporterAddress) AS exporter, toString(InIfName) AS interface, toString(SrcAddr) AS source, \
             sum(Bytes * greatest(SamplingRate, 1)) AS bytes, count() AS flows FROM {table} \
             WHERE TimeReceived >= toDateTime({from}) AND TimeReceived < toDateTime({until}) \
             AND InIfBoundary != 'internal'"
        );
        if self.has_direction {
            sql.push_str(" AND FlowDirection != 'egress'");
        }
        if !self.inside.is_empty() {
            let ranges = self.inside.iter().map(|net| {
                let [first, last] = [net.network(), net.broadcast()].map(|address| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped(),
                    IpAddr::V6(address) => address,
                });
                format!("DstAddr BETWEEN toIPv6('{first}') AND toIPv6('{last}')")
            });
            let _ = write!(sql, " AND ({})", ranges.collect::<Vec<_>>().join(" OR "));
        }
        sql.push_str(" GROUP BY bin, exporter, interface, source FORMAT JSONEachRow");
        sql
    }

    /// Identifies the answer, so that it is counted once: where was asked, for which network, and what.
    fn batch_id(&self, place: &str, network: &str) -> String {
        let mut hash = Sha256::new();
        for part in [place, network, &self.table] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.step_secs.get().to_be_bytes());
        let mut id = String::from("akvorado/");
        for byte in &hash.finalize()[..8] {
            let _ = write!(id, "{byte:02x}");
        }
        let (from, until) = self.range;
        let _ = write!(id, "/{from}-{until}");
        id
    }
}

/// One row of an answer.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(deserialize_with = "number")]
    bin: u64,
    exporter: IpAddr,
    interface: String,
    source: IpAddr,
    #[serde(deserialize_with = "number")]
    bytes: u64,
    #[serde(deserialize_with = "number")]
    flows: u64,
}

/// A number, which `ClickHouse` puts into quotes if it has 64 bits and the server is set so.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Plain(u64),
        Quoted(String),
    }
    match Number::deserialize(from)? {
        Number::Plain(number) => Ok(number),
        Number::Quoted(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// The answer to a [`Query`], as it comes in.
#[derive(Debug)]
pub struct Rows {
    query: Query,
    lines: Lines,
    stage: Stage,
    watch: Arc<Watch>,
    read: Read,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    rows: u64,
    /// Flows that they sum up.
    flows: u64,
    /// Starts of the bins that have rows.
    bins: BTreeSet<DateTime<Utc>>,
}

impl Rows {
    /// An answer that has not begun.
    pub fn new(query: &Query, config: &Config, watch: &Arc<Watch>) -> Self {
        Self {
            query: query.clone(),
            lines: Lines::default(),
            stage: Stage::new(config, Arc::clone(watch)),
            watch: Arc::clone(watch),
            read: Read::default(),
        }
    }

    /// Takes the next piece of the answer.
    ///
    /// # Errors
    /// [`ForeignError::Row`] if the server says something else than rows. Then nothing of the answer counts.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ForeignError> {
        let Self { query, lines, stage, read, .. } = self;
        lines.push(piece, |line| read.line(line, query, stage))
    }

    /// Makes a batch of the whole answer. `place` is where was asked, without secrets: the same place, network and range
    /// give the same identifier. Bins without a row are unknown.
    ///
    /// # Errors
    /// As [`push`](Self::push), for the end of the answer.
    pub fn finish(self, place: &str) -> Result<Answer, ForeignError> {
        let Self { query, lines, mut stage, watch, mut read } = self;
        lines.finish(|line| read.line(line, &query, &mut stage))?;
        let id = query.batch_id(place, watch.network());
        let mut bins = stage.flush();
        // A stage takes the bins beside those it heard something in for watched too.
        bins.retain(|bin, _| read.bins.contains(bin));
        let batch = Batch { bins, ..Batch::new(id, watch.network(), query.step_secs) };
        Ok(Answer { batch, rows: read.rows, flows: read.flows, stats: stage.stats() })
    }
}

/// What an answer gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// To be kept, once.
    pub batch: Batch,
    /// Rows read.
    pub rows: u64,
    /// Flows that they sum up.
    pub flows: u64,
    /// What was counted; its flows are rows.
    pub stats: Stats,
}

impl Read {
    fn line(&mut self, line: Line<'_>, query: &Query, stage: &mut Stage) -> Result<(), ForeignError> {
        let fail = |what: String| Err(ForeignError::Row { number: self.rows + 1, what });
        let Some(line) = line else { return fail("it is longer than 64 KiB".into()) };
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let row: Row = match serde_json::from_slice(line) {
            Ok(row) => row,
            Err(error) => {
                let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN_CHARS).collect();
                return fail(format!("{error}: {shown}"));
            }
        };
        let bin = i64::try_from(row.bin).ok().filter(|bin| (query.range.0..query.range.1).contains(bin));
        let Some((bin, start)) = bin.and_then(|bin| Some((bin, DateTime::from_timestamp(bin, 0)?))) else {
            return fail("its time was not asked for".into());
        };
        let start_ms = bin * 1000;
        let end_ms = start_ms + i64::from(query.step_secs.get()) * 1000 - 1;
        let interface = Some(row.interface.as_str()).filter(|name| !name.is_empty());
        stage.flow(row.exporter.to_canonical(), end_ms, &row.flow(query, start_ms, end_ms), interface);
        self.rows += 1;
        self.flows = self.flows.saturating_add(row.flows);
        self.bins.insert(start);
        Ok(())
    }
}

impl Row {
    fn flow(&self, query: &Query, start_ms: i64, end_ms: i64) -> Flow {
        let source = self.source.to_canonical();
        // All rows went inside: any address of the network stands for theirs.
        let inside = query.inside.iter().map(IpNet::network).find(|to| to.is_ipv4() == source.is_ipv4());
        let nowhere = if source.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0_u8; 16]) };
        Flow {
            source,
            destination: inside.unwrap_or(nowhere),
            source_port: 0,
            destination_port: 0,
            protocol: 0,
            bytes: self.bytes,
            packets: 0,
            sampling: 1,
            start_ms,
            end_ms,
            ingress: None,
            egress: None,
            direction: None,
        }
    }
}
