//! The table of platforms as a document, written from the registry so that it cannot go stale by hand.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::NaiveDate;
use serde::Serialize;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{Assertion, CdnId};

use crate::delivery::label;
use crate::platform::{Platform, PlatformExt};
use crate::profile::{CdnShares, Profile, Provenance};
use crate::registry::PLATFORMS;
use crate::sources::SOURCES;
use crate::support::Datum;
use crate::{cdn, delivery, prefixes};

/// What somebody should look through again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewDue {
    /// The platform.
    pub platform: PlatformId,
    /// The day by which its profile should have been reviewed, if that day has come.
    pub profile_since: Option<NaiveDate>,
    /// How many assertions about who delivers for it are due.
    pub assertions: usize,
}

/// The platforms of which something is due for review on `day`, by slug. The document has no date of today: whoever
/// has a clock asks this.
///
/// ```
/// use traffix_platforms::docs::reviews_due;
/// let later = reviews_due("2030-01-01".parse().unwrap());
/// assert_eq!(later.len(), traffix_platforms::PLATFORMS.len());
/// assert!(later.iter().all(|due| due.profile_since.is_some()));
/// ```
pub fn reviews_due(day: NaiveDate) -> Vec<ReviewDue> {
    let of = |platform: &&dyn Platform| {
        let profile = platform.profile();
        let stale = |assertion: &&Assertion| assertion.review_due().is_some_and(|due| due <= day);
        ReviewDue {
            platform: profile.id.clone(),
            profile_since: profile.is_review_due(day).then_some(profile.review_due),
            assertions: profile.assertions.iter().filter(stale).count(),
        }
    };
    let is_due = |due: &ReviewDue| due.profile_since.is_some() || due.assertions > 0;
    PLATFORMS.iter().map(of).filter(is_due).collect()
}

/// `docs/platforms.md`: what is known about every platform, by whom, and when somebody should look again.
///
/// It depends on nothing but the registry: no date of today, so that the document changes only with the data.
///
/// ```
/// let text = traffix_platforms::docs::support_markdown();
/// assert!(text.starts_with("# Platforms\n"));
/// assert!(text.contains("## Steam"));
/// ```
pub fn support_markdown() -> String {
    let mut text = String::from(
        "# Platforms\n\nWritten by `cargo xtask codegen` from the registry of `traffix-platforms`; edit the profiles, not this page.\n\n",
    );
    overview(&mut text);
    support_table(&mut text);
    credentials(&mut text);
    for platform in PLATFORMS {
        section(&mut text, *platform);
    }
    networks(&mut text);
    sources_table(&mut text);
    text
}

/// Appends a line. Writing to a `String` cannot fail.
macro_rules! line {
    ($text:expr) => { $text.push('\n') };
    ($text:expr, $($arg:tt)*) => {{
        let _ = writeln!($text, $($arg)*);
    }};
}

