//! The catalogue: releases and updates, where they are listed, how large they are and when they come.
//!
//! An [`Ru`] (release or update) has one [`Listing`] per distribution platform. Sizes, windows, weights and
//! audience signals are [facts](crate::Fact): each knows its sources and keeps their disagreements. Unknown
//! is `None`, never zero.

pub mod document;
mod forecast_input;
mod ids;
mod listing;
mod merge;
mod ru;
mod running;
mod validate;

pub use forecast_input::{NotForecastable, PlatformDefaults};
pub use ids::{CategoryId, CompanyId, ParseSlugError, PlatformId, Region, RuId};
pub use listing::{
    Audience, Build, ByteRange, DownloadSize, Listing, Phase, PhaseKind, PhaseStatus, Precision,
    RegionalWeight, Stream, Window,
};
pub use ru::{Company, Content, Ru, RuKind, Thumbnail};
pub use running::RUNS_FOR;

#[cfg(test)]
mod tests;
