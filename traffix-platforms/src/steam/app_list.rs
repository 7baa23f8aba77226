//! Lists of all apps: a hundred thousand rows and more, read one row at a time.
//!
//! No tree of the document is built: a row borrows from the body, a sink takes it, the next one comes. What is kept is
//! what the sink keeps.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::DataError;
use crate::wire::instant;

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppRow<'a> {
    /// The app.
    #[serde(rename = "appid")]
    pub id: u32,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(default)]
    last_modified: u64,
}

impl AppRow<'_> {
    /// Its title; some rows have none.
    pub fn title(&self) -> Option<&str> {
        Some(self.name.trim()).filter(|title| !title.is_empty())
    }

    /// When its store page was last changed, if the list says so.
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        instant(self.last_modified)
    }
}

/// What a list says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListEnd {
    /// Rows read.
    pub rows: usize,
    /// Whether there is another page …
    pub more: bool,
    /// … and after which app it begins.
    pub last_app: Option<u32>,
}

/// Gives every row of a list to `sink`, in the order of the document: a page of `IStoreService/GetAppList`, or a whole
/// `ISteamApps/GetAppList` of version 1 or 2. Rows may repeat.
///
/// ```
/// use traffix_platforms::steam::read_app_list;
/// let mut titles = Vec::new();
/// let json = br#"{"response":{"apps":[{"appid":10,"name":"Counter-Strike","last_modified":1745368572}]}}"#;
/// let end = read_app_list(json, |app| titles.extend(app.title().map(str::to_owned)))?;
/// assert_eq!((titles, end.rows, end.more), (vec!["Counter-Strike".to_owned()], 1, false));
/// # Ok::<(), traffix_platforms::DataError>(())
/// ```
///
/// # Errors
/// [`DataError`] with the line and the number of the row, also if there is no list at all. Rows before a mistake
/// have reached the sink.
pub fn read_app_list(json: &[u8], sink: impl FnMut(&AppRow<'_>)) -> Result<ListEnd, DataError> {
    let mut reader = Reader { sink, end: ListEnd::default(), seen: false };
    let mut document = serde_json::Deserializer::from_slice(json);
    let read = Level(&mut reader).deserialize(&mut document).and_then(|()| document.end());
    read.map_err(|error| DataError {
        line: error.line(),
        detail: format!("after row {} of the app list: {error}", reader.end.rows),
    })?;
    if reader.seen {
        Ok(reader.end)
    } else {
        Err(DataError { line: 0, detail: "there is no list of apps".to_owned() })
    }
}

struct Reader<S> {
    sink: S,
    end: ListEnd,
    seen: bool,
}

/// One level of the envelope: an object on the way to the list, or the list. All versions nest only members of these
/// names, so that one visitor reads them all.
struct Level<'r, S>(&'r mut Reader<S>);

impl<'de, S: FnMut(&AppRow<'_>)> DeserializeSeed<'de> for Level<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: FnMut(&AppRow<'_>)> Visitor<'de> for Level<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of apps or an object that holds one")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "response" | "applist" => {
                    // The last page of a list is an empty object.
                    self.0.seen = true;
                    map.next_value_seed(Level(&mut *self.0))?;
                }
                "apps" | "app" => map.next_value_seed(Level(&mut *self.0))?,
                "have_more_results" => self.0.end.more = map.next_value()?,
                "last_appid" => self.0.end.last_app = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element::<AppRow<'de>>()? {
            self.0.end.rows += 1;
            (self.0.sink)(&row);
        }
        Ok(())
    }
}

/// What a row is to somebody who knows some apps already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// Never seen.
    New,
    /// Its store page has changed since.
    Changed,
    /// Nothing new.
    Same,
}

/// Apps that are known, each with the time of its last change: 16 bytes an app.
#[derive(Debug, Clone, Default)]
pub struct KnownApps(HashMap<u32, u32>);

