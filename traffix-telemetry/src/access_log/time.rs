//! Instants as logs write them, as microseconds since 1970.

use chrono::{NaiveDate, TimeZone};
use chrono_tz::Tz;

use super::fields::number;

/// Microseconds of a second.
pub(super) const SECOND_US: i64 = 1_000_000;

/// Date and time of day without a zone, in microseconds since 1970 as if it were UTC.
fn clock(date: NaiveDate, time: &[u8], fraction_us: u64) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    // A leap second is the one after it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let of_day = i64::try_from((hour * 60 + minute) * 60 + second).ok()?;
    let days = i64::from(date.to_epoch_days());
    Some((days * 86_400 + of_day) * SECOND_US + i64::try_from(fraction_us).ok()?)
}

fn date(year: &[u8], month: u64, day: &[u8]) -> Option<NaiveDate> {
    let year = i32::try_from(number(year)?).ok()?;
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(number(day)?).ok()?)
}

/// Month by its English abbreviation, which the formats use whatever the locale.
fn month(name: [u8; 3]) -> Option<u64> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// `±hhmm` or `±hh:mm` in microseconds.
fn offset_us(text: &[u8]) -> Option<i64> {
    let ([sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2]) = *text else { return None };
    let minutes = i64::try_from(number(&[h1, h2])? * 60 + number(&[m1, m2])?).ok()?;
    match sign {
        b'+' => Some(minutes * 60 * SECOND_US),
        b'-' => Some(-minutes * 60 * SECOND_US),
        _ => None,
    }
}

/// Digits after the decimal point, in microseconds; more than six are cut.
fn fraction_us(digits: &[u8]) -> Option<u64> {
    let (kept, _) = digits.split_at(digits.len().min(6));
    let scale = 10_u64.pow(u32::try_from(6 - kept.len()).ok()?);
    digits.iter().all(u8::is_ascii_digit).then(|| number(kept).map(|n| n * scale))?
}

/// `07/Nov/2026`.
fn common_date(text: &[u8]) -> Option<NaiveDate> {
    let [d1, d2, b'/', a, b, c, b'/', y1, y2, y3, y4] = *text else { return None };
    date(&[y1, y2, y3, y4], month([a, b, c])?, &[d1, d2])
}

/// `07/Nov/2026:12:34:56`, without a zone.
fn common_clock(text: &[u8]) -> Option<i64> {
    if text.len() != 20 || text[11] != b':' {
        return None;
    }
    clock(common_date(&text[..11])?, &text[12..], 0)
}

/// `07/Nov/2026:12:34:56 +0100`, as nginx and Traefik write it.
#[inline]
pub(super) fn common(text: &[u8]) -> Option<i64> {
    let (local, zone) = text.split_at_checked(20)?;
    Some(common_clock(local)? - offset_us(zone.strip_prefix(b" ")?)?)
}

/// `06/Feb/2026:12:14:14.655`, the time of day in `zone`, as `HAProxy` writes it.
///
/// Of an hour that comes twice, the first is taken; an hour that the clock left out is read as UTC.
pub(super) fn common_in(text: &[u8], zone: Tz) -> Option<i64> {
    let (local, fraction) = text.split_at_checked(20)?;
    let local_us = common_clock(local)?;
    let fraction = i64::try_from(fraction_us(fraction.strip_prefix(b".")?)?).ok()?;
    if zone == Tz::UTC {
        return Some(local_us + fraction);
    }
    let naive = chrono::DateTime::from_timestamp_micros(local_us)?.naive_utc();
    let at_us = zone.from_local_datetime(&naive).earliest().map_or(local_us, |at| at.timestamp_micros());
    Some(at_us + fraction)
}

/// `2026-11-07T12:34:56.789123456Z` (RFC 3339), as Traefik writes it in JSON.
#[inline]
pub(super) fn rfc3339(text: &[u8]) -> Option<i64> {
    let (local, rest) = text.split_at_checked(19)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', ..] = *local else { return None };
    let date = date(&[y1, y2, y3, y4], number(&[m1, m2])?, &[d1, d2])?;
    let (fraction, zone) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (fraction_us(&rest[..digits])?, &rest[digits..])
        }
        None => (0, rest),
    };
    let offset = if matches!(zone, b"Z" | b"z") { 0 } else { offset_us(zone)? };
    Some(clock(date, &local[11..], fraction)? - offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[track_caller]
    fn same(read: Option<i64>, expected: &str) {
        let expected: DateTime<chrono::Utc> = expected.parse().unwrap();
        assert_eq!(read, Some(expected.timestamp_micros()));
    }

    #[test]
    fn instants() {
        same(common(b"07/Nov/2026:12:34:56 +0100"), "2026-11-07T11:34:56Z");
        same(common(b"29/Feb/2028:23:59:60 -0330"), "2028-03-01T03:30:00Z");
        same(rfc3339(b"2026-11-07T12:34:56.789123456Z"), "2026-11-07T12:34:56.789123Z");
        same(rfc3339(b"2026-11-07T12:34:56+05:30"), "2026-11-07T07:04:56Z");
        same(common_in(b"06/Feb/2009:12:14:14.655", Tz::UTC), "2009-02-06T12:14:14.655Z");
        same(common_in(b"07/Jul/2026:12:14:14.655", Tz::Europe__Berlin), "2026-07-07T10:14:14.655Z");
        // The hour that comes twice, and the one that does not come.
        same(common_in(b"25/Oct/2026:02:30:00.000", Tz::Europe__Berlin), "2026-10-25T00:30:00Z");
        same(common_in(b"29/Mar/2026:02:30:00.000", Tz::Europe__Berlin), "2026-03-29T02:30:00Z");
    }

    #[test]
    fn what_is_no_instant() {
        for bad in [
            "",
            "07/Nov/2026:12:34:56",
            "31/Feb/2026:12:34:56 +0100",
            "07/Foo/2026:12:34:56 +0100",
            "07/Nov/2026:24:00:00 +0100",
            "07/Nov/2026:12:34:56 0100 ",
            "07/Nov/2026:12:34:56 +01000",
        ] {
            assert_eq!(common(bad.as_bytes()), None, "{bad}");
        }
        for bad in [
            "",
            "2026-13-07T12:34:56Z",
            "2026-11-07T12:34:56",
            "2026-11-07T12:34:56.Z",
            "2026-11-07T12:34:56.1",
        ] {
            assert_eq!(rfc3339(bad.as_bytes()), None, "{bad}");
        }
    }
}
