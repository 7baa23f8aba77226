//! The real binary on good and bad input: exit codes, standard output, hints.

mod support;

use support::{traffix, write};

const CASES: &str = r#"{"schema": "traffix-model-cases/1", "cases": [{
    "id": "free", "kind": "free_capacity", "rel_tol": 1e-9,
    "input": {"rows": [{"capacity_bps": 100e9, "headroom": 0.2, "baseline_bps": 62e9}]},
    "expect": {"free_bps": [18e9]}}]}"#;

#[test]
fn no_command_prints_help_and_is_a_usage_error() {
    let run = traffix(&[]).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("Usage: traffix <COMMAND>"), "{}", run.stderr);
    assert!(run.stdout.is_empty());
}

#[test]
fn help_and_version_succeed() {
    assert!(traffix(&["--help"]).run().expect(0).contains("verify-model"));
    assert!(traffix(&["--version"]).run().expect(0).starts_with("traffix 0."));
}

#[test]
fn unknown_commands_and_options_are_usage_errors() {
    for words in [&["frobnicate"][..], &["verify-model"], &["verify-model", "x", "--nope"]] {
        let run = traffix(words).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{words:?}: {}", run.stderr);
    }
}

#[test]
fn verify_model_prints_one_line_a_case() {
    let run = traffix(&["verify-model", "-"]).stdin(CASES).run();
    assert_eq!(run.expect(0), "pass free\n");
    let json = traffix(&["verify-model", "-", "--json"]).stdin(CASES).run().json();
    assert_eq!(json["items"][0]["id"], "free");
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &0.into()));
}

#[test]
fn verify_model_fails_on_any_mismatch() {
    let run = traffix(&["verify-model", "-"]).stdin(CASES.replace("[18e9]", "[19e9]")).run();
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with("FAIL free: /free_bps"), "{}", run.stdout);
    assert!(run.stderr.contains("1 of 1 cases failed"), "{}", run.stderr);
}

