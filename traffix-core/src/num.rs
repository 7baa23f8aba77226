//! The few numeric casts of this crate, in one place, each with the reason why it is harmless.
//!
//! Casts are denied elsewhere (see the crate root), so that a lost digit or a wrapped sign is always a
//! decision and never an accident.

/// Seconds or counts as a float: exact up to 2^53, which is 285 million years of seconds.
#[expect(clippy::cast_precision_loss, reason = "instants and counts stay far below 2^53")]
pub(crate) const fn of_i64(x: i64) -> f64 {
    x as f64
}

/// A length or index as a float: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "lengths stay far below 2^53")]
pub(crate) const fn of_usize(x: usize) -> f64 {
    x as f64
}

/// The whole part of a float as an index: negatives and NaN give 0, too large gives `usize::MAX`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is meant")]
pub(crate) const fn to_usize(x: f64) -> usize {
    x as usize
}

/// The whole part of a float as seconds, saturating; NaN gives 0.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is meant")]
pub(crate) const fn to_i64(x: f64) -> i64 {
    x as i64
}

/// Single precision for the stored draws: 24 bits are six orders better than the model.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
pub(crate) const fn to_f32(x: f64) -> f32 {
    x as f32
}

/// An index as a signed number, saturating.
pub(crate) fn to_isize(x: usize) -> i64 {
    i64::try_from(x).unwrap_or(i64::MAX)
}

/// The upper 53 bits of a random word as a number in [0, 1).
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
pub(crate) const fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// A length as a 64-bit number, saturating.
pub(crate) fn to_u64(x: usize) -> u64 {
    u64::try_from(x).unwrap_or(u64::MAX)
}
