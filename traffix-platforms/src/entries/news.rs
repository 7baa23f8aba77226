//! What a write changes, in words.

use std::fmt;

use chrono::{DateTime, Days, Months, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use traffix_core::Fact;
use traffix_core::catalogue::{ByteRange, DownloadSize, Listing, PlatformId, Precision, Ru, RuId, Window};

/// What sort of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewsKind {
    /// A title that the catalogue did not have.
    NewTitle,
    /// Another build is delivered, or will be.
    NewBuild,
    /// A size that was known is another one.
    SizeRevised,
    /// A date that was known is another one.
    DateSlipped,
    /// Anything else: more detail, an audience signal, a picture.
    Other,
}

impl NewsKind {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] =
        [Self::NewTitle, Self::NewBuild, Self::SizeRevised, Self::DateSlipped, Self::Other];
}

impl fmt::Display for NewsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NewTitle => "new-title",
            Self::NewBuild => "new-build",
            Self::SizeRevised => "size-revised",
            Self::DateSlipped => "date-slipped",
            Self::Other => "other",
        })
    }
}

/// One thing that a write changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct News {
    /// What sort.
    pub kind: NewsKind,
    /// Of which entry.
    pub ru: RuId,
    /// On which platform.
    pub platform: PlatformId,
    /// What of it: `title`, `build`, `wire_bytes`, `disk_bytes`, `preload`, `unlock` …, with variant or region.
    pub field: String,
    /// What was known; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is known now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Who says so.
    pub source: String,
}

/// What changes when `after` takes the place of `before` on `platform`; nothing if they are equal.
pub fn news(before: Option<&Ru>, after: &Ru, platform: &PlatformId) -> Vec<News> {
    if before == Some(after) {
        return Vec::new();
    }
    let make = Make { ru: &after.id, platform };
    let source = after.evidence.first().map(|evidence| evidence.source.as_str()).unwrap_or_default();
    let Some(before) = before else { return vec![created(&make, after, source)] };
    let mut found = Vec::new();
    if let Some((old, new)) = before.listing(platform).zip(after.listing(platform)) {
        builds(&make, old, new, &mut found);
        sizes(&make, old, new, &mut found);
        dates(&make, old, new, &mut found);
    }
    if found.is_empty() {
        found.push(other(&make, before, after, source));
    }
    found
}

fn created(make: &Make<'_>, after: &Ru, source: &str) -> News {
    let listing = after.listing(make.platform);
    // The update that a build makes has no identifier of its own on the platform.
    let build = listing.filter(|listing| listing.external_id.is_none()).and_then(|l| l.build.as_ref());
    match build {
        Some(build) => make.news(NewsKind::NewBuild, "build", (None, Some(json!(build.value.id))), source),
        None => make.news(NewsKind::NewTitle, "title", (None, Some(json!(after.title))), source),
    }
}

/// Names the first thing that differs.
fn other(make: &Make<'_>, before: &Ru, after: &Ru, source: &str) -> News {
    if before.title != after.title {
        let values = (Some(json!(before.title)), Some(json!(after.title)));
        return make.news(NewsKind::Other, "title", values, source);
    }
    let (old, new) = (before.listing(make.platform), after.listing(make.platform));
    let Some(new) = new.filter(|new| Some(*new) != old) else {
        return make.news(NewsKind::Other, "details", (None, None), source);
    };
    let mut old = old.map(members).unwrap_or_default();
    let fields = members(new);
    let changed = fields.into_iter().find(|(name, value)| old.get(name) != Some(value));
    let Some((field, value)) = changed else {
        return make.news(NewsKind::Other, "details", (None, None), source);
    };
    let source = first_source(&value).unwrap_or_else(|| source.to_owned());
    make.news(NewsKind::Other, &field, (old.remove(&field), Some(value)), &source)
}

fn members(listing: &Listing) -> serde_json::Map<String, Value> {
    match serde_json::to_value(listing) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}

