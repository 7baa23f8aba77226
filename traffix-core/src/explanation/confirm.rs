//! From a cause that a moderator has confirmed to what learning takes.

use super::{Cause, Observed};
use crate::forecast::{Forecast, ForecastInput};
use crate::learning::{Measured, SD_FLOWS};
use crate::num;

/// A confirmed cause as a measured event for [`Learned::observe`](crate::learning::Learned::observe).
///
/// `prior` is the forecast from priors alone, without corrections: what it expected (P50) inside the window is compared
/// with the bytes that the cause carried there. The spread is that of flow records and of the division among causes.
/// If a link or a CDN was full meanwhile, pass `full`: then the bytes are a lower bound. `None` if nothing was expected
/// in the window, or nothing seen.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use traffix_core::explanation::{Cause, Excess, Observed, confirmed, question};
/// # use traffix_core::forecast::{ForecastInput, forecast};
/// # use traffix_core::samples::Samples;
/// # let input: ForecastInput = serde_json::from_str(r#"{
/// #     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
/// #            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
/// #     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}
/// # }"#)?;
/// # let prior = forecast(&question(&input))?;
/// # let from = prior.grid.start;
/// # let until = from + chrono::TimeDelta::hours(4);
/// # let total = Excess { bps: Samples::new(from, 300.try_into()?, []), sigma_bps: 1e9 };
/// # let observed = Observed { from, until, began_at: from, total, by_cdn: BTreeMap::new(), by_platform: BTreeMap::new() };
/// # let expected = prior.total.p50.iter().take(48).sum::<f64>() * 300.0 / 8.0;
/// # let cause = Cause { ru: "x".into(), title: "X".into(), probability: 0.9, took_part: 0.95, bytes: 2.0 * expected,
/// #     bytes_sigma: 0.05, evidence: Vec::new() };
/// let measured = confirmed(&input, &prior, &observed, &cause, false).ok_or("nothing expected")?;
/// assert!((measured.log_ratio.exp() - 2.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn confirmed(
    input: &ForecastInput,
    prior: &Forecast,
    observed: &Observed,
    cause: &Cause,
    full: bool,
) -> Option<Measured> {
    let step_s = f64::from(prior.grid.step_s);
    let start = num::of_i64(prior.grid.start.timestamp());
    let inside = |bin: usize| {
        let at = start + num::of_usize(bin) * step_s;
        at >= num::of_i64(observed.from.timestamp()) && at < num::of_i64(observed.until.timestamp())
    };
    let bins = prior.total.p50.iter().enumerate().filter(|(bin, _)| inside(*bin));
    let expected = bins.map(|(_, bps)| bps * step_s / 8.0).sum();
    let measured = Measured::of(input, expected, cause.bytes, libm::hypot(SD_FLOWS, cause.bytes_sigma))?;
    Some(if full { measured.at_least() } else { measured })
}
