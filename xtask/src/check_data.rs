//! `check-data`: reads everything under `data/` and says what is wrong, with file, line, column and field.

use std::path::{Path, PathBuf};

use traffix_core::Invalid;
use traffix_core::catalogue::document::{self, Document, DocumentError, Subject};
use traffix_core::catalogue::{Company, PlatformId, Ru};
use traffix_core::network::Network;
use traffix_platforms::{PLATFORMS, cdn};

use crate::run;

/// Checks the folders or files given, else `data/`.
pub(crate) fn check_data(args: &[String]) -> run::Result {
    let roots: Vec<PathBuf> = match args {
        [] => vec![run::root().join("data")],
        _ => args.iter().map(PathBuf::from).collect(),
    };
    let report = check(&read(&roots)?);
    println!("{}", report.summary);
    if report.lines.is_empty() {
        return Ok(());
    }
    Err(format!("{} findings\n{}", report.lines.len(), report.lines.join("\n")))
}

/// All TOML files under `roots`, by name and text.
fn read(roots: &[PathBuf]) -> run::Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    for root in roots {
        collect(root, &mut paths).map_err(|error| format!("{}: {error}", root.display()))?;
    }
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        files.push((path.strip_prefix(run::root()).unwrap_or(&path).display().to_string(), text));
    }
    Ok(files)
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, found))
}

struct Report {
    summary: String,
    /// `file:line:column: field: what is wrong and what is allowed`.
    lines: Vec<String>,
}

/// Everything that is wrong with these files, given by name and text.
fn check(files: &[(String, String)]) -> Report {
    let mut lines = Vec::new();
    let mut documents: Vec<(&str, Document)> = Vec::new();
    let mut networks = 0;
    for (name, text) in files {
        let read = if Path::new(name).parent().is_some_and(|folder| folder.ends_with("networks")) {
            networks += 1;
            document::parse_network(text).and_then(|network| example(name, &network))
        } else {
            document::parse_toml(text).map(|document| documents.push((name, document)))
        };
        if let Err(errors) = read {
            lines.extend(errors.iter().map(|error| format!("{name}:{error}")));
        }
    }
    // Half a catalogue would only add findings about what the broken files declare.
    if lines.is_empty() {
        lines.extend(across(&documents).into_iter().map(|(name, error)| format!("{name}:{error}")));
    }
    lines.dedup();
    let rus: usize = documents.iter().map(|(_, document)| document.rus.len()).sum();
    let companies: usize = documents.iter().map(|(_, document)| document.companies.len()).sum();
    let summary =
        format!("{} files: {rus} RUs, {companies} companies, {networks} example networks", files.len());
    Report { summary, lines }
}

