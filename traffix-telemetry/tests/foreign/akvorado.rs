//! Questions to Akvorado's database, and its answers.
//!
//! `akvorado.sql` was run, in November 2026, by ClickHouse 26.9.2 (as chdb 4.4.0) on a table of the columns that Akvorado's
//! migrations make; `columns.tsv`, `akvorado.jsonl` and `akvorado-quoted.jsonl` (with 64-bit integers in quotes) are what it
//! answered. The table held flows of two routers; some seen on their way out, on an internal interface, to elsewhere and at
//! another time, which the answer leaves out.

use proptest::prelude::*;
use traffix_core::measurement::Key;
use traffix_telemetry::collector::Config;
use traffix_telemetry::foreign::ForeignError;
use traffix_telemetry::foreign::akvorado::{Answer, Query, QueryError, Rows, columns};

use super::{network, watch};

const COLUMNS: &str = include_str!("columns.tsv");
const ROWS: &str = include_str!("akvorado.jsonl");
const FROM: i64 = 1_700_000_040;

fn query() -> Query {
    Query::new("flows", COLUMNS, &network(), &Config::default()).unwrap().range(FROM + 1, FROM + 120)
}

fn answer(pieces: &[&[u8]]) -> Result<Answer, ForeignError> {
    let mut rows = Rows::new(&query(), &Config::default(), &watch());
    for piece in pieces {
        rows.push(piece)?;
    }
    rows.finish("http://clickhouse.example:8123/")
}

#[test]
fn the_question_is_the_one_that_was_run() {
    assert_eq!(query().sql(), include_str!("akvorado.sql").trim_end());
    assert_eq!(columns("a.flows").unwrap(), "DESCRIBE TABLE a.flows FORMAT TabSeparated");
}

#[test]
fn a_table_without_what_is_needed_is_refused() {
    let without = COLUMNS.replace("SrcAddr\t", "SrcAS\t");
    let refused = Query::new("flows_1m0s", &without, &network(), &Config::default());
    assert_eq!(refused, Err(QueryError::Column("SrcAddr")));
    for bad in ["", "flows; DROP TABLE flows", "a.b.c", "a.", "`flows`"] {
        assert!(columns(bad).is_err(), "{bad:?}");
    }
    // Older tables do not say which way a flow was seen.
    let older = COLUMNS.replace("FlowDirection\t", "Direction\t");
    let older = Query::new("flows", &older, &network(), &Config::default()).unwrap();
    assert!(!older.sql().contains("FlowDirection"));
}

#[test]
fn the_answer_becomes_one_batch() {
    let found = answer(&[ROWS.as_bytes()]).unwrap();
    assert_eq!((found.rows, found.flows), (3, 4));
    assert!(found.batch.id.starts_with("akvorado/") && found.batch.id.ends_with("/1700000040-1700000160"));
    let at = |secs: i64| chrono::DateTime::from_timestamp(FROM + secs, 0).unwrap();
    assert_eq!(found.batch.bins.keys().copied().collect::<Vec<_>>(), [at(0), at(60)]);
    assert!(found.batch.findings(at(120)).is_empty());
    let valve = |link: Option<&str>| Key {
        platform: None,
        cdn: Some("valve".parse().unwrap()),
        link: link.map(str::to_owned),
    };
    assert_eq!(found.batch.bins[&at(0)][&valve(Some("pni"))], 2_000_000);
    assert_eq!(found.batch.bins[&at(60)][&valve(Some("pni"))], 700_000);
    // The other router's interfaces are not in the profile, and it does not sample.
    assert_eq!(found.batch.bins[&at(60)][&valve(None)], 900);
}

#[test]
fn pieces_quotes_and_repetitions_do_not_matter() {
    let whole = answer(&[ROWS.as_bytes()]).unwrap();
    let bytewise: Vec<&[u8]> = ROWS.as_bytes().chunks(1).collect();
    assert_eq!(answer(&bytewise).unwrap(), whole);
    assert_eq!(answer(&[include_bytes!("akvorado-quoted.jsonl")]).unwrap().batch, whole.batch);
    let elsewhere =
        Rows::new(&query(), &Config::default(), &watch()).finish("http://other.example/").unwrap();
    assert_ne!(elsewhere.batch.id, whole.batch.id);
    assert!(elsewhere.batch.bins.is_empty(), "nothing is unknown, not zero");
}

#[test]
fn what_is_no_row_spoils_the_answer() {
    let exception = format!("{ROWS}Code: 241. DB::Exception: Memory limit exceeded\n");
    let error = answer(&[exception.as_bytes()]).unwrap_err().to_string();
    assert!(error.starts_with("row 4 of the answer is none") && error.contains("Memory limit"), "{error}");
    let elsewhen = ROWS.replace("1700000100", "1700000160");
    let error = answer(&[elsewhen.as_bytes()]).unwrap_err().to_string();
    assert!(error.contains("was not asked for"), "{error}");
    let cut = &ROWS.as_bytes()[..ROWS.len() - 10];
    assert!(answer(&[cut]).is_err());
}

proptest! {
    #[test]
    fn mutated_answers(wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut rows = ROWS.as_bytes().to_vec();
        for (at, byte) in &wrong {
            let at = at.index(rows.len());
            rows[at] = *byte;
        }
        let _ = answer(&[&rows]);
    }
}
