//! Ranges in words. A median never comes without its range.

use traffix_core::forecast::Quantiles;
use traffix_core::units::{format_bps, format_bytes};

/// `1.71 Tbit/s P50 (944 Gbit/s to 3.1 Tbit/s)`.
pub(crate) fn range_bps(q: &Quantiles) -> String {
    range(q, format_bps)
}

/// `22 PB P50 (12.1 PB to 40 PB)`.
pub(crate) fn range_bytes(q: &Quantiles) -> String {
    range(q, format_bytes)
}

/// The unit is said once if both ends have it.
fn range(q: &Quantiles, print: fn(f64) -> String) -> String {
    let (low, high) = (print(q.p10), print(q.p90));
    let low = match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => number.to_owned(),
        _ => low,
    };
    format!("{} P50 ({low} to {high})", print(q.p50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_unit_is_said_once() {
        let q = Quantiles { p10: 1e12, p50: 2e12, p90: 3.5e12, p99: 5e12 };
        assert_eq!(range_bps(&q), "2 Tbit/s P50 (1 to 3.5 Tbit/s)");
        let q = Quantiles { p10: 8e11, ..q };
        assert_eq!(range_bps(&q), "2 Tbit/s P50 (800 Gbit/s to 3.5 Tbit/s)");
    }
}
