//! Answers of the model as charts and sentences, the same for the command line and the page.

mod baseline;
mod effect;
mod forecast;
mod outlook;
mod overlay;
mod sample;
mod scenarios;
pub(crate) mod scores;
mod spikes;
mod words;

pub(crate) use baseline::{baseline_chart, baseline_text};
pub(crate) use effect::{effect_chart, effect_text};
pub use forecast::{forecast_chart, forecast_text};
pub use outlook::{
    ALARM, Verdict, WARN_SHARE, extra_chart, heat_strip, link_chart, outlook_chart, outlook_text, verdict,
};
pub(crate) use outlook::{clash_text, odds_above};
pub use overlay::{overlay_chart, overlay_text};
pub use sample::sample_svg;
pub use scenarios::{scenario_charts, scenario_table};
pub use spikes::{ToldSpike, spike_chart, spikes_text};
