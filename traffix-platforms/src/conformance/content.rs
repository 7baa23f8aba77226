//! Laws of good answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Utc};
use traffix_core::Evidence;
use traffix_core::catalogue::PhaseKind;

use crate::upstream::{Placement, Request};
use crate::{Datum, ListingObservation, Platform};

use super::Law;
use super::question::{Answer, Question, each_value};

/// Longest title and identifier, that of the catalogue.
const MAX_TEXT_BYTES: usize = 300;

/// What is wrong with an answer, by law.
pub(super) fn problems(platform: &dyn Platform, question: &Question, answer: &Answer) -> Vec<(Law, String)> {
    let mut found = Vec::new();
    times(answer, &mut found);
    for listing in answer.listings() {
        title(platform, listing, &mut found);
        builds(listing, &mut found);
    }
    match (question, answer) {
        (Question::Refresh(asked), Answer::Listing(listing))
            if !listing.listing.external_ids().any(|id| id == asked.external_id) =>
        {
            let got = &listing.listing.external_id;
            found.push((Law::Plausible, format!("asked for {:?}, got {got:?}", asked.external_id)));
        }
        (_, Answer::Audience(audience)) => evidence(&audience.evidence, &mut found),
        (_, Answer::Hosts(hosts)) => {
            for host in hosts {
                let wrong = host.check();
                found.extend(wrong.iter().map(|finding| (Law::Findings, format!("{finding:?}"))));
                if host.platform.as_ref() != Some(&platform.id()) {
                    found.push((Law::Plausible, format!("a host of {:?}", host.platform)));
                }
                if host.observed.is_none() {
                    found.push((Law::Evidence, format!("{:?} has no date", host.host)));
                }
            }
        }
        _ => {}
    }
    found
}

fn times(answer: &Answer, found: &mut Vec<(Law, String)>) {
    each_value(&answer.document(), &mut |value| {
        let time = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        if let Some(time) = time.filter(|time| !(1990..=2100).contains(&time.year())) {
            found.push((Law::Plausible, format!("{time} is not between 1990 and 2100")));
        }
    });
}

fn title(platform: &dyn Platform, seen: &ListingObservation, found: &mut Vec<(Law, String)>) {
    let listing = &seen.listing;
    let name = listing.external_id.as_deref().unwrap_or_default();
    let mut wrong = |law: Law, what: String| found.push((law, format!("{name:?}: {what}")));
    let empty = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    if name.trim().is_empty() || empty(&seen.updates) {
        wrong(Law::Plausible, "an identifier is missing or empty".into());
    }
    if listing.platform != platform.id() {
        wrong(Law::Plausible, format!("a listing of {}", listing.platform));
    }
    if empty(&seen.title) || seen.title.as_ref().is_some_and(|title| title.len() > MAX_TEXT_BYTES) {
        wrong(Law::Plausible, format!("the title is empty or longer than {MAX_TEXT_BYTES} bytes"));
    }
    if seen.publishers.iter().chain(&seen.developers).any(|name| name.trim().is_empty()) {
        wrong(Law::Plausible, "a company without a name".into());
    }
    for finding in listing.findings() {
        wrong(Law::Findings, format!("{finding:?}"));
    }
    for picture in seen.thumbnails.iter().filter(|picture| !picture.url.starts_with("https://")) {
        wrong(Law::Findings, format!("{:?} is no address of a picture", picture.url));
    }
    evidence(&seen.evidence, found);
}

fn builds(seen: &ListingObservation, found: &mut Vec<(Law, String)>) {
    for build in &seen.builds {
        let id = &build.build.id;
        if id.trim().is_empty() || id.len() > MAX_TEXT_BYTES {
            found.push((Law::Plausible, format!("build {id:?} has no proper identifier")));
        }
        if let Some(update) = &build.update {
            let bytes = update.wire_bytes;
            if update.from.trim().is_empty() || bytes.low > bytes.high || bytes.high.0 == 0 {
                found.push((
                    Law::Plausible,
                    format!("build {id:?}: an update of {bytes} from {:?}", update.from),
                ));
            }
        }
        evidence(&build.evidence, found);
    }
}

