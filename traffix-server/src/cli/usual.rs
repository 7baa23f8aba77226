//! What `traffix baseline` and `traffix effect` share: which time usual traffic is fitted to.

use chrono::{DateTime, NaiveDate, Utc};
use traffix_core::baseline::{Baseline, BaselineError};

use super::Failure;
use super::history::{History, HistoryArgs};
use crate::usual::{self, Fitted, LeftOut, STEP_SECS, WEEKS, cut, weeks_before};

/// What usual traffic is fitted to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Usual traffic")]
pub(super) struct FitArgs {
    /// Weeks that are fitted.
    #[arg(long, value_name = "N", default_value_t = WEEKS, value_parser = clap::value_parser!(u32).range(1..=52))]
    weeks: u32,
    /// A local date that is treated like a Sunday; may be repeated.
    #[arg(long, value_name = "DATE")]
    holiday: Vec<NaiveDate>,
    /// A time to leave out; may be repeated.
    #[arg(long, value_name = "FROM/UNTIL")]
    exclude: Vec<LeftOut>,
    /// Also fit to the times in which releases and updates of the catalogue run; those of the largest are left out
    /// otherwise, up to half of the time.
    #[arg(long)]
    keep_events: bool,
}

impl FitArgs {
    /// Fits to the weeks before `from` and the time up to `until`, without a time around an event.
    pub(super) async fn fit(
        &self,
        args: &HistoryArgs,
        history: &History,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        without: Option<(DateTime<Utc>, DateTime<Utc>)>,
    ) -> Result<Fitted, Failure> {
        let zone = args.zone()?;
        let span = (weeks_before(from, self.weeks), until);
        let samples = cut(history.read(span, STEP_SECS).await?.as_ref(), span);
        // A file may begin later.
        let span = (samples.start().max(span.0), until);
        let mut left_out = self.exclude.clone();
        let rus = history.rus(span).await?;
        if !self.keep_events {
            left_out.extend(usual::known_events(&rus, span));
        }
        let mut options = usual::options(zone, self.holiday.iter().copied().collect(), &left_out);
        options.excluded.extend(without);
        let baseline = Baseline::fit(&samples, &options).map_err(|error| failure(&error))?;
        Ok(Fitted { samples, baseline, left_out, rus })
    }
}

fn failure(error: &BaselineError) -> Failure {
    let failure = Failure::new(error);
    match error {
        BaselineError::TooLittle { .. } => failure.hint("--weeks reads more, --keep-events leaves out less"),
        _ => failure,
    }
}