impl KnownApps {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a row in and says what was new about it. A list without times never changes what is known.
    ///
    /// ```
    /// use traffix_platforms::steam::{KnownApps, Novelty, read_app_list};
    /// let mut known = KnownApps::default();
    /// let mut merge = |time: u32| {
    ///     let json = format!(r#"{{"response":{{"apps":[{{"appid":10,"last_modified":{time}}}]}}}}"#);
    ///     let mut novelty = None;
    ///     read_app_list(json.as_bytes(), |app| novelty = Some(known.merge(app))).map(|_| novelty)
    /// };
    /// assert_eq!(merge(5)?, Some(Novelty::New));
    /// assert_eq!(merge(5)?, Some(Novelty::Same));
    /// assert_eq!(merge(7)?, Some(Novelty::Changed));
    /// # Ok::<(), traffix_platforms::DataError>(())
    /// ```
    pub fn merge(&mut self, app: &AppRow<'_>) -> Novelty {
        // Unix seconds fit until 2106; a time beyond is as late as can be said.
        let time = u32::try_from(app.last_modified).unwrap_or(u32::MAX);
        match self.0.get_mut(&app.id) {
            None => {
                self.0.insert(app.id, time);
                Novelty::New
            }
            Some(known) if *known < time => {
                *known = time;
                Novelty::Changed
            }
            Some(_) => Novelty::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = include_str!("fixtures/app_list.json");

    fn read(json: &str) -> (Vec<(u32, String, Option<String>)>, ListEnd) {
        let mut rows = Vec::new();
        let row = |app: &AppRow<'_>| {
            rows.push((
                app.id,
                app.title().unwrap_or("-").to_owned(),
                app.changed_at().map(|at| at.to_rfc3339()),
            ));
        };
        let end = read_app_list(json.as_bytes(), row).unwrap();
        (rows, end)
    }

    #[test]
    fn a_recorded_page_has_times_and_says_how_to_go_on() {
        let (rows, end) = read(PAGE);
        assert_eq!(end, ListEnd { rows: 5, more: true, last_app: Some(507_030) });
        assert_eq!(rows[0], (10, "Counter-Strike".into(), Some("2025-04-23T00:36:12+00:00".into())));
        let (rows, end) = read(include_str!("fixtures/app_list_last.json"));
        assert_eq!((rows.len(), end), (0, ListEnd::default()));
    }

    #[test]
    fn recorded_lists_of_the_old_versions_have_no_times() {
        let (rows, end) = read(include_str!("fixtures/app_list_v2.json"));
        assert!(rows.len() > 40 && !end.more);
        assert_eq!(rows[1], (1_835_870, "黑猫魔法师".into(), None));
        let (rows, _) = read(include_str!("fixtures/app_list_v1.json"));
        assert_eq!((rows.len(), &rows[0].1), (60, &"Dedicated Server".to_owned()));
    }

    #[test]
    fn titles_may_be_escaped_empty_or_absent() {
        let (rows, _) = read(
            r#"{"applist":{"apps":[{"appid":1,"name":"a\"b\u00e9"},{"appid":2,"name":" "},{"appid":3}]}}"#,
        );
        assert_eq!(rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>(), ["a\"bé", "-", "-"]);
    }

    #[test]
    fn mistakes_name_the_row() {
        let error = |json: &str| read_app_list(json.as_bytes(), |_| ()).unwrap_err().to_string();
        assert!(
            error(r#"{"response":{"apps":[{"appid":1},{"name":"x"}]}}"#)
                .contains("after row 1 of the app list: missing field")
        );
        assert!(error(r#"{"response":{"apps":[{"appid":1}"#).contains("after row 1"));
        assert!(error("{}").contains("there is no list"));
        assert!(error("<html>").contains("after row 0"));
        assert!(error(&r#"{"response":"#.repeat(5_000)).contains("recursion"));
        assert!(error(&"[".repeat(5_000)).contains("after row 0"));
    }

    proptest! {
        #[test]
        fn mutations_never_panic(at in 0..PAGE.len(), len in 0_usize..20, new in "[\"{}:,0-9\\[\\]a]{0,6}") {
            let mut bytes = PAGE.as_bytes().to_vec();
            bytes.splice(at..(at + len).min(PAGE.len()), new.bytes());
            let mut rows = 0;
            if let Ok(end) = read_app_list(&bytes, |_| rows += 1) {
                prop_assert_eq!(end.rows, rows);
            }
        }
    }
}