fn evidence(evidence: &Evidence, found: &mut Vec<(Law, String)>) {
    found.extend(evidence.findings().iter().map(|finding| (Law::Evidence, format!("{finding:?}"))));
}

/// Answers must be as old as the recordings they come from: not of the day on which somebody runs the suite.
pub(super) fn undated(answer: &Answer, recorded: &BTreeSet<DateTime<Utc>>) -> Vec<String> {
    let of_listings = answer.listings().iter().map(|listing| &listing.evidence);
    let of_audience = match answer {
        Answer::Audience(audience) => Some(&audience.evidence),
        _ => None,
    };
    let all = of_listings.chain(of_audience);
    let foreign = all.filter(|evidence| !recorded.contains(&evidence.observed_at));
    foreign
        .map(|e| format!("{} is dated {}, which is no date of a recording", e.source, e.observed_at))
        .collect()
}

/// Which data an answer shows, with the first that shows it.
pub(super) fn shown(question: &Question, answer: &Answer, by: &mut BTreeMap<Datum, String>) {
    let mut show = |datum: Datum, is: bool| {
        if is {
            by.entry(datum).or_insert_with(|| question.to_string());
        }
    };
    if let Answer::Page(page) = answer {
        show(Datum::Listings, !page.items.is_empty());
    }
    for seen in answer.listings() {
        let listing = &seen.listing;
        let is_preload = |kind: PhaseKind| kind == PhaseKind::Preload;
        show(Datum::ReleaseInstant, listing.phases.iter().any(|phase| !is_preload(phase.kind)));
        let preload = listing.phases.iter().any(|phase| is_preload(phase.kind));
        show(Datum::Preload, preload || seen.builds.iter().any(|build| build.preload_at.is_some()));
        show(Datum::Builds, listing.build.is_some() || !seen.builds.is_empty());
        // A requirement of storage is a hint at the download too: `support()` then says that it is derived.
        show(Datum::DownloadSize, !listing.sizes.is_empty());
        show(Datum::UpdateSize, seen.builds.iter().any(|build| build.update.is_some()));
        show(Datum::Audience, !listing.audience.is_empty());
    }
    match answer {
        Answer::Audience(seen) => {
            show(Datum::Audience, !seen.audience.is_empty() || seen.players_now.is_some());
        }
        Answer::Hosts(hosts) => show(Datum::Hosts, !hosts.is_empty()),
        _ => {}
    }
}

/// The credential that a request asks for, unless the profile tells operators how to get it.
pub(super) fn needs_unlisted(platform: &dyn Platform, request: &Request) -> Option<String> {
    let name = request.credential.as_ref()?.name;
    let listed = platform.profile().credentials.iter().any(|need| need.name == name);
    (!listed).then(|| format!("profile.toml: [[credentials]] must list {name:?}, which a request asks for"))
}

/// What is wrong with a request: only the layer that knows the secrets may put one in.
pub(super) fn carries_secret(request: &Request) -> Option<String> {
    const NEVER: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
    let placement = request.credential.as_ref().map(|credential| &credential.placement);
    let header = request.headers.iter().map(|(name, _)| *name).find(|name| {
        let placed = matches!(placement, Some(Placement::Header(own)) if own.eq_ignore_ascii_case(name));
        placed || NEVER.iter().any(|never| never.eq_ignore_ascii_case(name))
    });
    let in_query = match placement {
        Some(Placement::Query(own)) => request.url.query_pairs().any(|(name, _)| name == *own),
        _ => false,
    };
    let in_address = !request.url.username().is_empty() || request.url.password().is_some();
    let what = match header {
        Some(header) => format!("header {header}"),
        None if in_query => "query".into(),
        None if in_address => "user name".into(),
        None => return None,
    };
    // The address is not shown: it may be what holds the secret.
    Some(format!("a request to {} has a secret in its {what}", request.url.host_str().unwrap_or_default()))
}
