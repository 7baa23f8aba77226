//! `traffix collect` from what other collectors decoded.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use support::{traffix, write};
use tempfile::TempDir;

const NETWORK: &str =
    r#"{"id": "acme", "tz": "UTC", "lines": 1, "prefixes": ["198.51.100.0/24", "2001:db8:1::/48"]}"#;

/// What ClickHouse answered: see the tests of the library.
const COLUMNS: &str = include_str!("../../traffix-telemetry/tests/foreign/columns.tsv");
const ROWS: &str = include_str!("../../traffix-telemetry/tests/foreign/akvorado.jsonl");

/// A folder with a profile; the arguments that name it and a database.
fn place() -> (TempDir, [String; 4]) {
    let dir = tempfile::tempdir().unwrap();
    let network = write(dir.path(), "acme.json", NETWORK);
    let url = format!("sqlite:{}", dir.path().join("traffix.db").display());
    let arguments = ["--network".to_owned(), network, "--database".to_owned(), url];
    (dir, arguments)
}

fn collect(more: &[&str], arguments: &[String; 4]) -> support::Line {
    let arguments = arguments.iter().map(String::as_str);
    traffix(
        &["collect", "--json"].into_iter().chain(more.iter().copied()).chain(arguments).collect::<Vec<_>>(),
    )
}

/// Two flows of Valve, one that leaves, and a line that is none.
fn goflow2() -> String {
    let line = |from: &str, to: &str| {
        format!(
            r#"{{"type":"IPFIX","time_received_ns":1700000000000000000,"sampling_rate":1000,"sampler_address":"203.0.113.9","time_flow_start_ns":1700000000000000000,"time_flow_end_ns":1700000000000000000,"bytes":1500,"packets":1,"src_addr":"{from}","dst_addr":"{to}","proto":"TCP","in_if":1}}"#
        ) + "\n"
    };
    let down = line("155.133.226.70", "198.51.100.20");
    [&down, &down, &line("198.51.100.20", "155.133.226.70"), "nonsense\n"].concat()
}

#[test]
fn what_goflow2_wrote_is_counted_once() {
    let (dir, arguments) = place();
    let file = write(dir.path(), "flows.json", goflow2());
    let first = collect(&["--goflow2", &file], &arguments).run().json();
    assert_eq!((&first["batches"], &first["bytes"]), (&1.into(), &3_000_000.into()), "{first}");
    assert_eq!(
        (&first["flows"], &first["counted_flows"], &first["refused"]),
        (&3.into(), &2.into(), &1.into())
    );
    assert_eq!(first["unattributed_bytes"], 0);
    let again = collect(&["--goflow2", &file], &arguments).run().json();
    assert_eq!(
        (&again["batches"], &again["known_batches"], &again["bytes"]),
        (&0.into(), &1.into(), &0.into())
    );
    let piped = collect(&["--goflow2", "-"], &arguments).stdin(goflow2()).run().json();
    assert_eq!(piped["batches"], 1, "a pipe never repeats");
    let missing = collect(&["--goflow2", "nowhere"], &arguments).run();
    assert!(missing.code == 1 && missing.stderr.contains("cannot read nowhere"), "{}", missing.stderr);
    let both = collect(&["--goflow2", &file, "--netflow", "2055"], &arguments).run();
    assert_eq!(both.code, 2, "{}", both.stderr);
}

/// Answers as ClickHouse does, and tells the questions: the head of the request and its body.
fn clickhouse() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, questions) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let asked = asked.clone();
            std::thread::spawn(move || serve(socket.unwrap(), |question| asked.send(question).unwrap_or(())));
        }
    });
    (address.to_string(), questions)
}

fn serve(mut socket: TcpStream, mut tell: impl FnMut((String, String))) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    loop {
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            head.push_str(&std::mem::take(&mut line).to_lowercase());
        }
        let Some((_, length)) = head.split_once("content-length: ") else { return };
        let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let answer = if body.starts_with("DESCRIBE") { COLUMNS.to_owned() } else { rows(&body) };
        tell((head, body));
        let _ = write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
    }
}

/// The recorded rows of the range that is asked for.
fn rows(sql: &str) -> String {
    let bound = |before: &str| -> u64 {
        sql.split_once(before).unwrap().1.split(')').next().unwrap().parse().unwrap()
    };
    let range = bound("TimeReceived >= toDateTime(")..bound("TimeReceived < toDateTime(");
    let bin = |line: &&str| {
        range.contains(&serde_json::from_str::<serde_json::Value>(line).unwrap()["bin"].as_u64().unwrap())
    };
    ROWS.lines().filter(bin).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn what_akvorado_keeps_is_counted_once() {
    let (_dir, arguments) = place();
    let (address, questions) = clickhouse();
    let url = format!("http://reader:s3cret@{address}/?database=a");
    let ask = ["--akvorado", &url, "--since", "2023-11-14T22:12Z", "--until", "2023-11-14T22:25Z"];
    let run = collect(&ask, &arguments).run();
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    let first = run.json();
    // From 22:10 to 22:25 in fives; nothing was seen in the last one, which stays unknown.
    assert_eq!(
        (&first["batches"], &first["bytes"], &first["flows"]),
        (&2.into(), &2_700_900.into(), &3.into()),
        "{first}"
    );
    let asked: Vec<(String, String)> = questions.try_iter().collect();
    assert_eq!(asked.len(), 4);
    assert!(asked[0].1.starts_with("DESCRIBE TABLE flows"));
    // cmVhZGVyOnMzY3JldA== in lower case, as the whole head is.
    let authorized = |head: &str| head.contains("authorization: basic cmvhzgvyonmzy3jlda==");
    assert!(
        asked.iter().all(|(head, _)| authorized(head) && head.contains("?database=a&wait_end_of_query=1"))
    );
    assert!(
        asked[1].1.contains("toDateTime(1699999800)") && asked[1].1.contains("'::ffff:198.51.100.0'"),
        "{asked:?}"
    );
    let again = collect(&ask, &arguments).run().json();
    assert_eq!((&again["batches"], &again["known_batches"]), (&0.into(), &2.into()), "{again}");
}

#[test]
fn what_cannot_be_asked_is_explained() {
    let (_dir, arguments) = place();
    let (address, _questions) = clickhouse();
    let url = format!("http://{address}/");
    let wrong = collect(&["--akvorado", &url, "--table", "flows; DROP"], &arguments).run();
    assert!(wrong.code == 2 && wrong.stderr.contains("is no table"), "{}", wrong.stderr);
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let gone = collect(&["--akvorado", &format!("http://x:s3cret@{free}/")], &arguments).run();
    assert!(gone.code == 1 && gone.stderr.contains(&free.to_string()), "{}", gone.stderr);
    assert!(!gone.stderr.contains("s3cret"), "{}", gone.stderr);
}
