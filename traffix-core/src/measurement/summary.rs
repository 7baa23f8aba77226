//! What a series of bins comes to.

use std::num::NonZeroU32;

/// What a series of bins comes to: its total, mean, maximum and 95th percentile.
///
/// The 95th percentile is that of billing by bandwidth: of the averages over five minutes, the highest 5 % are left
/// out, rounded down to whole bins, and the highest of the rest is the percentile (nearest rank, no interpolation).
/// A month of 30 days has 8,640 such bins, of which 432, or 36 hours, do not count. So UUNET, which introduced it, did
/// it, for each direction by itself (<http://nanog.cluepon.net/index.php/Billing>, read 2026-11-21). Bins of another
/// length give another percentile.
///
/// ```
/// use traffix_core::measurement::Summary;
/// // Twenty bins of five minutes: the highest one does not count.
/// let bytes = (1..=20).map(|n| n * 37_500_000_000);
/// let summary = Summary::of(bytes, 300.try_into()?).ok_or("no bins")?;
/// assert_eq!((summary.p95_bps(), summary.max_bps()), (19e9, 20e9));
/// assert_eq!(summary.mean_bps(), 10.5e9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Length of the bins in seconds.
    pub step_secs: NonZeroU32,
    /// How many bins there are.
    pub bins: u64,
    /// Bytes of all bins.
    pub total_bytes: u128,
    /// Bytes of the bin that has most.
    pub max_bytes: u64,
    /// Bytes of the bin that is the 95th percentile.
    pub p95_bytes: u64,
}

impl Summary {
    /// Sums up the bytes of bins, in any order; those that nobody watched are left out by the caller. `None` if there
    /// is no bin.
    pub fn of(bytes: impl IntoIterator<Item = u64>, step_secs: NonZeroU32) -> Option<Self> {
        let mut bytes: Vec<u64> = bytes.into_iter().collect();
        let left_out = bytes.len() / 20;
        let place = bytes.len().checked_sub(left_out + 1)?;
        let (_, p95_bytes, above) = bytes.select_nth_unstable(place);
        let (p95_bytes, max_bytes) = (*p95_bytes, above.iter().copied().max());
        Some(Self {
            step_secs,
            bins: bytes.len() as u64,
            total_bytes: bytes.iter().map(|bytes| u128::from(*bytes)).sum(),
            max_bytes: max_bytes.unwrap_or(p95_bytes),
            p95_bytes,
        })
    }

    /// The mean rate over all bins, in bit/s.
    pub fn mean_bps(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
        let (bytes, bins) = (self.total_bytes as f64, self.bins as f64);
        bytes * 8.0 / (bins * f64::from(self.step_secs.get()))
    }

    /// The rate of the bin that has most, in bit/s.
    pub fn max_bps(&self) -> f64 {
        self.bps(self.max_bytes)
    }

    /// The 95th percentile of the rates of the bins, in bit/s.
    pub fn p95_bps(&self) -> f64 {
        self.bps(self.p95_bytes)
    }

    fn bps(&self, bytes: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
        let bytes = bytes as f64;
        bytes * 8.0 / f64::from(self.step_secs.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bytes: &[u64]) -> Option<Summary> {
        Summary::of(bytes.iter().copied(), 300.try_into().unwrap())
    }

    #[test]
    fn a_month_leaves_out_36_hours() {
        let mut month = vec![1_000; 8_640];
        month[100..532].fill(9_000);
        assert_eq!(of(&month).unwrap().p95_bytes, 1_000);
        month[0] = 2_000;
        assert_eq!(of(&month).unwrap().p95_bytes, 2_000, "one bin more counts");
    }

    #[test]
    fn few_bins_leave_out_none() {
        assert_eq!(of(&[]), None);
        let nineteen: Vec<u64> = (1..20).collect();
        assert_eq!(of(&nineteen).unwrap().p95_bytes, 19);
        let one = of(&[u64::MAX]).unwrap();
        assert_eq!((one.bins, one.total_bytes, one.max_bytes), (1, u128::from(u64::MAX), u64::MAX));
    }

    proptest! {
        #[test]
        fn it_is_what_sorting_says(bytes in prop::collection::vec(any::<u64>(), 1..200)) {
            let summary = of(&bytes).unwrap();
            let mut sorted = bytes.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(summary.p95_bytes, sorted[bytes.len() * 5 / 100]);
            prop_assert_eq!(summary.max_bytes, sorted[0]);
            prop_assert_eq!(summary.total_bytes, bytes.iter().map(|b| u128::from(*b)).sum::<u128>());
        }
    }
}
