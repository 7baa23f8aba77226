//! Spikes of an exported file on the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Europe::London;
use serde_json::Value;
use support::{traffix, write};
use traffix_core::explanation::question;
use traffix_core::forecast::{ForecastInput, Options, forecast};
use traffix_core::network::Network;
use traffix_server::{bundled, planning};

const NETWORK: &str = r#"
id = "acme"
country = "GB"
tz = "Europe/London"
lines = 20000
"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Five weeks every five minutes, in which Fortnite OG came on 3 November, 07:00, as the model expects it.
fn csv(with_release: bool) -> String {
    let network = Network { country: Some("GB".into()), ..Network::new("acme", "Europe/London", 20_000.0) };
    let ru = bundled::bundled().unwrap().rus.iter().find(|ru| ru.id.as_str() == "fortnite-og").unwrap();
    let ru = planning::ru_input(ru, &network).unwrap();
    let expected = forecast(&question(&ForecastInput { ru, network, options: Options::default() })).unwrap();
    let mut text = "time,in\n".to_owned();
    let mut now = at("2023-10-02T00:00:00Z");
    let mut noise = 1_u32;
    while now < at("2023-11-05T00:00:00Z") {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noisy = 0.97 + 0.06 * f64::from(noise >> 8) / f64::from(1 << 24);
        let secs = f64::from(now.with_timezone(&London).num_seconds_from_midnight());
        let day = 0.8 + 0.2 * ((secs / 3600.0 - 19.0) / 12.0 * std::f64::consts::PI).cos();
        let since = (now - expected.grid.start).num_seconds() / 300;
        let extra = usize::try_from(since).ok().and_then(|bin| expected.total.p50.get(bin)).copied();
        let extra = extra.filter(|_| with_release).unwrap_or(0.0);
        let bps = 2.0 * expected.peak.bps.p50 * day * noisy + extra;
        writeln!(text, "{},{bps}", now.format("%Y-%m-%dT%H:%M:%SZ")).unwrap();
        now += TimeDelta::minutes(5);
    }
    text
}

#[test]
fn a_release_is_found_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (file, network) =
        (write(dir.path(), "transit.csv", csv(true)), write(dir.path(), "acme.toml", NETWORK));
    let words = ["spikes", &file, "--unit", "bps", "--network", &network];
    let json = traffix(&[&words[..], &["--json"]].concat()).run().json();
    // The evening after may be another.
    let spike = &json[0];
    let start = at(spike["start"].as_str().unwrap());
    assert!((start - at("2023-11-03T07:00:00Z")).abs() <= TimeDelta::minutes(30), "{spike}");
    let causes = spike["explanation"]["causes"].as_array().unwrap();
    assert_eq!(causes[0]["ru"], "fortnite-og", "{spike}");
    let odds = |value: &Value| value.as_f64().unwrap();
    let sum: f64 = causes.iter().map(|cause| odds(&cause["probability"])).sum();
    let unknown = odds(&spike["explanation"]["unknown"]);
    assert!(unknown > 0.0 && (sum + unknown - 1.0).abs() < 1e-6, "{spike}");

    let plot = dir.path().join("spike.svg");
    let text = traffix(&[&words[..], &["--plot", plot.to_str().unwrap()]].concat()).run().expect(0);
    for part in ["Fri 3 Nov 07:", "  peak      +", "  above     ", "(fortnite-og), ", "unknown"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let svg = std::fs::read_to_string(plot).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    assert!(svg.contains("measured") && svg.contains("usual"));

    // Only what a catalogue of one's own has is a candidate.
    let other = "{\"companies\": [], \"rus\": []}";
    let other = write(dir.path(), "other.json", other);
    let alone = traffix(&[&words[..], &["--json", "--catalogue", &other]].concat()).run().json();
    let told = &alone[0]["explanation"];
    assert_eq!(told["causes"], Value::Array(vec![]));
    assert!((odds(&told["unknown"]) - 1.0).abs() < 1e-6, "{told}");
}

#[test]
fn nothing_and_what_is_missing_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let (quiet, network) =
        (write(dir.path(), "quiet.csv", csv(false)), write(dir.path(), "acme.toml", NETWORK));
    let words = ["spikes", &quiet, "--unit", "bps", "--network", &network];
    let text = traffix(&words).run().expect(0);
    assert!(text.starts_with("no spike from 2023-10-02"), "{text}");
    assert_eq!(traffix(&[&words[..], &["--json"]].concat()).run().json(), Value::Array(vec![]));
    let short: String = csv(false).lines().take(600).fold(String::new(), |all, line| all + line + "\n");
    let short = write(dir.path(), "short.csv", short);
    for (words, code, says) in [
        (&["spikes", &quiet, "--unit", "bps"][..], 2, "--network"),
        (&["spikes", &quiet, "--network", &network], 2, "--unit"),
        (&["spikes", &short, "--unit", "bps", "--network", &network], 1, "at least one week"),
        (&["spikes", &quiet, "--unit", "bps", "--network", &network, "--least-percent", "0"], 2, "above 0"),
    ] {
        let run = traffix(words).run();
        assert_eq!(run.code, code, "{words:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{words:?}: {}", run.stderr);
    }
}
