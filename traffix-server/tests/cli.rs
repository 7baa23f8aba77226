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
    let run = traffix(&["verify-model", "-"]).stdin(&CASES.replace("[18e9]", "[19e9]")).run();
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
