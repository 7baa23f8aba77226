//! Assertions as reviewed text: one line a statement, sources declared once.
//!
//! ```text
//! # comment
//! source<TAB>s1<TAB>community-list<TAB>2025-07-24<TAB>https://github.com/uklans/cache-domains @098c1e9
//! steam<TAB>valve<TAB>32590<TAB>origin<TAB>*.steamcontent.com<TAB>-<TAB>current<TAB>s1<TAB>-<TAB>-
//! ```
//!
//! The fields of a statement: platform (`*`: the CDN whatever it serves), CDN, ASN, role, host pattern, region or
//! site code, status, key of the source, share as the source printed it, note. `-` is "not known" everywhere; an
//! undated source has `-` for its date. Tenancy, confidence and the end of validity are not written: they follow
//! from the role, the kind of evidence and the CDN registry.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{
    Assertion, CdnId, EvidenceKind, HostPattern, PartialDate, Role, Status, Tenancy,
};

use crate::cdn::{self, Cdn};
use crate::embedded::must;
use crate::error::DataError;
use crate::profile::Profile;
use crate::registry::PLATFORMS;

/// Confidence in a statement that nobody has verified lately, as a factor. Assumed.
const UNVERIFIED_FACTOR: f64 = 0.5;
/// Confidence in a statement without a date, as a factor. Assumed.
const UNDATED_FACTOR: f64 = 0.8;

static ELSEWHERE: LazyLock<Vec<Assertion>> =
    LazyLock::new(|| must("cdn/delivery.tsv", parse(include_str!("cdn/delivery.tsv"))));

/// Every assertion this crate knows: those of the registered platforms in registry order, then those about other
/// platforms and about CDNs themselves.
///
/// ```
/// use traffix_platforms::delivery;
/// assert!(delivery::assertions().all(|assertion| assertion.check().is_empty()));
/// ```
pub fn assertions() -> impl Iterator<Item = &'static Assertion> {
    PLATFORMS.iter().flat_map(|platform| &platform.profile().assertions).chain(elsewhere())
}

/// Assertions about platforms that have no folder, and about CDNs whatever they serve.
pub fn elsewhere() -> &'static [Assertion] {
    &ELSEWHERE
}

/// Reads the text form, filling in what follows from the embedded CDN registry.
///
/// # Errors
/// [`DataError`] with the line and what is allowed there.
pub fn parse(text: &str) -> Result<Vec<Assertion>, DataError> {
    let mut sources = BTreeMap::new();
    let mut assertions = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = text.split('\t').collect();
        let at = |detail: String| DataError { line, detail };
        if fields[0] == "source" {
            let (key, source) = parse_source(&fields).map_err(at)?;
            if sources.insert(key.to_owned(), source).is_some() {
                return Err(at(format!("source {key:?} is declared twice")));
            }
        } else {
            assertions.push(parse_assertion(&fields, &sources).map_err(at)?);
        }
    }
    Ok(assertions)
}

#[derive(Debug, Clone)]
struct Source {
    evidence: EvidenceKind,
    observed: Option<PartialDate>,
    text: Arc<str>,
}

fn parse_source<'t>(fields: &[&'t str]) -> Result<(&'t str, Source), String> {
    let [_, key, evidence, observed, text] = fields else {
        return Err("a source has five fields: source, key, kind, date, text".into());
    };
    let source = Source {
        evidence: word(evidence)?,
        observed: known(observed).map(str::parse).transpose().map_err(|error| format!("date {error}"))?,
        text: Arc::from(*text),
    };
    Ok((key, source))
}

fn parse_assertion(fields: &[&str], sources: &BTreeMap<String, Source>) -> Result<Assertion, String> {
    let &[platform, cdn, asn, role, host, place, status, source, share_hint, note] = fields else {
        return Err(format!("an assertion has ten fields separated by tabs, this line has {}", fields.len()));
    };
    let source = sources.get(source).ok_or_else(|| format!("source {source:?} is not declared above"))?;
    let cdn: Option<CdnId> = optional(known(cdn), "cdn")?;
    let registered = match &cdn {
        Some(id) => Some(cdn::find(id).ok_or_else(|| format!("cdn {id} is not in the CDN registry"))?),
        None => None,
    };
    let role = word(role)?;
    let status = word(status)?;
    // Site codes are lower case, regions are not: `fra1`, `sto2` against `DE`, `EU`.
    let (site, region) = match known(place) {
        Some(place) if place.bytes().any(|b| b.is_ascii_lowercase()) => (Some(place.to_owned()), None),
        place => (None, optional::<Region>(place, "region")?),
    };
    let assertion = Assertion {
        platform: optional::<PlatformId>((platform != "*").then_some(platform), "platform")?,
        asn: optional(known(asn), "asn")?,
        prefix: None,
        host: optional(known(host), "host")?,
        role,
        tenancy: tenancy(role, registered),
        region,
        site,
        status,
        evidence: source.evidence,
        source: Arc::clone(&source.text),
        observed: source.observed,
        valid_from: None,
        valid_until: registered.filter(|_| status == Status::Historical).and_then(|cdn| cdn.ended),
        confidence: confidence(source, status),
        share_hint: known(share_hint).map(Arc::from),
        note: known(note).map(Arc::from),
        cdn,
    };
    match assertion.check().into_iter().next() {
        Some(finding) => Err(finding.to_string()),
        None => Ok(assertion),
    }
}

