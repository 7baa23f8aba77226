//! Files of series as monitoring systems export them: what they do not say, and one series of one file.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use traffix_core::samples::Samples;

use super::{Failure, input};
use crate::exports::{self, Asked, Rates, Stamp, Unit};
use crate::history;

/// What a file does not say.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Series files")]
pub(super) struct ExportArgs {
    /// What the values count. Says that the files are series: CSV (time,value or a column for every series), Prometheus'
    /// `query_range`, rrdtool's fetch, xport --json and dump, logs of IXP Manager.
    #[arg(long, value_name = "UNIT")]
    pub(super) unit: Option<Unit>,
    /// Only the series of this name (column, data source, labels); may be repeated.
    #[arg(long, value_name = "NAME", requires = "unit")]
    pub(super) column: Vec<String>,
    /// Which end of its step an instant names [default: start in CSV, end in Prometheus and rrdtool].
    #[arg(long, value_name = "END", requires = "unit")]
    stamp: Option<Stamp>,
    /// Time zone of instants without one, such as UTC or Europe/London.
    #[arg(long, value_name = "ZONE", requires = "unit")]
    zone: Option<Tz>,
    /// Seconds from one value to the next; moves values that come a little early or late to their step [default:
    /// found out].
    #[arg(long, value_name = "SECS", requires = "unit")]
    step_secs: Option<u32>,
    /// Size of counters, 32 or 64: a counter of 32 bits may pass its end.
    #[arg(long, value_name = "BITS", requires = "unit", value_parser = ["32", "64"])]
    counter_bits: Option<String>,
}

impl ExportArgs {
    /// The same for the readers.
    pub(super) fn asked(&self, unit: Unit) -> Asked {
        Asked {
            unit,
            counter_bits: if self.counter_bits.as_deref() == Some("32") { 32 } else { 64 },
            stamp: self.stamp,
            zone: self.zone,
            step_secs: self.step_secs,
            now: Utc::now(),
        }
    }

    /// The one series of a file, or its one that was chosen.
    pub(super) fn read(&self, path: &Path) -> Result<Samples, Failure> {
        let unit = self.unit.ok_or_else(|| {
            Failure::usage("--unit must say what the values of the file count")
                .hint("bps, Bps or octets-counter")
        })?;
        let (asked, file) = (self.asked(unit), input::name(path));
        let explained = |wrong: Vec<exports::Wrong>| {
            let lines: Vec<String> = wrong.iter().map(|wrong| format!("{file}{wrong}")).collect();
            Failure::new(lines.join("\n  "))
        };
        let mut all = exports::read(&input::read_text(path)?, &asked).map_err(explained)?;
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).take(20).collect();
        let names = names.join(", ");
        all.retain(|one| self.column.is_empty() || self.column.contains(&one.name));
        let only = if all.len() == 1 { all.pop() } else { None };
        let only = only.ok_or_else(|| {
            Failure::usage(format_args!("{file}: choose one series with --column"))
                .hint(format_args!("it has {names}"))
        })?;
        let Rates { step_secs, points, .. } = only.rates(&asked).map_err(explained)?;
        let ends = points.first().zip(points.last()).map(|(first, last)| (first.0, last.0));
        let (first, last) = ends.ok_or_else(|| Failure::new(format_args!("{file}: has no values")))?;
        let until = last.checked_add_signed(TimeDelta::seconds(step_secs.into())).unwrap_or(last);
        history::grid(points.into_iter(), (first, until), step_secs).map_err(Failure::new)
    }
}
