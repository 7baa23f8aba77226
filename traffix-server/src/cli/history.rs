//! Which traffic of the past a command is about: an exported file, or what a database keeps.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use traffix_core::Invalid;
use traffix_core::catalogue::{PhaseKind, PlatformId, Ru, RuId};
use traffix_core::delivery::CdnId;
use traffix_core::network::Network;
use traffix_core::samples::Samples;
use traffix_store::{Catalogue, RuQuery, Store};

use super::database::{self, DatabaseArgs};
use super::export_file::ExportArgs;
use super::{Failure, Input, outlook};
use crate::bundled::bundled;
use crate::history::{self, Event, HistoryError, Source};
use crate::planning;

/// Which traffic, on which clock, of how many lines.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// An exported series, - for standard input; needs --unit. Without it, the database is read.
    #[arg(value_name = "FILE")]
    pub(super) file: Option<Input>,
    /// A network profile as JSON or TOML, or the id of a bundled example: gives time zone and lines. Without FILE and
    /// --metric, its measurements are read.
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Time zone, such as Europe/London [default: that of the profile].
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
    /// Access lines [default: those of the profile].
    #[arg(long, value_name = "N")]
    lines: Option<f64>,
    #[command(flatten)]
    export: ExportArgs,
    #[command(flatten)]
    kept: KeptArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What of a database.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "From the database")]
struct KeptArgs {
    /// Measurements of this platform only.
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "metric"])]
    platform: Option<PlatformId>,
    /// Measurements of this CDN only.
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "metric"])]
    cdn: Option<CdnId>,
    /// Measurements on this link only, by its id in the profile.
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "metric"])]
    link: Option<String>,
    /// A stored series instead of measurements: what is measured, such as `traffic_bps`.
    #[arg(long, value_name = "NAME", requires = "subject", conflicts_with = "file")]
    metric: Option<String>,
    /// Of whom the stored series is, such as acme/transit-1.
    #[arg(long, value_name = "PLACE", requires = "metric")]
    subject: Option<String>,
    /// Who measured the stored series; needed if several did.
    #[arg(long, value_name = "NAME", requires = "metric")]
    source: Option<String>,
}

/// The traffic that a command is about.
pub(super) enum History {
    /// All of a file, with the database of the catalogue if one was named.
    File(Samples, Option<Arc<dyn Store>>),
    /// What a database keeps.
    Kept(Arc<dyn Store>, Source),
}

impl HistoryArgs {
    /// Opens what the arguments name.
    pub(super) async fn open(&self) -> Result<History, Failure> {
        if let Some(path) = &self.file {
            let named = self.database.database.is_some() || self.database.config.is_some();
            let store = if named { Some(self.database.open().await?) } else { None };
            return Ok(History::File(self.export.read(path)?, store));
        }
        Ok(History::Kept(self.database.open().await?, self.source(self.kept.link.clone())?))
    }

    /// What of a database is meant, on a link or on all.
    pub(super) fn source(&self, link: Option<String>) -> Result<Source, Failure> {
        let KeptArgs { platform, cdn, metric, subject, source, .. } = &self.kept;
        if let (Some(metric), Some(subject)) = (metric.clone(), subject.clone()) {
            return Ok(Source::Stored { metric, subject, source: source.clone(), step_secs: None });
        }
        let network = self.profile()?.map(|network| network.id);
        let network = network.ok_or_else(|| {
            Failure::usage("there is no traffic to read")
                .hint("name a FILE, --network for its measurements, or --metric and --subject")
        })?;
        Ok(Source::Measured { network, platform: platform.clone(), cdn: cdn.clone(), link })
    }

    /// The profile, if one was named.
    pub(super) fn profile(&self) -> Result<Option<Network>, Failure> {
        self.network.as_deref().map(outlook::network).transpose()
    }

    /// The time zone that was given, else that of the profile.
    pub(super) fn zone(&self) -> Result<Tz, Failure> {
        if let Some(zone) = self.tz {
            return Ok(zone);
        }
        let of_profile = self.profile()?.and_then(|network| network.tz.parse().ok());
        of_profile.ok_or_else(|| Failure::usage("say --tz or --network: local hours need a time zone"))
    }

