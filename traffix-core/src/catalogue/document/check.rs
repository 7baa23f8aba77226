//! What only the whole catalogue can tell.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike;

use crate::Invalid;
use crate::catalogue::{Company, CompanyId, PlatformId, Ru, RuId, RuKind};

use super::node::closest;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The RU at this position.
    Ru(usize),
    /// The company at this position.
    Company(usize),
}

/// Something that does not fit together with the rest of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, by JSON pointer into the subject.
    pub invalid: Invalid,
}

/// Everything in which the parts of a catalogue do not fit together: identifiers given twice, updates of releases
/// that do not exist or that come later, unknown companies and platforms, one title entered twice.
pub fn check(rus: &[Ru], companies: &[Company], platforms: &[PlatformId]) -> Vec<Finding> {
    let catalogue = Catalogue {
        rus: rus.iter().rev().map(|ru| (&ru.id, ru)).collect(),
        companies: companies.iter().map(|company| &company.id).collect(),
        platforms: platforms.iter().collect(),
    };
    let mut found = Vec::new();
    for (i, ru) in rus.iter().enumerate() {
        let about = |invalid| Finding { subject: Subject::Ru(i), invalid };
        found.extend(catalogue.findings(ru).into_iter().map(about));
    }
    let twice = |detail: &str, pointer: &str| Invalid::new(pointer, detail);
    for i in repeated(rus.iter().map(|ru| ru.id.as_str().to_owned())) {
        found.push(Finding { subject: Subject::Ru(i), invalid: twice("is used by an earlier RU", "/id") });
    }
    for i in repeated(rus.iter().map(title_key)) {
        let detail = "an earlier RU of the same kind and year has the same title; keep one of them";
        found.push(Finding { subject: Subject::Ru(i), invalid: twice(detail, "/title") });
    }
    for i in repeated(companies.iter().map(|company| company.id.as_str().to_owned())) {
        let invalid = twice("is declared by an earlier company", "");
        found.push(Finding { subject: Subject::Company(i), invalid });
    }
    found.sort_by_key(|finding| finding.subject);
    found
}

struct Catalogue<'a> {
    rus: BTreeMap<&'a RuId, &'a Ru>,
    companies: BTreeSet<&'a CompanyId>,
    platforms: BTreeSet<&'a PlatformId>,
}

impl Catalogue<'_> {
    fn findings(&self, ru: &Ru) -> Vec<Invalid> {
        let mut found: Vec<Invalid> = self.release(ru).into_iter().collect();
        for (pointer, ids) in [("/publishers", &ru.publishers), ("/developers", &ru.developers)] {
            let unknown = ids.iter().enumerate().filter(|(_, id)| !self.companies.contains(id));
            found.extend(unknown.map(|(i, id)| {
                let known = self.companies.iter().map(|company| company.as_str());
                Invalid::new(format!("{pointer}/{i}"), unknown_name(id.as_str(), "company", known))
            }));
        }
        for (i, listing) in ru.listings.iter().enumerate() {
            if !self.platforms.contains(&listing.platform) {
                let known = self.platforms.iter().map(|platform| platform.as_str());
                let detail = unknown_name(listing.platform.as_str(), "platform", known);
                found.push(Invalid::new(format!("/listings/{i}"), detail));
            }
        }
        found
    }

    /// An update's release exists, is a release, and did not come after the update. So there are no cycles.
    fn release(&self, ru: &Ru) -> Option<Invalid> {
        let wanted = ru.release.as_ref().filter(|id| **id != ru.id)?;
        let Some(release) = self.rus.get(wanted) else {
            let known = self.rus.keys().map(|id| id.as_str());
            return Some(Invalid::new("/release", unknown_name(wanted.as_str(), "release", known)));
        };
        if release.kind != RuKind::Release {
            let detail = format!("\"{wanted}\" is itself an update; name the release that both belong to");
            return Some(Invalid::new("/release", detail));
        }
        let (updated, released) = ru.first_at().zip(release.first_at())?;
        (updated < released).then(|| {
            let day = released.date_naive();
            Invalid::new("/release", format!("the update comes before its release ({day}); check both dates"))
        })
    }
}

fn unknown_name<'a>(name: &str, what: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match closest(name, known.iter().copied()) {
        Some(guess) => format!("no {what} \"{name}\" in the catalogue; did you mean \"{guess}\"?"),
        None if known.len() <= 30 => {
            format!("no {what} \"{name}\" in the catalogue; allowed: {}", known.join(", "))
        }
        None => format!("no {what} \"{name}\" in the catalogue; add it first"),
    }
}

/// Titles that differ only in case and punctuation are one title.
fn title_key(ru: &Ru) -> String {
    let letters: String =
        ru.title.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let year = ru.released_at().map(|at| at.year());
    format!("{letters} {:?} {year:?}", ru.kind)
}

fn repeated(keys: impl Iterator<Item = String>) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    keys.enumerate().filter_map(|(i, key)| (!seen.insert(key)).then_some(i)).collect()
}
