//! All RUs of the coming days on one network: the fan, the links, and which RUs clash.
//!
//! Every RU is taken in its short form (the curve of its median world times a log-normal factor), the factors
//! are drawn jointly and independently by RU, and the sum is poured into the links beside the usual traffic.
//! Draw `i` of an RU's factor is the same in every outlook, whatever else is in it.
//!
//! Not modelled here: overflow between CDNs (see [`forecast()`](crate::forecast::forecast) for one RU), and players
//! who put one title off for another.

mod clash;
mod input;
mod run;
mod sum;

pub use clash::Clash;
pub use input::{OutlookInput, OutlookOptions, limits};
pub use run::{
    LinkOutlook, Outlook, OutlookError, RuOutlook, ShortForecast, Skipped, ThresholdOutlook, outlook,
    outlook_with, short_forecast,
};