    /// The lines that were given, else those of the profile.
    pub(super) fn lines(&self) -> Result<f64, Failure> {
        if let Some(lines) = self.lines {
            return Ok(lines);
        }
        let of_profile = self.profile()?.map(|network| network.lines).filter(|lines| *lines > 0.0);
        of_profile.ok_or_else(|| Failure::usage("say --lines or --network: how many lines there are"))
    }

    /// What the traffic is called in charts.
    pub(super) fn name(&self) -> Result<String, Failure> {
        if let Some(path) = &self.file {
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let column = self.export.column.first().map_or_else(String::new, |column| format!(", {column}"));
            return Ok(file.unwrap_or_default() + &column);
        }
        let network = self.profile()?.map(|network| network.name.unwrap_or(network.id)).unwrap_or_default();
        let KeptArgs { platform, cdn, link, subject, .. } = &self.kept;
        if let Some(subject) = subject {
            return Ok(subject.clone());
        }
        let parts = [platform.as_ref().map(ToString::to_string), cdn.as_ref().map(ToString::to_string)];
        let parts = parts.into_iter().flatten().chain(link.clone());
        Ok(parts.fold(network, |name, part| format!("{name}, {part}")))
    }
}

impl History {
    /// Traffic between two instants; of a file all that it has.
    pub(super) async fn read(
        &self,
        span: (DateTime<Utc>, DateTime<Utc>),
        step_secs: u32,
    ) -> Result<Cow<'_, Samples>, Failure> {
        match self {
            Self::File(samples, _) => Ok(Cow::Borrowed(samples)),
            Self::Kept(store, source) => {
                let samples = history::load(store.as_ref(), source, span, step_secs).await;
                samples.map(Cow::Owned).map_err(failure)
            }
        }
    }

    /// Until when there may be traffic: the end of a file, or now.
    pub(super) fn end(&self) -> DateTime<Utc> {
        match self {
            Self::File(samples, _) => samples
                .len()
                .checked_sub(1)
                .and_then(|last| samples.start_of(last))
                .unwrap_or(samples.start()),
            Self::Kept(..) => Utc::now(),
        }
    }

    /// What an event is called, and when it was. RUs are those of the database, or without one the bundled ones.
    pub(super) async fn instant(
        &self,
        event: &Event,
        phase: Option<PhaseKind>,
    ) -> Result<(String, DateTime<Utc>), Failure> {
        let id = match event {
            Event::At(label, at) => return Ok((label.clone(), *at)),
            Event::Ru(id) => id,
        };
        let ru = self.ru(id).await?;
        let ru =
            ru.ok_or_else(|| Failure::new(format_args!("the catalogue has no release or update {id}")))?;
        let t0 = history::t0(&ru, phase);
        let t0 = t0.ok_or_else(|| Failure::new(format_args!("{id} has no such phase with a date")))?;
        Ok((ru.title, t0))
    }

    /// The RUs that something of was announced between two instants: those of the database, or without one the bundled ones.
    pub(super) async fn rus(
        &self,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Vec<Ru>, Failure> {
        let (Self::Kept(store, _) | Self::File(_, Some(store))) = self else {
            return Ok(bundled().map_err(Failure::new)?.rus.clone());
        };
        let query = RuQuery { from: Some(from), until: Some(until), ..RuQuery::default() };
        planning::all(store.as_ref(), &query).await.map_err(|error| database::failure(&error))
    }

    async fn ru(&self, id: &RuId) -> Result<Option<Ru>, Failure> {
        let (Self::Kept(store, _) | Self::File(_, Some(store))) = self else {
            let bundled = bundled().map_err(Failure::new)?;
            return Ok(bundled.rus.iter().find(|ru| ru.id == *id).cloned());
        };
        let found = Catalogue::ru(store.as_ref(), id, None).await;
        Ok(found.map_err(|error| database::failure(&error))?.map(|found| found.value))
    }
}

/// A failure to read, with the flag that has to change.
pub(super) fn failure(error: HistoryError) -> Failure {
    match error {
        HistoryError::Question(Invalid { pointer, detail }) => {
            Failure::usage(format_args!("--{pointer} {detail}"))
        }
        HistoryError::Store(error) => database::failure(&error),
    }
}
