//! Conversions between counts and coordinates, in one place because each of them rounds.

/// A count as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "counts of bins and columns are far below 2^52")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// A coordinate as a count; negative and not finite become 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is meant")]
pub(crate) fn count(x: f64) -> usize {
    x.round() as usize
}

/// A number of seconds as an integer.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is meant")]
pub(crate) fn int(x: f64) -> i64 {
    x.round() as i64
}

/// Seconds between two instants.
#[expect(clippy::cast_precision_loss, reason = "seconds of a calendar are far below 2^52")]
pub(crate) fn secs(from: chrono::DateTime<chrono::Utc>, to: chrono::DateTime<chrono::Utc>) -> f64 {
    (to - from).num_seconds() as f64
}

/// An instant on a zone's clock. Instants outside the years 1 to 9999 are moved to their ends: calendars of
/// local time overflow beyond.
pub(crate) fn local(
    at: chrono::DateTime<chrono::Utc>,
    zone: chrono_tz::Tz,
) -> chrono::DateTime<chrono_tz::Tz> {
    const FIRST: i64 = -62_135_000_000;
    const LAST: i64 = 253_402_000_000;
    let secs = at.timestamp();
    let inside = chrono::DateTime::from_timestamp(secs.clamp(FIRST, LAST), 0)
        .filter(|_| !(FIRST..=LAST).contains(&secs));
    inside.unwrap_or(at).with_timezone(&zone)
}
