//! Instants in words, in a network's zone.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::num::local;

/// `Wed 8 Nov 17:00` on the clock of a zone.
///
/// ```
/// use traffix_server::plot::day_time;
/// let at = "2023-11-08T17:00:00Z".parse().unwrap();
/// assert_eq!(day_time(at, chrono_tz::Europe::London), "Wed 8 Nov 17:00");
/// ```
pub fn day_time(at: DateTime<Utc>, zone: Tz) -> String {
    local(at, zone).format("%a %-d %b %H:%M").to_string()
}

/// `Wed 8 Nov 17:00-23:00`, or both days if they differ.
pub fn day_window(from: DateTime<Utc>, to: DateTime<Utc>, zone: Tz) -> String {
    let (first, last) = (local(from, zone), local(to, zone));
    let end = if first.date_naive() == last.date_naive() { "%H:%M" } else { "%a %-d %b %H:%M" };
    format!("{}-{}", first.format("%a %-d %b %H:%M"), last.format(end))
}