/// That the owner of `profile` itself names `host` as a server. The delivery network is told only where a reviewed
/// assertion of the profile names one for this very host: names are no evidence.
pub(crate) fn official(
    profile: &Profile,
    host: HostPattern,
    source: &str,
    observed_at: DateTime<Utc>,
) -> Assertion {
    let reviewed = profile.assertions.iter().find(|known| {
        known.status == Status::Current && known.cdn.is_some() && known.host.as_ref() == Some(&host)
    });
    let cdn = reviewed.and_then(|known| known.cdn.clone());
    Assertion {
        platform: Some(profile.id.clone()),
        asn: reviewed.and_then(|known| known.asn),
        prefix: None,
        host: Some(host),
        role: Role::Cdn,
        tenancy: tenancy(Role::Cdn, cdn.as_ref().and_then(cdn::find)),
        region: None,
        site: None,
        status: Status::Current,
        evidence: EvidenceKind::Official,
        source: Arc::from(source),
        observed: Some(PartialDate::day(observed_at.date_naive())),
        valid_from: None,
        valid_until: None,
        confidence: EvidenceKind::Official.confidence(),
        share_hint: None,
        note: None,
        cdn,
    }
}

fn tenancy(role: Role, cdn: Option<&Cdn>) -> Tenancy {
    match (role, cdn) {
        (Role::EmbeddedCache, _) => Tenancy::Embedded,
        // A statement about a third party is not embedded, even if the CDN mostly is.
        (_, Some(cdn)) if cdn.tenancy != Tenancy::Embedded => cdn.tenancy,
        (Role::Origin, None) => Tenancy::Dedicated,
        (Role::Origin | Role::Cdn, _) => Tenancy::Shared,
    }
}

fn confidence(source: &Source, status: Status) -> f64 {
    let verified = if status == Status::Unverified { UNVERIFIED_FACTOR } else { 1.0 };
    let dated = if source.observed.is_none() { UNDATED_FACTOR } else { 1.0 };
    source.evidence.confidence() * verified * dated
}

/// The text form of assertions, as [`parse`] reads it; sources are numbered in order of appearance.
pub fn print(assertions: &[Assertion]) -> String {
    let mut sources: Vec<(&str, EvidenceKind, Option<PartialDate>)> = Vec::new();
    let mut lines = String::new();
    for assertion in assertions {
        let source = (&*assertion.source, assertion.evidence, assertion.observed);
        let index = sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
        let region = assertion.region.as_ref().map(ToString::to_string).or_else(|| assertion.site.clone());
        let fields = [
            assertion.platform.as_ref().map_or("*".into(), ToString::to_string),
            field(assertion.cdn.as_ref()),
            field(assertion.asn.map(|asn| asn.0)),
            label(assertion.role),
            field(assertion.host.as_ref()),
            field(region),
            label(assertion.status),
            format!("s{}", index + 1),
            field(assertion.share_hint.as_ref()),
            field(assertion.note.as_ref()),
        ];
        lines.push_str(&fields.join("\t"));
        lines.push('\n');
    }
    let mut text = String::from(
        "# Who delivers what. Fields: platform, CDN, ASN, role, host, region or site, status, source, share hint, note.\n",
    );
    for (number, (source, evidence, observed)) in (1..).zip(sources) {
        text.push_str(
            &["source", &format!("s{number}"), &label(evidence), &field(observed), source].join("\t"),
        );
        text.push('\n');
    }
    text + &lines
}

fn field(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `-` is "not known".
fn known(field: &str) -> Option<&str> {
    (field != "-").then_some(field)
}

fn optional<T: std::str::FromStr>(field: Option<&str>, name: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    field.map(str::parse).transpose().map_err(|error| format!("{name}: {error}"))
}

/// A word of an enum, as serde names it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let value = serde_json::Value::String(text.to_owned());
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// The inverse of [`word`].
pub(crate) fn label(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "source\ts1\tofficial\t2026\there\nsteam\tvalve\t32590\torigin\tcache*-fra1.x.org\tfra1\tcurrent\ts1\t-\t-\n";

    #[test]
    fn a_line_becomes_an_assertion() {
        let all = parse(GOOD).unwrap();
        assert_eq!(all[0].site.as_deref(), Some("fra1"));
        assert_eq!(all[0].tenancy, Tenancy::Dedicated);
        assert_eq!(parse(&print(&all)).unwrap(), all);
    }

    #[test]
    fn mistakes_name_the_line() {
        for (from, to, says) in [
            ("s1\t-", "s2\t-", "line 2: source \"s2\" is not declared above"),
            ("origin", "owner", "line 2: unknown variant `owner`"),
            ("valve", "velve", "line 2: cdn velve is not in the CDN registry"),
            ("official", "rumour", "line 1: unknown variant `rumour`"),
            ("2026", "soon", "line 1: date \"soon\" must be a date"),
            ("\tcurrent", "", "line 2: an assertion has ten fields"),
        ] {
            let message = parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(message.starts_with(says), "{message}");
        }
    }
}
