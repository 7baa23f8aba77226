//! What was, on the command line: overlays of an exported file and of a database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use chrono_tz::Europe::London;
use support::{traffix, write};
use tempfile::TempDir;

const NETWORK: &str = r#"{"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 20000}"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Usual traffic by the local clock.
fn usual_bps(now: DateTime<Utc>) -> f64 {
    let local = now.with_timezone(&London);
    let weekend = if local.weekday().num_days_from_monday() >= 5 { 1e9 } else { 0.0 };
    10e9 + weekend + f64::from(local.hour()) * 1e8
}

/// Five weeks over the end of summer time on 29 October, every 15 minutes: nobody watched on 10 October, and Fortnite OG
/// brought 6 Gbit/s for six hours from 3 November, 07:00 on.
fn csv() -> String {
    let mut text = "time,in\n".to_owned();
    let mut now = at("2023-10-02T00:00:00Z");
    while now < at("2023-11-06T00:00:00Z") {
        let event = (at("2023-11-03T07:00:00Z")..at("2023-11-03T13:00:00Z")).contains(&now);
        let gap = now.with_timezone(&London).date_naive().to_string() == "2023-10-10";
        let value = usual_bps(now) + if event { 6e9 } else { 0.0 };
        let value = if gap { String::new() } else { value.to_string() };
        writeln!(text, "{},{value}", now.format("%Y-%m-%dT%H:%M:%SZ")).unwrap();
        now += TimeDelta::minutes(15);
    }
    text
}

/// A folder with the file, the profile and a database.
fn place() -> (TempDir, String, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "transit.csv", csv());
    let network = write(dir.path(), "acme.json", NETWORK);
    let url = format!("sqlite:{}", dir.path().join("traffix.db").display());
    (dir, file, network, url)
}

fn value(json: &serde_json::Value, curve: usize, bin: usize) -> Option<f64> {
    json["curves"][curve]["values"][bin].as_f64()
}

#[test]
fn events_of_a_file_and_of_the_database_are_the_same() {
    let (dir, file, network, url) = place();
    let ask =
        ["--event", "fortnite-og", "--event", "a week before@2023-10-27T07:00:00Z", "--bin-secs", "3600"];
    let window = ["--before-hours", "2", "--after-hours", "8", "--per-1000-lines", "--network", &network];
    let words = [&["overlay", &file, "--unit", "bps", "--json"], &ask[..], &window].concat();
    let of_file = traffix(&words).run().json();
    assert_eq!((&of_file["unit"], &of_file["first_secs"]), (&"bps-per-1000-lines".into(), &(-7200).into()));
    // The local hour is another one before the clocks go back: 100 Mbit/s more.
    for (bin, extra) in [(0, -1e8), (1, -1e8), (2, 6e9 - 1e8), (7, 6e9 - 1e8), (8, -1e8)] {
        let more = value(&of_file, 0, bin).unwrap() - value(&of_file, 1, bin).unwrap();
        assert!((more - extra / 20.0).abs() < 1.0, "{bin}: {more}");
    }
    let import = ["import", &file, "--unit", "bps", "--place", "acme/transit", "--source", "grafana"];
    traffix(&[&import[..], &["--database", &url]].concat()).run().expect(0);
    traffix(&["import", "--bundled", "--database", &url]).run().expect(0);
    let kept = ["--metric", "traffic_bps", "--subject", "acme/transit", "--database", &url];
    let words = [&["overlay", "--json"], &kept[..], &ask, &window].concat();
    assert_eq!(traffix(&words).run().json(), of_file);
    let text = traffix(&[&["overlay"], &kept[..], &ask, &window].concat()).run().expect(0);
    assert!(text.contains("a  Fortnite OG") && text.contains("b  a week before"), "{text}");
    assert!(text.contains("rates per 1,000 lines") && text.contains("at +5:00 h"), "{text}");
    drop(dir);
}

#[test]
fn weeks_keep_their_gap_and_their_clock_and_are_drawn_alike() {
    let (dir, file, network, _) = place();
    let words =
        ["overlay", &file, "--unit", "bps", "--network", &network, "--weeks", "5", "--bin-secs", "3600"];
    let json = traffix(&[&words[..], &["--json"]].concat()).run().json();
    assert_eq!(json["curves"].as_array().unwrap().len(), 5);
    assert_eq!(json["curves"][1]["label"], "2023-10-09");
    assert_eq!((value(&json, 1, 24), value(&json, 1, 47), value(&json, 1, 48)), (None, None, Some(10e9)));
    for week in 0..5 {
        // Sunday 18:00, in summer, on the day of 25 hours and in winter.
        assert_eq!(value(&json, week, 6 * 24 + 18), Some(12.8e9), "{week}");
    }
    let plot = |name: &str| {
        let path = dir.path().join(name);
        traffix(&[&words[..], &["--plot", path.to_str().unwrap()]].concat()).run().expect(0);
        std::fs::read_to_string(path).unwrap()
    };
    let svg = plot("1.svg");
    roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(svg, plot("2.svg"));
}

