//! Reading the catalogue, and what happens when it is wrong.

use proptest::prelude::*;

use super::*;
use crate::SourceKind;
use crate::catalogue::{PhaseKind, PlatformId, Precision};

const FORTNITE: &str = include_str!("../../../../data/ru/fortnite.toml");

fn document(text: &str) -> Document {
    parse_toml(text).unwrap_or_else(|errors| panic!("{}", shown(&errors)))
}

fn shown(errors: &[DocumentError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn ru<'d>(document: &'d Document, id: &str) -> &'d Ru {
    document.rus.iter().find(|ru| ru.id.as_str() == id).unwrap()
}

const SMALL: &str = r#"
[sources.isp]
url = "https://example.org/record"
kind = "press"
date = 2024-10-18

[sources.shop]
name = "a shop without an address"
kind = "official"
date = "2024-09"
confidence = 0.9

[defaults]
categories = ["shooter"]
platforms = ["steam", "xbox"]

[[ru]]
id = "game"
title = "Game"
kind = "release"
source = ["isp", "shop"]
preload = { at = 2024-10-21T17:00:00+01:00, source = "isp" }
unlock = [
  { at = 2024-10-25, source = "isp" },
  { region = "nz", at = 2024-10-25T00:00:00+13:00, source = "isp", inferred = true, note = "Midnight." },
]
size = { wire = "17 GB to 18 GB", source = "isp" }
[ru.listings.playstation]
preload = []
unlock = { at = 2024-10-25T05:00:00Z, precision = "hour", source = "shop", status = "slipped" }
size = [
  { wire = "80 GiB", source = "isp" },
  { wire = 85_000_000_000, source = "shop", confidence = 0.5 },
  { variant = "PS4", disk = "100 GB", source = "isp" },
]
weight = { share = 0.5, source = "isp" }
mau = { count = 1_000_000, source = "isp" }
"#;

#[test]
fn what_is_common_holds_unless_a_listing_says_otherwise() {
    let document = document(SMALL);
    let game = ru(&document, "game");
    let platforms: Vec<&str> = game.listings.iter().map(|l| l.platform.as_str()).collect();
    assert_eq!(platforms, ["playstation", "steam", "xbox"]);
    let steam = &game.listings[1];
    assert_eq!(steam.phases.len(), 3);
    assert_eq!(
        steam.phase(PhaseKind::Preload).unwrap().window.value.start.to_rfc3339(),
        "2024-10-21T16:00:00+00:00"
    );
    assert_eq!(steam.wire_bytes().unwrap().value.to_string(), "17 GB to 18 GB");
    let playstation = &game.listings[0];
    assert_eq!(playstation.phases.len(), 1, "an empty list says that there is no such phase");
    assert_eq!(playstation.phases[0].window.value.precision, Precision::Hour);
    assert_eq!(game.categories[0].as_str(), "shooter");
}

#[test]
fn sources_of_one_fact_are_merged_and_their_dispute_kept() {
    let document = document(SMALL);
    let size = ru(&document, "game").listings[0].wire_bytes().unwrap();
    assert_eq!(size.value.mid().0, 85_000_000_000);
    assert_eq!(
        (size.evidence.kind, size.evidence.confidence.to_bits()),
        (SourceKind::Official, 0.5_f64.to_bits())
    );
    assert_eq!(size.conflicts().next().unwrap().value.mid().0, 85_899_345_920);
}

#[test]
fn inferred_facts_say_so() {
    let document = document(SMALL);
    let zealand = &ru(&document, "game").listings[1].phases[2];
    assert_eq!((zealand.region.as_str(), zealand.window.evidence.kind), ("NZ", SourceKind::Inferred));
    assert_eq!(zealand.window.evidence.note.as_deref(), Some("Midnight."));
}

#[test]
fn days_months_quarters_and_years_keep_their_precision() {
    for (at, start, precision) in [
        ("2024-10-25", "2024-10-25T00:00:00+00:00", Precision::Day),
        ("\"2024-10\"", "2024-10-01T00:00:00+00:00", Precision::Month),
        ("\"2024-Q4\"", "2024-10-01T00:00:00+00:00", Precision::Quarter),
        ("\"2024\"", "2024-01-01T00:00:00+00:00", Precision::Year),
        ("\"2024-10-25T20:00:00+12:00\"", "2024-10-25T08:00:00+00:00", Precision::Minute),
    ] {
        let text = SMALL
            .replace("{ at = 2024-10-25, ", &format!("{{ at = {at}, "))
            .replace("preload = {", "wave = {");
        let document = document(&text);
        let unlock = ru(&document, "game").listings[1].phase(PhaseKind::Unlock).unwrap().window.value;
        assert_eq!((unlock.start.to_rfc3339().as_str(), unlock.precision), (start, precision));
    }
}

