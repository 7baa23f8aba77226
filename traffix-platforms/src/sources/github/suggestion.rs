//! What somebody suggests, field by field.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use traffix_core::{Bytes, Invalid};
use url::Url;

use super::form::{self, Field};
use super::wire::{Issue, Label};

/// Largest size that is taken without a second look, in GB. Assumed: few games of 2026 are larger.
pub const MAX_SIZE_GB: u64 = 250;
/// Longest text of a field.
const MAX_TEXT_BYTES: usize = 300;
/// Most labels that are kept.
const MAX_LABELS: usize = 100;

/// A release or update that somebody suggests. Every text in it comes from a stranger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Number of the issue.
    pub number: u64,
    /// Title of the issue, at most 300 bytes of it.
    pub title: String,
    /// Name of the game, film or program.
    pub name: Option<String>,
    /// Version, of an update.
    pub version: Option<String>,
    /// Bytes on the wire of one download; the form asks for GB, 10⁹ bytes.
    pub wire_bytes: Option<Bytes>,
    /// Day of the release.
    pub date: Option<NaiveDate>,
    /// Where this is written.
    pub source: Option<Url>,
    /// Labels of the issue.
    pub labels: Vec<String>,
    /// Reactions of any kind.
    pub reactions: u64,
    /// Rockets among them: votes for the suggestion.
    pub rockets: u64,
    /// Whether the issue is open.
    pub is_open: bool,
    /// The issue's page.
    pub url: Option<Url>,
    /// When the issue last changed; a reaction is no change.
    pub updated_at: Option<DateTime<Utc>>,
    /// What is wrong with it: a field that is named here is absent or cut.
    pub findings: Vec<Invalid>,
}

impl From<Issue> for Suggestion {
    fn from(issue: Issue) -> Self {
        let mut findings = Vec::new();
        let title = title(issue.title.as_deref().unwrap_or_default(), &mut findings);
        let body = issue.body.unwrap_or_default();
        let values = form::values(&body);
        let mut one = |field, pointer, required| {
            let mut of_field = values.iter().filter(|(found, _)| *found == field).map(|(_, value)| *value);
            let (first, second) = (of_field.next(), of_field.next());
            if second.is_some() {
                findings.push(Invalid::new(pointer, "must be given once; the first is taken"));
            }
            if first.is_none() && required {
                findings.push(Invalid::new(pointer, "must be given"));
            }
            first
        };
        let fields = [
            one(Field::Name, "/name", true),
            one(Field::Version, "/version", false),
            one(Field::Size, "/wire_bytes", false),
            one(Field::Date, "/date", true),
            one(Field::Source, "/source", true),
        ];
        let [name, version, size, date, source] = fields;
        let labels = issue.labels.into_iter().filter_map(|label| match label {
            Label::Object { name } => name,
            Label::Text(name) => Some(name),
        });
        Self {
            number: issue.number,
            title,
            name: checked(name, "/name", text, &mut findings),
            version: checked(version, "/version", text, &mut findings),
            wire_bytes: checked(size, "/wire_bytes", size_bytes, &mut findings),
            date: checked(date, "/date", day, &mut findings),
            source: checked(source, "/source", address, &mut findings),
            labels: labels.take(MAX_LABELS).collect(),
            reactions: issue.reactions.as_ref().map_or(0, |reactions| reactions.total_count),
            rockets: issue.reactions.as_ref().map_or(0, |reactions| reactions.rocket),
            is_open: issue.state.as_deref() == Some("open"),
            url: issue.html_url.as_deref().and_then(|url| address(url).ok()),
            updated_at: issue.updated_at,
            findings,
        }
    }
}

/// The value of a field, or a finding.
fn checked<T>(
    value: Option<&str>,
    pointer: &str,
    check: impl Fn(&str) -> Result<T, String>,
    findings: &mut Vec<Invalid>,
) -> Option<T> {
    check(value?).map_err(|detail| findings.push(Invalid::new(pointer, detail))).ok()
}

fn title(title: &str, findings: &mut Vec<Invalid>) -> String {
    let fine = text(title);
    if let Err(detail) = &fine {
        findings.push(Invalid::new("/title", detail.clone()));
    }
    let cut = title.floor_char_boundary(MAX_TEXT_BYTES);
    fine.unwrap_or_else(|_| title[..cut].chars().filter(|c| !c.is_control()).collect())
}

fn text(text: &str) -> Result<String, String> {
    let fine = !text.trim().is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control);
    if fine { Ok(text.to_owned()) } else { Err(format!("must be one line of 1 to {MAX_TEXT_BYTES} bytes")) }
}

/// `83`, `83.5` or `83.5 GB`.
fn size_bytes(text: &str) -> Result<Bytes, String> {
    let number = text.strip_suffix("GB").or_else(|| text.strip_suffix("gb")).unwrap_or(text).trim_end();
    let digits = number.len() <= 20 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let bytes = digits.then(|| format!("{number} GB").parse::<Bytes>().ok()).flatten();
    let fine = bytes.filter(|bytes| (1..=MAX_SIZE_GB * 1_000_000_000).contains(&bytes.0));
    fine.ok_or_else(|| format!("must be a size in GB, above 0 and at most {MAX_SIZE_GB}, such as 83.5"))
}

/// `31/12/2026`.
fn day(text: &str) -> Result<NaiveDate, String> {
    let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'/');
    let day = shape.then(|| NaiveDate::parse_from_str(text, "%d/%m/%Y").ok()).flatten();
    day.filter(|day| (2000..=2100).contains(&day.year()))
        .ok_or_else(|| "must be a day of this century such as 31/12/2026".to_owned())
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "https" | "http") && url.host_str().is_some() && plain && text.len() <= 2_000
    });
    url.ok_or_else(|| "must be a http or https address of at most 2000 bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_gb() {
        let size = |text| size_bytes(text).ok().map(|bytes| bytes.0);
        assert_eq!(size("83"), Some(83_000_000_000));
        assert_eq!(size("83.5 GB"), Some(83_500_000_000));
        assert_eq!(size("0.2gb"), Some(200_000_000));
        assert_eq!(size("250"), Some(250_000_000_000));
        for bad in
            ["", "0", "250.1", "-1", "1e2", "83 MB", "83,5", "..", "NaN", "99999999999999999999999", "GB"]
        {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn days_are_day_month_year() {
        assert_eq!(day("01/02/2027").unwrap().to_string(), "2027-02-01");
        for bad in [
            "2027-02-01",
            "1/2/2027",
            "31/02/2027",
            "01/13/2027",
            "01/01/1999",
            "01/01/27",
            "soon",
            "+1/01/2027",
        ] {
            assert!(day(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sources_are_addresses() {
        assert!(address("https://example.org/a?b").is_ok());
        for bad in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "example.org",
            "https://a:b@example.org/",
            "data:text/html,x",
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }
}
