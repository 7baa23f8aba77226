//! Tolerant reading of upstream documents: numbers as text, instants in several spellings, absent for odd.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

/// A number that may be written as text, empty, null or absent. For `#[serde(default, deserialize_with = …)]`.
///
/// # Errors
/// If there is something that is neither a count nor the text of one.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Option::<NumberOrText>::deserialize(deserializer)? {
        None => Ok(None),
        Some(NumberOrText::Number(number)) => Ok(Some(number)),
        Some(NumberOrText::Text(text)) if text.trim().is_empty() => Ok(None),
        Some(NumberOrText::Text(text)) => text.trim().parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// Seconds since 1970, as a number or text; 0 is how many services write "none".
///
/// # Errors
/// If there is something that is neither a count nor the text of one.
pub(crate) fn unix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(count(deserializer)?.and_then(instant))
}

/// The instant of so many seconds since 1970, unless it is 0 or beyond the calendar.
pub(crate) fn instant(unix_secs: u64) -> Option<DateTime<Utc>> {
    let secs = i64::try_from(unix_secs).ok().filter(|secs| *secs > 0)?;
    DateTime::from_timestamp(secs, 0)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

#[cfg(test)]
mod tests {
    #[derive(serde::Deserialize, PartialEq, Debug)]
    struct Row {
        #[serde(default, deserialize_with = "super::count")]
        n: Option<u64>,
        #[serde(default, deserialize_with = "super::unix")]
        at: Option<chrono::DateTime<chrono::Utc>>,
    }

    #[test]
    fn numbers_may_be_text_empty_or_absent() {
        let read = |json| serde_json::from_str::<Row>(json).map(|row| row.n);
        assert_eq!(read(r#"{"n":7}"#).unwrap(), Some(7));
        assert_eq!(read(r#"{"n":"7"}"#).unwrap(), Some(7));
        assert_eq!(read(r#"{"n":""}"#).unwrap(), None);
        assert_eq!(read(r#"{"n":null}"#).unwrap(), None);
        assert_eq!(read("{}").unwrap(), None);
        assert!(read(r#"{"n":"seven"}"#).is_err());
    }

    #[test]
    fn zero_is_no_instant() {
        let at = |json| serde_json::from_str::<Row>(json).unwrap().at;
        assert_eq!(at(r#"{"at":0}"#), None);
        assert_eq!(at(r#"{"at":"1700000000"}"#).unwrap().to_rfc3339(), "2023-11-14T22:13:20+00:00");
        assert_eq!(at(r#"{"at":18446744073709551615}"#), None);
    }
}
