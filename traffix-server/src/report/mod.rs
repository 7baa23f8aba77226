//! Answers of the model as charts and sentences, the same for the command line and the page.

mod forecast;
mod words;

pub use forecast::{forecast_chart, forecast_text};
