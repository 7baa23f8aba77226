//! The catalogue for other tools.

use chrono::SecondsFormat;
use serde::Serialize;
use traffix_core::catalogue::{Company, Listing, PhaseKind, PlatformId, Ru, RuId};
use traffix_store::{PageRequest, RuQuery, Store, StoreError};

use crate::bundled::bundled;
use crate::cli::Failure;
use crate::cli::database::{self, DatabaseArgs, block_on};

/// Everything in a catalogue, and which state of it this is.
pub(super) struct Whole {
    version: String,
    companies: Vec<Company>,
    rus: Vec<Ru>,
}

#[derive(Serialize)]
struct Document<'a> {
    generator: &'static str,
    data_version: &'a str,
    count: usize,
    companies: &'a [Company],
    rus: Vec<&'a Ru>,
}

/// One line: an RU on one platform.
#[derive(Serialize, Default)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    kind: String,
    release: Option<&'a str>,
    content: String,
    platform: Option<&'a str>,
    external_id: Option<&'a str>,
    preload_at: Option<String>,
    unlock_at: Option<String>,
    unlock_precision: Option<String>,
    wire_bytes_low: Option<u64>,
    wire_bytes_high: Option<u64>,
    disk_bytes_low: Option<u64>,
    disk_bytes_high: Option<u64>,
}

impl Whole {
    /// From the database if one is named, else what is compiled in.
    pub(super) fn read(args: &DatabaseArgs) -> Result<Self, Failure> {
        if args.database.is_none() && args.config.is_none() {
            let bundled = bundled().map_err(Failure::new)?;
            let version = format!("bundled {}", &bundled.digest[..12.min(bundled.digest.len())]);
            return Ok(
                Self { version, companies: bundled.companies.clone(), rus: bundled.rus.clone() }.sorted()
            );
        }
        block_on(async {
            let store = args.open().await?;
            Self::of(&*store).await.map_err(|error| database::failure(&error))
        })
    }

    async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let version = format!("sequence {}", store.sequence().await?);
        let (mut companies, mut rus) = (Vec::new(), Vec::new());
        let mut page = PageRequest { limit: 500, after: None };
        loop {
            let found = store.companies(&page).await?;
            companies.extend(found.items);
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        loop {
            let found = store.rus(&RuQuery::default(), &page).await?;
            rus.extend(found.items.into_iter().map(|ru| ru.value));
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        Ok(Self { version, companies, rus }.sorted())
    }

    /// Equal catalogues are equal bytes.
    fn sorted(mut self) -> Self {
        self.companies.sort_by(|a, b| a.id.cmp(&b.id));
        self.rus.sort_by(|a, b| a.id.cmp(&b.id));
        self
    }

    fn on(&self, platform: Option<&PlatformId>) -> Vec<&Ru> {
        let wanted = |ru: &&Ru| platform.is_none_or(|id| ru.listing(id).is_some());
        self.rus.iter().filter(wanted).collect()
    }

    /// One document that `traffix import` reads.
    pub(super) fn json(&self, platform: Option<&PlatformId>, out: &mut Vec<u8>) -> std::io::Result<()> {
        let rus = self.on(platform);
        let document = Document {
            generator: super::GENERATOR,
            data_version: &self.version,
            count: rus.len(),
            companies: &self.companies,
            rus,
        };
        serde_json::to_writer_pretty(&mut *out, &document)?;
        out.push(b'\n');
        Ok(())
    }

    /// One line per listing, with comments on top.
    pub(super) fn csv(&self, platform: Option<&PlatformId>, out: &mut Vec<u8>) -> std::io::Result<()> {
        let rows: Vec<Row<'_>> = self.on(platform).into_iter().flat_map(|ru| rows(ru, platform)).collect();
        let head = format!(
            "# generator: {}\n# data version: {}\n# count: {}\n",
            super::GENERATOR,
            self.version,
            rows.len()
        );
        out.extend_from_slice(head.as_bytes());
        let mut writer = csv::Writer::from_writer(&mut *out);
        for row in rows {
            writer.serialize(row).map_err(std::io::Error::other)?;
        }
        writer.flush()
    }
}

fn rows<'a>(ru: &'a Ru, platform: Option<&PlatformId>) -> Vec<Row<'a>> {
    let plain = || Row {
        id: ru.id.as_str(),
        title: &ru.title,
        kind: crate::cli::word(ru.kind),
        release: ru.release.as_ref().map(RuId::as_str),
        content: crate::cli::word(ru.content),
        ..Row::default()
    };
    if ru.listings.is_empty() {
        return vec![plain()];
    }
    let wanted = ru.listings.iter().filter(|l| platform.is_none_or(|id| l.platform == *id));
    wanted.map(|listing| row(listing, plain())).collect()
}

fn row<'a>(listing: &'a Listing, ru: Row<'a>) -> Row<'a> {
    let start = |kind| listing.phase(kind).map(|phase| phase.window.value);
    let at = |kind| start(kind).map(|window| window.start.to_rfc3339_opts(SecondsFormat::Secs, true));
    let (wire, disk) = (listing.wire_bytes().map(|f| f.value), listing.disk_bytes().map(|f| f.value));
    Row {
        platform: Some(listing.platform.as_str()),
        external_id: listing.external_id.as_deref(),
        preload_at: at(PhaseKind::Preload),
        unlock_at: at(PhaseKind::Unlock),
        unlock_precision: start(PhaseKind::Unlock).map(|window| crate::cli::word(window.precision)),
        wire_bytes_low: wire.map(|range| range.low.0),
        wire_bytes_high: wire.map(|range| range.high.0),
        disk_bytes_low: disk.map(|range| range.low.0),
        disk_bytes_high: disk.map(|range| range.high.0),
        ..ru
    }
}
