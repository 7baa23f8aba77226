//! The back-test: forecasts beside what was observed, and beside baselines that need no model.
//!
//! Pure: events in, [`Report`] out. Every event is forecast from priors alone, with what earlier events have taught,
//! and with what all others have taught. Learning never sees the event it is scored on.

mod baseline;
mod event;
mod run;
mod summary;

pub use baseline::{Baseline, Case};
pub use event::{Document, Event, Observed};
pub use run::{BacktestError, EventReport, Report, backtest};
pub(super) use summary::Scored;
pub use summary::{Interval, Pinball, Score, Scores, Skill};