fn overview(text: &mut String) {
    line!(
        text,
        "| platform | slug | kind | client behaviour | default weight | CDNs today | facts | assertions | sources | reviewed | review due |"
    );
    line!(text, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for platform in PLATFORMS {
        let profile = platform.profile();
        line!(
            text,
            "| {} | `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            profile.name,
            profile.id,
            label(profile.kind).replace('-', " "),
            behaviour(profile),
            weight(*platform),
            names(&platform.cdns()),
            profile.provenances().len(),
            profile.assertions.len(),
            sources(profile),
            profile.reviewed,
            profile.review_due,
        );
    }
    line!(text);
    line!(
        text,
        "A default weight is the platform's part of a release that is on every group of platforms; those marked with a group share it."
    );
    line!(
        text,
        "Assertions say who delivers, each with a source; a CDN is listed if a current one names it."
    );
}

/// Every platform against every datum, in one word.
fn support_table(text: &mut String) {
    line!(text, "\n## What they publish\n");
    let data: Vec<String> = Datum::ALL.iter().map(ToString::to_string).collect();
    line!(text, "| platform | {} |", data.join(" | "));
    line!(text, "| --- |{}", " --- |".repeat(data.len()));
    for platform in PLATFORMS {
        let words: Vec<&str> =
            platform.support().iter().map(|(_, availability)| availability.word()).collect();
        line!(text, "| {} | {} |", platform.profile().name, words.join(" | "));
    }
    line!(text, "\nHow each is had, or why not, is said below.");
}

/// What an operator must obtain, for platforms and other sources.
fn credentials(text: &mut String) {
    line!(text, "\n## Credentials\n");
    line!(text, "Configured under `[credentials]` by name; what is not listed needs none.\n");
    line!(text, "| credential | for | purpose | how to get it |");
    line!(text, "| --- | --- | --- | --- |");
    for profile in PLATFORMS.iter().map(|platform| platform.profile()) {
        for need in &profile.credentials {
            let optional = if need.required { "" } else { " (optional)" };
            let (purpose, obtain) = (cell(&need.purpose), cell(&need.obtain));
            line!(text, "| `{}`{optional} | {} | {purpose} | {obtain} |", need.name, profile.name);
        }
    }
    for source in SOURCES {
        if let Some((name, obtain)) = source.credential {
            line!(text, "| `{name}` (optional) | {} | {} | {obtain} |", source.name, source.gives);
        }
    }
}

/// Sources beside the platforms.
fn sources_table(text: &mut String) {
    line!(text, "\n# Other sources\n");
    line!(text, "| source | gives | terms | written at | looked up |");
    line!(text, "| --- | --- | --- | --- | --- |");
    for source in SOURCES {
        let (terms, place) = (cell(source.terms), cell(source.source));
        line!(text, "| {} | {} | {terms} | {place} | {} |", source.name, source.gives, source.reviewed);
    }
}

/// What the client does in a few words; "not known" if nobody has written any of it down.
fn behaviour(profile: &Profile) -> String {
    let words: Vec<String> = profile
        .behaviour
        .facts()
        .into_iter()
        .map(|(name, value, _)| match value.as_str() {
            "yes" => name.to_owned(),
            "no" => format!("no {name}"),
            _ => value,
        })
        .collect();
    if words.is_empty() { "not known".to_owned() } else { words.join(", ") }
}

/// How many different sources the facts and assertions have.
fn sources(profile: &Profile) -> usize {
    let facts = profile.provenances().into_iter().map(|(_, provenance)| provenance.source.as_str());
    facts.chain(profile.assertions.iter().map(|a| &*a.source)).collect::<BTreeSet<_>>().len()
}

fn weight(platform: &dyn Platform) -> String {
    platform.default_weight(&Region::WORLD).map_or_else(
        || "not known".to_owned(),
        |weight| match &weight.group {
            Some(group) => format!("{} ({group}, {})", weight.share, label(weight.provenance.basis)),
            None => format!("{} ({})", weight.share, label(weight.provenance.basis)),
        },
    )
}

fn names(ids: &[CdnId]) -> String {
    ids.iter().map(CdnId::as_str).collect::<Vec<_>>().join(", ")
}

fn section(text: &mut String, platform: &dyn Platform) {
    let profile = platform.profile();
    line!(text, "\n## {}\n", profile.name);
    let dated = profile.assertions.iter().filter_map(|a| a.observed);
    let seen =
        dated.clone().min_by_key(|date| date.first_day()).zip(dated.max_by_key(|date| date.first_day()));
    let seen = seen.map_or_else(String::new, |(first, last)| format!(", seen from {first} to {last}"));
    line!(
        text,
        "Run by {}. {} download hosts in {} assertions{seen}; {} of them are due for review by {}.\n",
        profile.owner,
        platform.hosts().len(),
        profile.assertions.len(),
        profile
            .assertions
            .iter()
            .filter(|a| a.review_due().is_some_and(|due| due <= profile.review_due))
            .count(),
        profile.review_due,
    );
    stated(text, profile);
    line!(text, "| datum | | how |");
    line!(text, "| --- | --- | --- |");
    for (datum, availability) in platform.support().iter() {
        line!(text, "| {datum} | {} | {} |", availability.word(), cell(availability.how()));
    }
}

fn stated(text: &mut String, profile: &Profile) {
    line!(text, "| fact | value | basis | confidence | source | date | note |");
    line!(text, "| --- | --- | --- | --- | --- | --- | --- |");
    for (name, value, provenance) in profile.behaviour.facts() {
        fact(text, name, &value, provenance);
    }
    for weight in &profile.weights {
        let group = weight.group.as_ref().map_or_else(String::new, |group| format!(" (group {group})"));
        fact(
            text,
            &format!("weight, {}", weight.region),
            &format!("{}{group}", weight.share),
            &weight.provenance,
        );
    }
    for country in &profile.countries {
        fact(text, &format!("users, {}", country.region), &country.share.to_string(), &country.provenance);
    }
    for shares in &profile.shares {
        fact(text, &format!("CDN shares, {}", shares.region), &split(shares), &shares.provenance);
    }
    if let Some(terms) = &profile.terms {
        fact(text, "terms", &terms.value, &terms.provenance);
    }
    line!(text);
}

fn split(shares: &CdnShares) -> String {
    let part = |part: &crate::profile::CdnShare| {
        format!("{} {}", part.cdn.as_ref().map_or("unknown", CdnId::as_str), part.share)
    };
    shares.parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn fact(text: &mut String, name: &str, value: &str, provenance: &Provenance) {
    line!(
        text,
        "| {name} | {} | {} | {} | {} | {} | {} |",
        cell(value),
        label(provenance.basis),
        provenance.confidence,
        cell(&provenance.source),
        provenance.date,
        cell(provenance.note.as_deref().unwrap_or_default()),
    );
}

/// Text that stays in its table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

fn networks(text: &mut String) {
    let counts = prefixes::counts();
    let (mut ipv4, mut ipv6) = (0, 0);
    line!(text, "\n# Delivery networks\n");
    line!(text, "| network | slug | kind | tenancy | status | ASNs | IPv4 prefixes | IPv6 prefixes | seen |");
    line!(text, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for cdn in cdn::cdns() {
        let of = counts.iter().filter(|((id, _), _)| *id == cdn.id).map(|(_, count)| *count);
        let (v4, v6) = of.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        (ipv4, ipv6) = (ipv4 + v4, ipv6 + v6);
        let asns = cdn.asns().map(|record| record.asn.0.to_string()).collect::<Vec<_>>().join(", ");
        let ended = cdn.ended.map_or_else(String::new, |date| format!(" since {date}"));
        line!(
            text,
            "| {} | `{}` | {} | {} | {}{ended} | {asns} | {v4} | {v6} | {} |",
            cell(&cdn.name),
            cdn.id,
            label(cdn.kind),
            label(cdn.tenancy),
            label(cdn.status),
            cdn.observed,
        );
    }
    line!(
        text,
        "\n{ipv4} IPv4 and {ipv6} IPv6 prefixes, {} assertions. Embedded caches use the addresses of the operator that hosts them and have no prefixes here.",
        delivery::assertions().count(),
    );
}