/// What a network in this catalogue must have beyond being one.
fn example(name: &str, network: &Network) -> Result<(), Vec<DocumentError>> {
    let mut wrong = Vec::new();
    let mut note = |field: &str, detail: String| {
        wrong.push(DocumentError { line: 1, column: 1, field: field.to_owned(), detail });
    };
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    if stem != Some(network.id.as_str()) {
        note("id", format!("must be the name of the file, got {:?}", network.id));
    }
    if !network.example {
        note("example", "must be true: real networks belong to their operators".to_owned());
    }
    if network.sources.is_empty() {
        note("sources", "must say where the figures come from, or that they are invented".to_owned());
    }
    for link in &network.links {
        for slug in link.cdns.iter().filter(|slug| *slug != "*") {
            if slug.parse().ok().and_then(|id| cdn::find(&id)).is_none() {
                let detail =
                    format!("no CDN \"{slug}\"; `traffix-platforms/src/cdn/registry.toml` names them");
                note(&format!("links.{}.cdns", link.id), detail);
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What only all files together can tell, placed in the file that it is about.
fn across<'d>(documents: &[(&'d str, Document)]) -> Vec<(&'d str, DocumentError)> {
    let mut rus: Vec<Ru> = Vec::new();
    let mut companies: Vec<Company> = Vec::new();
    let (mut ru_homes, mut company_homes) = (Vec::new(), Vec::new());
    for (at, (_, document)) in documents.iter().enumerate() {
        rus.extend_from_slice(&document.rus);
        ru_homes.extend((0..document.rus.len()).map(|i| (at, i)));
        companies.extend_from_slice(&document.companies);
        company_homes.extend((0..document.companies.len()).map(|i| (at, i)));
    }
    let platforms: Vec<PlatformId> = PLATFORMS.iter().map(|platform| platform.id()).collect();
    let place = |subject, invalid: &Invalid| match subject {
        Subject::Ru(i) => {
            let (at, i) = ru_homes[i];
            (documents[at].0, documents[at].1.place_in_ru(i, invalid))
        }
        Subject::Company(i) => {
            let (at, i) = company_homes[i];
            (documents[at].0, documents[at].1.place_in_company(i, invalid))
        }
    };
    let found = document::check(&rus, &companies, &platforms);
    found.iter().map(|finding| place(finding.subject, &finding.invalid)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::Datelike;
    use serde_json::Value;
    use traffix_core::catalogue::PhaseKind;
    use traffix_platforms::profile::PlatformKind;

    use super::*;

    const GOOD: &str = r#"
[sources.shop]
url = "https://example.org/shop"
kind = "official"
date = 2024-10-18

[companies]
example-studio = { name = "Example Studio", source = "shop" }

[[ru]]
id = "example-game"
title = "Example Game"
kind = "release"
publishers = ["example-studio"]
source = "shop"
preload = { at = 2024-10-21T16:00:00Z, source = "shop" }
unlock = { at = 2024-10-25T05:00:00+01:00, source = "shop" }
listings.steam.size = { wire = "84.4 GB", source = "shop" }

[[ru]]
id = "example-game-season-1"
title = "Example Game, Season 1"
kind = "update"
release = "example-game"
source = "shop"
unlock = { at = 2024-11-14, source = "shop" }
platforms = ["steam"]
"#;

    fn lines(text: &str) -> Vec<String> {
        check(&[("data/ru/example.toml".to_owned(), text.to_owned())]).lines
    }

    #[test]
    fn a_good_file_has_no_findings() {
        assert_eq!(lines(GOOD), [""; 0]);
    }

    /// One mistake after another in the same good file; together they are what a contributor may see.
    #[test]
    fn every_mistake_is_placed_and_explained() {
        let mistakes = [
            ("unlock =", "unlok ="),
            ("84.4 GB", "84.4 gigs"),
            ("2024-10-21T16:00:00Z", "2024-10-26T16:00:00Z"),
            ("2024-10-21T16:00:00Z", "2024-10-21T16:00:00"),
            ("2024-11-14", "2024-11"),
            ("2024-11-14", "2024-01-14"),
            ("[\"steam\"]", "[\"steem\"]"),
            (", source = \"shop\" }\nunlock", " }\nunlock"),
            ("source = \"shop\"\npreload", "source = \"shopp\"\npreload"),
            ("wire = \"84.4 GB\", ", ""),
            ("\"official\"", "\"offical\""),
            ("publishers = [\"example-studio\"]", "publishers = [\"exampel-studio\"]"),
            ("release = \"example-game\"", ""),
            ("release = \"example-game\"", "release = \"exmaple-game\""),
            ("release = \"example-game\"", "release = \"example-game-season-1\""),
            ("id = \"example-game-season-1\"", "id = \"example-game\""),
            ("id = \"example-game-season-1\"", "id = \"Example Game\""),
            ("kind = \"update\"", "kind = 3"),
            ("title = \"Example Game\"", "title = \"Example Game"),
            ("\"84.4 GB\"", "\"900 PB\""),
            ("platforms = [\"steam\"]", ""),
        ];
        let seen: Vec<String> = mistakes
            .iter()
            .map(|(good, bad)| {
                let text = GOOD.replacen(good, bad, 1);
                assert_ne!(text, GOOD, "{good:?} is not in the file");
                format!("{bad}\n  {}", lines(&text).join("\n  "))
            })
            .collect();
        insta::assert_snapshot!(seen.join("\n"));
    }

    #[test]
    fn example_networks_say_that_they_are() {
        let text = "id = \"acme\"\ntz = \"Europe/London\"\nlines = 10\n\
                    [[links]]\nid = \"a\"\nkind = \"pni\"\ncdns = [\"akami\"]\ncapacity_bps = 1e9\nheadrom = 0.2\n";
        let lines = |text: &str| check(&[("data/networks/acme-2.toml".to_owned(), text.to_owned())]).lines;
        let seen = [lines(text), lines(&text.replace("headrom", "headroom"))].concat().join("\n");
        insta::assert_snapshot!(seen);
    }

    /// The example that contributors copy is itself correct.
    #[test]
    fn the_annotated_example_is_valid() {
        let readme = std::fs::read_to_string(run::root().join("data").join("README.md")).unwrap();
        let example = readme.split("```toml").nth(1).unwrap().split("```").next().unwrap();
        let document = document::parse_toml(example).unwrap();
        assert_eq!(document.rus.len(), 2);
    }

    fn committed() -> Vec<Ru> {
        let files = read(&[run::root().join("data").join("ru")]).unwrap();
        files.iter().flat_map(|(_, text)| document::parse_toml(text).unwrap().rus).collect()
    }

    /// The catalogue that ships is free of findings; so every update's release exists.
    #[test]
    fn the_committed_data_is_good() {
        assert_eq!(check_data(&[]), Ok(()));
    }

    #[test]
    fn the_committed_data_covers_years_and_platforms() {
        let rus = committed();
        assert!(rus.len() >= 80, "{} RUs", rus.len());
        let years: BTreeSet<i32> = rus.iter().filter_map(Ru::released_at).map(|at| at.year()).collect();
        let missing: Vec<i32> = (2013..=2026).filter(|year| !years.contains(year)).collect();
        assert_eq!(missing, [0; 0], "years without an RU");
        // Guides tell of films and series, which come by pulling them: none is kept in review.
        for platform in PLATFORMS.iter().filter(|platform| platform.profile().kind != PlatformKind::Guide) {
            let listed = rus.iter().filter(|ru| ru.listing(&platform.id()).is_some()).count();
            assert!(listed > 0, "no RU on {}", platform.id());
        }
    }

    #[test]
    fn every_committed_fact_names_its_source() {
        fn facts(value: &Value) -> Vec<&Value> {
            let inner = match value {
                Value::Object(fields) => fields.values().flat_map(facts).collect(),
                Value::Array(items) => items.iter().flat_map(facts).collect(),
                _ => Vec::new(),
            };
            let own = value.get("evidence").filter(|_| value.get("value").is_some());
            own.into_iter().chain(inner).collect()
        }
        let rus = serde_json::to_value(committed()).unwrap();
        let facts = facts(&rus);
        assert!(facts.len() > 500, "{} facts", facts.len());
        for evidence in facts {
            let source = evidence["source"].as_str().unwrap();
            let address = source.starts_with("http") || source.starts_with("traffix back-test");
            assert!(address, "{source:?} is neither an address nor the back-test");
        }
    }

    /// What the README shows.
    #[test]
    fn november_2023_has_its_two_events() {
        let rus = committed();
        let find = |id: &str| rus.iter().find(|ru| ru.id.as_str() == id).unwrap();
        let og = find("fortnite-og").released_at().unwrap();
        assert_eq!(og.to_rfc3339(), "2023-11-03T07:00:00+00:00");
        for listing in &find("call-of-duty-modern-warfare-iii").listings {
            let preload = &listing.phase(PhaseKind::Preload).unwrap().window;
            let at = preload.value.start.to_rfc3339();
            if listing.platform.as_str() == "battlenet" {
                assert_eq!(at, "2023-11-07T00:00:00+00:00", "a day before the others");
                continue;
            }
            assert_eq!(at, "2023-11-08T18:00:00+00:00");
            let others: Vec<_> = preload.conflicts().map(|o| o.value.start.to_rfc3339()).collect();
            assert_eq!(others, ["2023-11-08T17:00:00+00:00"; 2], "the operator's hour stays visible");
        }
    }
}
