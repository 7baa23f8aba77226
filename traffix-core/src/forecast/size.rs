//! Bytes of one download: what is known, and how well.

use super::audience::LogNormal;
use super::priors;
use super::priors::RuKind;

/// What is known of the size of one download on one platform.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Size {
    /// Bytes on the wire.
    pub bytes: Option<f64>,
    /// Bytes on disk, used when the bytes on the wire are not known.
    pub disk_bytes: Option<f64>,
    /// Log-scale spread of the size on the wire, if the caller knows it.
    pub sigma: Option<f64>,
}

impl Size {
    /// The size as a log-normal quantity: from the wire size, else from the disk size, else from the kind.
    ///
    /// ```
    /// use traffix_core::forecast::{Size, priors::RuKind};
    /// let unknown = Size::default().estimate(RuKind::Update);
    /// assert_eq!((unknown.median, unknown.sigma), (12e9, 0.9));
    /// ```
    pub fn estimate(&self, kind: RuKind) -> LogNormal {
        match (self.bytes, self.disk_bytes) {
            (Some(bytes), _) => LogNormal::new(bytes, self.sigma.unwrap_or(priors::SIZE_KNOWN_SIGMA)),
            (None, Some(disk)) => priors::WIRE_PER_DISK.scaled(disk),
            (None, None) => kind.unknown_size(),
        }
    }

    /// True if neither size is given.
    pub const fn is_unknown(&self) -> bool {
        self.bytes.is_none() && self.disk_bytes.is_none()
    }
}