#[test]
fn what_is_missing_is_named() {
    let (_dir, file, network, url) = place();
    for (words, code, says) in [
        (&["overlay"][..], 2, "--event"),
        (&["overlay", &file, "--days", "3"], 2, "--unit"),
        (&["overlay", &file, "--unit", "bps", "--days", "3"], 2, "--tz"),
        (&["overlay", &file, "--unit", "bps", "--event", "nothing-like-it"], 1, "no release"),
        (&["overlay", &file, "--unit", "bps", "--event", "x@soon"], 2, "x@soon"),
        (&["overlay", &file, "--unit", "bps", "--event", "fortnite-og", "--per-1000-lines"], 2, "--lines"),
        (&["overlay", &file, "--unit", "bps", "--column", "out", "--days", "3"], 2, "it has in"),
        (&["overlay", "--days", "3", "--tz", "UTC", "--database", &url], 2, "name a FILE"),
        (
            &[
                "overlay",
                "--metric",
                "traffic_bps",
                "--subject",
                "x",
                "--tz",
                "UTC",
                "--days",
                "3",
                "--database",
                &url,
            ],
            2,
            "--subject",
        ),
        (
            &["overlay", "--network", &network, "--weeks", "366", "--bin-secs", "60", "--database", &url],
            2,
            "shorter time",
        ),
        (&["import", &file, "--unit", "bps", "--database", &url], 2, "--place"),
    ] {
        let run = traffix(words).run();
        assert_eq!(run.code, code, "{words:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{words:?}: {}", run.stderr);
    }
}

#[test]
fn the_effect_of_a_release_is_what_it_brought() {
    let (dir, file, network, _) = place();
    let words = ["effect", &file, "--unit", "bps", "--network", &network, "--event", "fortnite-og"];
    let words = [&words[..], &["--during-hours", "6", "--after-hours", "6"]].concat();
    let json = traffix(&[&words[..], &["--json"]].concat()).run().json();
    let number = |pointer: &str| json.pointer(pointer).unwrap().as_f64().unwrap();
    assert!((number("/during/excess/mean_bps/p50") / 6e9 - 1.0).abs() < 0.02, "{json}");
    assert!((number("/before/excess/ratio/p50") - 1.0).abs() < 0.02, "{json}");
    let left_out = json["baseline"]["left_out"].as_array().unwrap();
    assert!(left_out.iter().any(|one| one["ru"] == "fortnite-og"), "{json}");
    let also_ran = json["also_ran"].as_array().unwrap();
    assert!(also_ran.contains(&"call-of-duty-modern-warfare-iii".into()), "{json}");
    assert!(!also_ran.contains(&"fortnite-og".into()), "{json}");
    let text = traffix(&words).run().expect(0);
    for says in [
        "during  1",
        "Gbit/s on average, +",
        "of usual",
        "most above usual",
        "a  measured",
        "left out: ",
        "Also ran in that time: ",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let path = dir.path().join("effect.svg");
    traffix(&[&words[..], &["--plot", path.to_str().unwrap()]].concat()).run().expect(0);
    roxmltree::Document::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
}

#[test]
fn the_usual_week_goes_into_a_profile_and_leaves_the_rest() {
    let (dir, file, _, _) = place();
    let profile = "# Ours.\nid = \"acme\"\ncountry = \"GB\"\ntz = \"Europe/London\"\nlines = 20_000 # as of May\n\n\
                   [[links]]\nid = \"pni\"\ncdns = [\"akamai\"]\nkind = \"pni\"\ncapacity_bps = 100e9\n";
    let toml = write(dir.path(), "acme.toml", profile);
    let words = ["baseline", &file, "--unit", "bps", "--network", &toml, "--keep-events"];
    let text = traffix(&[&words[..], &["--write-profile", &toml]].concat()).run().expect(0);
    assert!(text.contains("highest 13.3 Gbit/s Sat 23:00, lowest 10 Gbit/s Mon 00:00"), "{text}");
    let written = std::fs::read_to_string(&toml).unwrap();
    for line in profile.lines() {
        assert!(written.contains(line), "{line}: {written}");
    }
    let network = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    let week = network(&written)["baseline_bps"].as_array().unwrap().clone();
    assert_eq!((week.len(), week[20].as_float()), (168, Some(12e9)));
    // The same again changes nothing, and a link has its own.
    let again = [&words[..], &["--json", "--write-profile", &toml]].concat();
    assert_eq!(traffix(&again).run().json()["hour_bps"].as_array().unwrap().len(), 168);
    assert_eq!(std::fs::read_to_string(&toml).unwrap(), written);
    traffix(&[&again[..], &["--write-link", "pni"]].concat()).run().expect(0);
    let linked = network(&std::fs::read_to_string(&toml).unwrap());
    assert_eq!(linked["links"][0]["baseline_bps"].as_array(), linked["baseline_bps"].as_array());
    let wrong = traffix(&[&again[..], &["--write-link", "transit"]].concat()).run();
    assert!(wrong.code == 1 && wrong.stderr.contains("has no link \"transit\""), "{}", wrong.stderr);
    let json = write(dir.path(), "acme.json", NETWORK);
    traffix(&[&words[..], &["--write-profile", &json]].concat()).run().expect(0);
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&written["lines"], &written["baseline_bps"][20]), (&20_000.into(), &12e9.into()));
    let short = traffix(&[&words[..], &["--weeks", "1", "--until", "2023-10-14"]].concat()).run();
    assert!(short.code == 1 && short.stderr.contains("--weeks"), "{}", short.stderr);
}