#[test]
fn unreadable_files_are_named_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.json");
    let run = traffix(&["verify-model", missing.to_str().unwrap()]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("missing.json: No such file"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    let latin1 = write(dir.path(), "latin1.json", b"{\n \"title\": \"caf\xe9\"}");
    let run = traffix(&["verify-model", &latin1]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("latin1.json:2:15: is not UTF-8"), "{}", run.stderr);
    for garbage in ["", "{", "[]", "{\"schema\": 1}", "nul\0l", "1e999"] {
        let run = traffix(&["verify-model", "-"]).stdin(garbage).run();
        assert_eq!(run.code, 1, "{garbage:?}");
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let case = CASES.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
    let many =
        format!("{{\"schema\": \"traffix-model-cases/1\", \"cases\": [{}]}}", vec![case; 20_000].join(","));
    let run = traffix(&["verify-model", "-"]).stdin(&many).run_and_read_only_one_line();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn attribute_answers_good_lines_and_counts_bad_ones() {
    let run = traffix(&["attribute"]).stdin(b"155.133.226.70\nfoo\n\n2001:db8::1\r\n\xff\xfe\n").run();
    assert_eq!(run.code, 1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("155.133.226.70  valve AS32590 dedicated "), "{}", lines[0]);
    assert_eq!(lines[1], "2001:db8::1  unknown  unknown 1.00");
    let complaint = "line 2: \"foo\" is neither an IP address nor a host name";
    assert!(run.stderr.contains(complaint), "{}", run.stderr);
    assert!(run.stderr.contains("line 5: "), "{}", run.stderr);
    assert!(run.stderr.contains("2 of 4"), "{}", run.stderr);
}

#[test]
fn attribute_knows_names_with_and_without_addresses() {
    let asked = [
        "cache7-fra1.steamcontent.com",
        "CACHE7-FRA1.steamcontent.com.",
        "192.0.2.1 cache7-fra1.steamcontent.com",
        "23.15.11.1\tgs2.ww.prod.dl.playstation.net",
        "23.15.11.1 www.example.org",
        "www.example.org",
        "23.15.11.1",
    ];
    let text = traffix(&["attribute"]).stdin(asked.join("\n")).run().expect(0);
    insta::assert_snapshot!("attribute_names", text);
    let json = traffix(&[&["attribute", "--json"], &asked[..]].concat()).run().json();
    for (line, item) in text.lines().zip(json["items"].as_array().unwrap()) {
        let likeliest = &item["platforms"][0];
        let name = likeliest["platform"].as_str().unwrap_or("unknown");
        let shown = format!("  {name} {:.2}", likeliest["probability"].as_f64().unwrap());
        assert!(line.contains(&shown), "{line}: {shown}");
        assert!(item["domain"]["pattern"].as_str().is_none_or(|pattern| line.contains(pattern)), "{line}");
        let asked = ["ip", "host"].into_iter().filter_map(|field| item[field].as_str());
        assert!(line.starts_with(&asked.collect::<Vec<_>>().join(" ")), "{line}");
    }
}

#[test]
fn attribute_refuses_what_is_neither_address_nor_name() {
    let wrong = [
        "300.1.1.1",
        "155.133.226.70:80",
        "155.133.226.0/24",
        "https://dl.example.org",
        "dl.example.org/x",
        ".",
        "a.",
        "dl.example.org 155.133.226.70",
        "155.133.226.70 dl.example.org x",
        "155.133.226.70 foo",
        "a.b,c",
    ];
    let run = traffix(&["attribute"]).stdin(wrong.join("\n")).run();
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert_eq!(
        run.stderr.matches("is neither an IP address nor a host name").count(),
        wrong.len(),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn attribute_knows_the_caches_of_a_network() {
    let dir = tempfile::tempdir().unwrap();
    let profile = |cdns: &str| {
        let link = format!(
            r#"{{"id": "racks", "kind": "embedded-cache", "capacity_bps": 4e10, "cdns": {cdns}, "prefixes": ["192.0.2.0/28"]}}"#
        );
        let text = format!(r#"{{"id": "acme", "tz": "Europe/London", "lines": 20000, "links": [{link}]}}"#);
        write(dir.path(), "acme.json", text)
    };
    let asked = |file: &str| {
        traffix(&["attribute", "--network", file, "192.0.2.3", "192.0.2.99", "155.133.226.70"]).run()
    };
    let text = asked(&profile(r#"["akamai"]"#)).expect(0);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("192.0.2.3  akamai embedded 192.0.2.0/28  "), "{text}");
    assert!(lines[0].contains("playstation"), "{text}");
    assert_eq!(lines[1], "192.0.2.99  unknown  unknown 1.00");
    assert!(lines[2].contains("  valve AS32590 dedicated "), "{text}");
    let unnamed = asked(&profile(r#"["*"]"#));
    assert_eq!(unnamed.code, 1);
    assert!(unnamed.stderr.contains("/links/0/prefixes"), "{}", unnamed.stderr);
    let none = traffix(&["attribute", "--network", "nobody", "192.0.2.3"]).run();
    assert!(none.code == 1 && none.stderr.contains("example-uk-cable"), "{}", none.stderr);
}

#[test]
fn attribute_says_the_same_of_an_address_in_text_and_json() {
    let asked = [
        "155.133.226.70",
        "155.133.230.1",
        "23.15.11.1",
        "::ffff:155.133.226.70",
        "2620:0:2d0:200::7",
        "192.0.2.1",
    ];
    let text = traffix(&["attribute"]).stdin(asked.join("\n")).run().expect(0);
    let json = traffix(&[&["attribute", "--json"], &asked[..]].concat()).run().json();
    assert_eq!(text.lines().count(), asked.len());
    for ((line, item), asked) in text.lines().zip(json["items"].as_array().unwrap()).zip(asked) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], item["ip"], "{asked}");
        assert_eq!(words[1], item["cdn"].as_str().unwrap_or("unknown"), "{asked}");
        if let Some(prefix) = item["prefix"].as_str() {
            assert!(words.contains(&prefix), "{line}: {prefix}");
        }
        let likeliest = &item["platforms"][0];
        let name = likeliest["platform"].as_str().unwrap_or("unknown");
        let shown = format!("{name} {:.2}", likeliest["probability"].as_f64().unwrap());
        assert!(line.contains(&shown), "{line}: {shown}");
    }
}

#[test]
fn attribute_json_is_a_list_even_of_nothing() {
    let json = traffix(&["attribute", "--json", "155.133.226.70", "192.0.2.1"]).run().json();
    assert_eq!(json["items"][0]["cdn"], "valve");
    let probabilities = json["items"][1]["platforms"].as_array().unwrap();
    assert_eq!(probabilities.len(), 1);
    assert_eq!(traffix(&["attribute", "-", "--json"]).stdin("").run().json()["items"], serde_json::json!([]));
}

#[test]
fn attribute_survives_endless_lines() {
    let run = traffix(&["attribute", "-"]).stdin(vec![b'1'; 100_000]).run();
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
}

#[test]
fn platforms_are_listed_as_text_and_json() {
    assert!(traffix(&["platforms"]).run().expect(0).contains("\nsteam "));
    let json = traffix(&["platforms", "list", "--json"]).run().json();
    assert!(json["items"].as_array().unwrap().iter().any(|item| item["id"] == "playstation"));
}

#[test]
fn exports_are_replaced_whole_and_never_emptied_by_accident() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prefixes.csv");
    let file = path.to_str().unwrap();
    traffix(&["export", "prefixes-csv", "--out", file]).run().expect(0);
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.starts_with(b"# generator: traffix"));
    let small = ["export", "prefixes-csv", "--cdn", "valve", "--out", file];
    let run = traffix(&small).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    traffix(&[&small[..], &["--force"]].concat()).run().expect(0);
    assert!(std::fs::read(&path).unwrap().len() < whole.len());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    let missing = dir.path().join("no/such/dir/x.csv");
    assert_eq!(traffix(&["export", "csv", "--out", missing.to_str().unwrap()]).run().code, 1);
    assert_eq!(traffix(&["export", "csv", "--cdn", "nobody", "--out", "-"]).run().code, 2);
    assert_eq!(traffix(&["export", "sandwich", "--out", "-"]).run().code, 2);
}

#[test]
fn export_of_everything_is_json_and_the_same_every_time() {
    let export = || traffix(&["export", "json", "--out", "-"]).run().expect(0);
    let document: serde_json::Value = serde_json::from_str(&export()).unwrap();
    assert_eq!(document["prefixes"]["count"], document["prefixes"]["items"].as_array().unwrap().len());
    assert_eq!(export(), export());
}

const FORECAST: &str = r#"{
    "ru": {"id": "x", "title": "Patch <1>", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
           "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
    "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6,
                "links": [{"id": "transit", "cdns": ["*"], "kind": "transit", "capacity_bps": 4e11}]},
    "options": {"draws": 64, "horizon_s": 172800}}"#;

#[test]
fn forecast_draws_a_chart_and_says_peak_when_and_what_is_missing() {
    let text = traffix(&["forecast", "-"]).stdin(FORECAST).run().expect(0);
    for part in
        ["Patch <1> on acme", "░", "Peak ", "P50 (", "When ", "Thu 5 Mar", "transit", "Spread ", "Missing "]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour into a pipe");
    let longest = text.lines().take(18).map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 80, "{longest}");
    let wide = traffix(&["forecast", "-"]).stdin(FORECAST).env("COLUMNS", "120").run().expect(0);
    assert!(wide.lines().any(|line| line.starts_with("            ") && line.chars().count() > 90), "{wide}");
}

#[test]
fn forecast_json_is_the_whole_answer() {
    let json = traffix(&["forecast", "-", "--json"]).stdin(FORECAST).run().json();
    let bins = json["grid"]["bins"].as_u64().unwrap();
    assert_eq!(json["total"]["p50"].as_array().unwrap().len() as u64, bins);
    for key in [
        "model_version",
        "seed",
        "platforms",
        "cdns",
        "links",
        "bytes",
        "sigma_budget",
        "missing",
        "corrections",
    ] {
        assert!(!json[key].is_null(), "{key}");
    }
    assert!(json["peak"]["at"]["p50"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn forecast_csv_has_a_line_per_series_and_bin() {
    let csv = traffix(&["forecast", "-", "--csv"]).stdin(FORECAST).run().expect(0);
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("scope,id,start,p10_bps,p50_bps,p90_bps,p99_bps"));
    let rest: Vec<&str> = lines.collect();
    assert!(rest[0].starts_with("total,,2026-03-05T10:00:00Z,"), "{}", rest[0]);
    assert!(rest.iter().all(|line| line.split(',').count() == 7));
    assert_eq!(rest.iter().filter(|line| line.starts_with("link,transit,")).count(), 576);
}

#[test]
fn forecast_plot_is_well_formed_svg() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.svg");
    traffix(&["forecast", "-", "--plot", path.to_str().unwrap()]).stdin(FORECAST).run().expect(0);
    let svg = std::fs::read_to_string(&path).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    assert!(svg.contains("Patch &lt;1&gt; on acme"));
    let nowhere = dir.path().join("no/x.svg");
    assert_eq!(
        traffix(&["forecast", "-", "--plot", nowhere.to_str().unwrap()]).stdin(FORECAST).run().code,
        1
    );
}

#[test]
fn forecast_names_every_wrong_field() {
    let cases = [
        ("1e6", "-1", "/network/lines: "),
        ("1e6", "1e12", "/network/lines: "),
        ("1e6", "1e999", "number out of range"),
        ("1e6", "NaN", "-:"),
        ("1e6", "\"many\"", "network.lines: invalid type"),
        ("Europe/London", "Mars/Olympus", "/network/tz: "),
        ("20e9", "-5", "/ru/items/0/bytes: "),
        ("20e9", "1e30", "/ru/items/0/bytes: "),
        ("\"mau\"", "\"mou\"", "unknown field `mou`"),
        ("2026-03-05T10:00:00Z", "tomorrow", "must be an instant"),
        ("\"steam\"", "5", "invalid type"),
        ("\"draws\": 64", "\"draws\": 100000000", "/options/draws: "),
        ("\"draws\": 64", "\"step_s\": 0", "/options/step_s: "),
    ];
    for (from, to, says) in cases {
        let run = traffix(&["forecast", "-"]).stdin(FORECAST.replacen(from, to, 1)).run();
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{to}: {}", run.stderr);
        let says = if says == "-:" { "standard input:4:" } else { says };
        assert!(run.stderr.contains(says), "{to}: {}", run.stderr);
    }
    assert_eq!(traffix(&["forecast", "-", "--json", "--csv"]).run().code, 2);
    assert_eq!(traffix(&["forecast", "-", "--days", "0"]).run().code, 2);
}

const EVENTS: &str = include_str!("../../traffix-core/tests/data/backtest_events.json");

#[test]
fn backtest_prints_events_a_chart_and_scores() {
    let mut events: serde_json::Value = serde_json::from_str(EVENTS).unwrap();
    events["events"].as_array_mut().unwrap().truncate(4);
    let few = events.to_string();
    let text = traffix(&["backtest", "-"]).stdin(&few).run().expect(0);
    for part in
        ["4 events on 3 networks", "S095", "├", "█", "priors alone", "B3 the last similar", "in brackets"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let json = traffix(&["backtest", "-", "--json"]).stdin(&few).run().json();
    assert_eq!(json["events"].as_array().unwrap().len(), 4);
    for part in ["predicted", "learned"] {
        let peak = &json["events"][3][part];
        assert!(peak["p10"].as_f64() < peak["p50"].as_f64() && peak["p50"].as_f64() < peak["p90"].as_f64());
    }
    assert_eq!(json["events"][0]["observed"]["mid"], 290e9);
    assert_eq!(json["scores"]["n"], 4);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.svg");
    traffix(&["backtest", "-", "--plot", path.to_str().unwrap()]).stdin(&few).run().expect(0);
    roxmltree::Document::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();

    events["events"][1]["observed"]["low"] = (-1).into();
    let run = traffix(&["backtest", "-"]).stdin(events.to_string()).run();
    assert!(run.code == 1 && run.stderr.contains("/events/1/observed/mid"), "{}", run.stderr);
}