/// The source of the latest statement in a JSON value.
fn first_source(value: &Value) -> Option<String> {
    fn search<'a>(value: &'a Value, latest: &mut Option<(&'a str, &'a str)>) {
        match value {
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                if let Some(found) = text("observed_at").zip(text("source")) {
                    *latest = (*latest).max(Some(found));
                }
                fields.values().for_each(|inner| search(inner, latest));
            }
            Value::Array(items) => items.iter().for_each(|inner| search(inner, latest)),
            _ => {}
        }
    }
    let mut latest = None;
    search(value, &mut latest);
    latest.map(|(_, source)| source.to_owned())
}

fn builds(make: &Make<'_>, old: &Listing, new: &Listing, found: &mut Vec<News>) {
    let Some((old, new)) = old.build.as_ref().zip(new.build.as_ref()) else { return };
    if old.value.id != new.value.id {
        let values = (Some(json!(old.value.id)), Some(json!(new.value.id)));
        found.push(make.news(NewsKind::NewBuild, "build", values, &new.evidence.source));
    }
}

/// One of the sizes of a variant.
type Pick = fn(&DownloadSize) -> Option<&Fact<ByteRange>>;

fn sizes(make: &Make<'_>, old: &Listing, new: &Listing, found: &mut Vec<News>) {
    let pairs = new.sizes.iter().filter_map(|size| {
        let before = old.sizes.iter().find(|before| before.variant == size.variant)?;
        Some((before, size))
    });
    let fields: [(&str, Pick); 2] =
        [("wire_bytes", |size| size.wire_bytes.as_ref()), ("disk_bytes", |size| size.disk_bytes.as_ref())];
    for (before, after) in pairs {
        for (name, pick) in fields {
            let Some((before, size)) = pick(before).zip(pick(after)) else { continue };
            if before.value != size.value {
                let field = labelled(name, after.variant.as_deref());
                let values = (Some(json!(before.value)), Some(json!(size.value)));
                found.push(make.news(NewsKind::SizeRevised, &field, values, &size.evidence.source));
            }
        }
    }
}

fn dates(make: &Make<'_>, old: &Listing, new: &Listing, found: &mut Vec<News>) {
    for phase in &new.phases {
        let before = old.phases.iter().find(|old| old.kind == phase.kind && old.region == phase.region);
        let Some(before) = before.filter(|old| moved(&old.window.value, &phase.window.value)) else {
            continue;
        };
        let kind = json!(phase.kind);
        let region = Some(phase.region.as_str()).filter(|region| *region != "world");
        let field = labelled(kind.as_str().unwrap_or("phase"), region);
        let values = (Some(json!(before.window.value)), Some(json!(phase.window.value)));
        found.push(make.news(NewsKind::DateSlipped, &field, values, &phase.window.evidence.source));
    }
}

fn labelled(name: &str, label: Option<&str>) -> String {
    label.map_or_else(|| name.to_owned(), |label| format!("{name} ({label})"))
}

struct Make<'a> {
    ru: &'a RuId,
    platform: &'a PlatformId,
}

impl Make<'_> {
    fn news(
        &self,
        kind: NewsKind,
        field: &str,
        (before, after): (Option<Value>, Option<Value>),
        source: &str,
    ) -> News {
        let (ru, platform) = (self.ru.clone(), self.platform.clone());
        News { kind, ru, platform, field: field.to_owned(), before, after, source: source.to_owned() }
    }
}

/// Whether a window lies elsewhere than before, beyond what the precision of either leaves open.
///
/// A day within the month that was named before has not moved.
pub fn moved(before: &Window, after: &Window) -> bool {
    before.start >= end(after) || after.start >= end(before)
}

/// The end of the span in which the start lies.
pub(super) fn end(window: &Window) -> DateTime<Utc> {
    let start = window.start;
    let months = |n| start.checked_add_months(Months::new(n));
    let end = match window.precision {
        Precision::Minute => start.checked_add_signed(TimeDelta::minutes(1)),
        Precision::Hour => start.checked_add_signed(TimeDelta::hours(1)),
        Precision::Day => start.checked_add_days(Days::new(1)),
        Precision::Month => months(1),
        Precision::Quarter => months(3),
        Precision::Year => months(12),
    };
    end.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
