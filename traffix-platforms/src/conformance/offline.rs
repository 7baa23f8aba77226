//! Laws of the profile: what holds without asking anybody.

use crate::upstream::Replay;
use crate::upstream::address::is_public;
use crate::{Platform, PlatformError, PlatformExt, platform};

use super::probe::{Plan, Probe};
use super::question::{Question, Trouble};
use super::{Law, Report};

/// How texts begin that somebody has still to write; `cargo xtask new-platform` writes them.
const TO_WRITE: &str = "TODO";

pub(super) fn check(platform: &dyn Platform, report: &mut Report) {
    slug(platform, report);
    prefixes(platform, report);
    sources(platform, report);
    written(platform, report);
}

fn slug(one: &dyn Platform, report: &mut Report) {
    let id = one.id();
    if id != one.id() || id != one.profile().id {
        report.fail(Law::Slug, format!("id() gives {id}, the profile {}", one.profile().id));
    }
    if let Ok(registered) = platform(id.as_str())
        && registered.profile() != one.profile()
    {
        report.fail(Law::Slug, format!("{id} is the slug of {}", registered.profile().name));
    }
}

fn prefixes(platform: &dyn Platform, report: &mut Report) {
    let asserted = platform.profile().assertions.iter().filter_map(|assertion| assertion.prefix);
    let of_networks = platform.prefixes().flat_map(|(_, group)| group.prefixes.iter().copied());
    for prefix in asserted.chain(of_networks) {
        if prefix.prefix_len() == 0 || !is_public(prefix.network()) || !is_public(prefix.broadcast()) {
            report.fail(Law::Prefixes, format!("{prefix} is not public"));
        }
    }
}

fn sources(platform: &dyn Platform, report: &mut Report) {
    let profile = platform.profile();
    let facts = profile.provenances();
    if facts.is_empty() {
        report.fail(Law::Sources, "profile.toml states no fact: behaviour, weights, countries or shares");
    }
    for (what, provenance) in facts {
        if provenance.source.trim().is_empty() || !(0.0..=1.0).contains(&provenance.confidence) {
            report.fail(Law::Sources, format!("{what}: needs a source, and a confidence between 0 and 1"));
        }
        if provenance.date.first_day() > profile.reviewed {
            report.fail(Law::Sources, format!("{what}: dated after the review of {}", profile.reviewed));
        }
    }
    for assertion in &profile.assertions {
        for finding in assertion.check() {
            report.fail(Law::Sources, format!("delivery.tsv, {}: {finding:?}", assertion.source));
        }
    }
    if profile.review_due <= profile.reviewed {
        report.fail(Law::Sources, "review_due must lie after reviewed");
    }
}

fn written(platform: &dyn Platform, report: &mut Report) {
    let profile = platform.profile();
    let names = [("name", &profile.name), ("owner", &profile.owner)];
    for (field, text) in names {
        if text.trim().is_empty() || text.starts_with(TO_WRITE) {
            report.fail(Law::Written, format!("profile.toml: {field} is missing"));
        }
    }
    for (datum, availability) in platform.support().iter() {
        let how = availability.how().trim();
        if how.is_empty() || how.starts_with(TO_WRITE) {
            let detail = format!("profile.toml: [support] must say how {datum} can be had, or why not");
            report.fail(Law::Written, detail);
        }
    }
    for (what, provenance) in profile.provenances() {
        if provenance.source.starts_with(TO_WRITE) {
            report.fail(Law::Written, format!("profile.toml: {what} needs its source"));
        }
    }
}

/// Methods without samples must be unsupported, with the reason of `support()`, before anything is sent. Gives
/// whether that holds for all of them.
pub(super) fn unsupported(platform: &dyn Platform, asked: &[Question], report: &mut Report) -> bool {
    let mut all = true;
    for question in Question::one_of_each() {
        if asked.iter().any(|other| other.same_method(&question)) {
            continue;
        }
        if let Some(detail) = not_unsupported(platform, &question) {
            report.fail(Law::Undeclared, format!("{question}: no sample asks it, and {detail}"));
            all = false;
        }
    }
    all
}

fn not_unsupported(platform: &dyn Platform, question: &Question) -> Option<String> {
    let nothing = Replay::default();
    let probe = Probe::new(&nothing, Plan::Good);
    let answer = question.ask(platform, &probe);
    if let Some((request, _)) = probe.seen().first() {
        return Some(format!("it is not unsupported: it asks {}", request.url));
    }
    match answer {
        Err(Trouble::Error(PlatformError::Unsupported { platform: id, datum, why })) => {
            let reason = platform.support().get(datum).how();
            let right = id == platform.id() && question.data().contains(&datum);
            (!right || why != reason)
                .then(|| format!("its reason is not that of support(): {id} {datum}, {why:?}"))
        }
        Err(trouble) => Some(format!("it is not unsupported: {trouble}")),
        Ok(_) => Some("it answers without asking anybody".into()),
    }
}
