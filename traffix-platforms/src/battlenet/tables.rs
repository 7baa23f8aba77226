//! What the tables of the patch service say: products, builds per region, CDNs per region.

use traffix_core::catalogue::Region;

use super::bpsv::{Row, Table};
use super::error::TactError;
use super::key::ConfigKey;

/// The builds of a product: the tables `versions` and `bgdl` have the same columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Grows with every change of the table.
    pub seqn: Option<u64>,
    /// One row a region.
    pub rows: Vec<Version>,
}

/// Which build a region gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The service's own code: `us`, `eu`, `kr`, `tw`, `cn`, `sg`, and `xx` for tests.
    pub region: String,
    /// Names the build.
    pub build_config: ConfigKey,
    /// Names the archives that hold it.
    pub cdn_config: Option<ConfigKey>,
    /// Grows from build to build.
    pub build_id: Option<u64>,
    /// As players see it.
    pub name: Option<String>,
}

/// The CDNs of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cdns {
    /// Grows with every change of the table.
    pub seqn: Option<u64>,
    /// One row a region.
    pub rows: Vec<Cdn>,
}

/// Who delivers in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cdn {
    /// The service's own code of the region.
    pub region: String,
    /// Where on a host the product lies, without slashes at the ends: `tpr/wow`.
    pub path: String,
    /// Host names, in the order in which a client uses them.
    pub hosts: Vec<String>,
    /// Those hosts that a client uses only when others fail.
    pub fallbacks: Vec<String>,
}

/// The products of the whole service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Grows with every change of any table.
    pub seqn: Option<u64>,
    /// One row per product and table, in the order of the service.
    pub rows: Vec<SummaryRow>,
}

/// When a table of a product last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// Code of the product.
    pub product: String,
    /// The value of the service's counter at the last change.
    pub seqn: Option<u64>,
    /// Which table.
    pub table: ProductTable,
}

/// A table of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProductTable {
    /// The builds that are live.
    Versions,
    /// The CDNs.
    Cdns,
    /// The builds that are downloaded ahead.
    BackgroundDownload,
    /// One this crate does not know.
    Other,
}

impl Versions {
    /// Reads the table.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line, or naming a column that a row must fill.
    pub fn parse(text: &str) -> Result<Self, TactError> {
        let table = Table::parse(text)?;
        let rows = table.rows().map(|row| version(&row)).collect::<Result<_, _>>()?;
        Ok(Self { seqn: table.seqn, rows })
    }

    /// What `region` gets, else what the first region in the table gets.
    pub fn of(&self, region: &str) -> Option<&Version> {
        self.rows.iter().find(|row| row.region == region).or(self.rows.first())
    }
}

fn version(row: &Row<'_>) -> Result<Version, TactError> {
    Ok(Version {
        region: required(row, "Region")?.to_owned(),
        build_config: row.parsed("BuildConfig").ok_or_else(|| missing("BuildConfig"))?,
        cdn_config: row.parsed("CDNConfig"),
        build_id: row.number("BuildId"),
        name: row.text("VersionsName").map(str::to_owned),
    })
}

impl Cdns {
    /// Reads the table.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line, or naming a column that a row must fill.
    pub fn parse(text: &str) -> Result<Self, TactError> {
        let table = Table::parse(text)?;
        let rows = table.rows().map(|row| cdn(&row)).collect::<Result<_, _>>()?;
        Ok(Self { seqn: table.seqn, rows })
    }

    /// Who delivers in `region`, else in the first region of the table.
    pub fn of(&self, region: &str) -> Option<&Cdn> {
        self.rows.iter().find(|row| row.region == region).or(self.rows.first())
    }
}

fn cdn(row: &Row<'_>) -> Result<Cdn, TactError> {
    let servers = row.text("Servers").unwrap_or_default().split_whitespace();
    let servers: Vec<url::Url> = servers.filter_map(|server| server.parse().ok()).collect();
    let is_fallback = |host: &str| {
        let mut of_host = servers.iter().filter(|server| server.host_str() == Some(host)).peekable();
        of_host.peek().is_some()
            && of_host
                .all(|server| server.query_pairs().any(|(key, value)| key == "fallback" && value == "1"))
    };
    let mut hosts: Vec<String> =
        row.text("Hosts").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    for server in servers.iter().filter_map(url::Url::host_str) {
        if !hosts.iter().any(|host| host == server) {
            hosts.push(server.to_owned());
        }
    }
    Ok(Cdn {
        region: required(row, "Name")?.to_owned(),
        path: required(row, "Path")?.trim_matches('/').to_owned(),
        fallbacks: hosts.iter().filter(|host| is_fallback(host)).cloned().collect(),
        hosts,
    })
}

impl Summary {
    /// Reads the table.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line, or naming a column that a row must fill.
    pub fn parse(text: &str) -> Result<Self, TactError> {
        let table = Table::parse(text)?;
        let rows = table.rows().map(|row| summary_row(&row)).collect::<Result<_, _>>()?;
        Ok(Self { seqn: table.seqn, rows })
    }

    /// The products, each once, in the order of the service.
    pub fn products(&self) -> Vec<&str> {
        let mut seen = std::collections::BTreeSet::new();
        self.rows.iter().map(|row| row.product.as_str()).filter(|product| seen.insert(*product)).collect()
    }

    /// Whether the product has a table of this kind.
    pub fn has(&self, product: &str, table: ProductTable) -> bool {
        self.rows.iter().any(|row| row.product == product && row.table == table)
    }

    /// What has changed since the counter stood at `seqn`, newest last: one request tells which products to look at.
    pub fn moved_since(&self, seqn: u64) -> Vec<&SummaryRow> {
        let mut moved: Vec<_> = self.rows.iter().filter(|row| row.seqn.is_some_and(|s| s > seqn)).collect();
        moved.sort_by_key(|row| row.seqn);
        moved
    }
}

fn summary_row(row: &Row<'_>) -> Result<SummaryRow, TactError> {
    let table = match row.text("Flags").unwrap_or_default() {
        "" | "versions" => ProductTable::Versions,
        "cdn" | "cdns" => ProductTable::Cdns,
        "bgdl" => ProductTable::BackgroundDownload,
        _ => ProductTable::Other,
    };
    Ok(SummaryRow { product: required(row, "Product")?.to_owned(), seqn: row.number("Seqn"), table })
}

/// The region that a code of the service stands for; nothing for tests and for what is no country.
///
/// `us` is the Americas and `sg` South-East Asia in the launcher; both are written as the country they are named after.
pub fn region(code: &str) -> Option<Region> {
    matches!(code, "us" | "eu" | "kr" | "tw" | "cn" | "sg").then(|| code.parse().ok()).flatten()
}

fn required<'a>(row: &Row<'a>, column: &str) -> Result<&'a str, TactError> {
    row.text(column).ok_or_else(|| missing(column))
}

fn missing(column: &str) -> TactError {
    TactError::malformed("BPSV", column, "a row has nothing in this column")
}