#[test]
fn all_mistakes_of_a_file_come_at_once_in_the_order_of_the_text() {
    let text = SMALL
        .replace("kind = \"press\"", "kind = \"pres\"")
        .replace("80 GiB", "80 Gi")
        .replace("\"slipped\"", "\"late\"")
        .replace("share = 0.5", "share = \"half\"");
    let errors = parse_toml(&text).unwrap_err();
    insta::assert_snapshot!(shown(&errors));
}

#[test]
fn json_of_the_catalogue_reads_back_and_points_to_lines() {
    let document = document(SMALL);
    let json = serde_json::to_string_pretty(&document.rus).unwrap();
    assert_eq!(parse_json(&json).unwrap().rus, document.rus);
    let page = format!("{{\"items\": {json}, \"next\": \"/api/v1/rus\"}}");
    assert_eq!(parse_json(&page).unwrap().rus, document.rus);

    let broken = json.replacen("\"precision\": \"hour\"", "\"precision\": \"second\"", 1);
    let error = &parse_json(&broken).unwrap_err()[0];
    let line = broken.lines().nth(error.line - 1).unwrap();
    assert!(line.contains("second"), "{error}: {line}");
    assert_eq!(error.field, "/0/listings/0/phases/0/window/value/precision");

    let early = json.replacen("2024-10-21T16:00:00Z", "2024-10-29T16:00:00Z", 1);
    let error = &parse_json(&early).unwrap_err()[0];
    assert!(early.lines().nth(error.line - 1).unwrap().contains("2024-10-25"), "{error}");
    assert!(parse_json("{\"id\": 3").unwrap_err()[0].to_string().starts_with("1:8: file: is not JSON"));
    let other = parse_json("{\"rus\": [], \"games\": []}").unwrap_err();
    assert_eq!(shown(&other), "1:22: /games: is not a field here; allowed: companies, rus, items, next");
}

#[test]
fn the_whole_catalogue_is_checked_together() {
    let document = document(SMALL);
    let steam: PlatformId = "steam".parse().unwrap();
    let mut twin = document.rus[0].clone();
    twin.title = "GAME!".to_owned();
    let found = check(&[document.rus[0].clone(), twin], &[], &[steam]);
    let seen: Vec<String> = found.iter().map(|f| format!("{:?} {}", f.subject, f.invalid)).collect();
    insta::assert_snapshot!(seen.join("\n"));
}

/// What fingers do to a file.
#[derive(Debug, Clone)]
enum Slip {
    Delete(usize, usize),
    Insert(usize, &'static str),
    Repeat(usize, usize),
}

fn slips() -> impl Strategy<Value = Vec<Slip>> {
    let words = [
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        ",",
        "\n",
        "#",
        ".",
        "[[ru]]",
        "source",
        "é",
        "\u{0}",
        "2023-13-45",
        "99999999999999999999",
        "-1",
        "nan",
        "[sources]",
        "at = 1",
        "size = []",
        "release = \"fortnite-og\"",
    ];
    let slip = prop_oneof![
        (any::<usize>(), 1_usize..60).prop_map(|(at, length)| Slip::Delete(at, length)),
        (any::<usize>(), prop::sample::select(words.to_vec())).prop_map(|(at, word)| Slip::Insert(at, word)),
        (any::<usize>(), 1_usize..200).prop_map(|(at, length)| Slip::Repeat(at, length)),
    ];
    prop::collection::vec(slip, 1..4)
}

fn slipped(text: &str, slips: &[Slip]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for slip in slips {
        let (Slip::Delete(at, _) | Slip::Insert(at, _) | Slip::Repeat(at, _)) = slip;
        let at = at % letters.len().max(1);
        match slip {
            Slip::Delete(_, length) => drop(letters.drain(at..(at + length).min(letters.len()))),
            Slip::Insert(_, word) => drop(letters.splice(at..at, word.chars())),
            Slip::Repeat(_, length) => {
                let copy = letters[at..(at + length).min(letters.len())].to_vec();
                drop(letters.splice(at..at, copy));
            }
        }
    }
    letters.into_iter().collect()
}

fn placed(text: &str, read: Result<Document, Vec<DocumentError>>) -> Result<(), TestCaseError> {
    let Err(errors) = read else { return Ok(()) };
    prop_assert!(!errors.is_empty());
    for error in errors {
        prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1, "{}", error);
        prop_assert!(error.column >= 1 && !error.detail.is_empty(), "{}", error);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn slips_in_a_real_file_are_placed(slips in slips()) {
        let text = slipped(FORTNITE, &slips);
        placed(&text, parse_toml(&text))?;
    }

    #[test]
    fn slips_in_json_are_placed(slips in slips()) {
        let text = slipped(&serde_json::to_string_pretty(&document(SMALL).rus).unwrap(), &slips);
        placed(&text, parse_json(&text))?;
    }

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        placed(&text, parse_toml(&text))?;
        placed(&text, parse_json(&text))?;
        prop_assert!(parse_network(&text).is_err());
    }
}
