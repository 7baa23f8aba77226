//! Starts the rivals, drives them with `wrk`, and compares.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::{Outcome, catalogue};

/// Clock ticks a second in `/proc/<pid>/stat`: fixed on Linux for user space.
const TICKS_PER_SECOND: f64 = 100.0;
const LIST: &str = "/api/v1/rus?limit=100";
const DETAIL: &str = "/api/v1/rus/load-17";

/// One thing to ask for.
struct Case {
    name: &'static str,
    path: &'static str,
    headers: Vec<String>,
    /// Path at the bare server; none if there is nothing to compare with.
    bare: Option<&'static str>,
    script: Option<String>,
}

/// One run of `wrk`.
#[derive(Clone, Copy)]
struct Measured {
    requests_per_second: f64,
    p99_ms: f64,
    cpu_us: f64,
}

struct Rival {
    process: Child,
    address: String,
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn run() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite:{}", folder.path().join("load.db").display());
    tokio::runtime::Runtime::new()?.block_on(catalogue::fill(&database))?;
    let real = start("serve-real", &database)?;
    let mut pages = HashMap::new();
    let mut keep = |path: &str, body: &[u8]| -> Outcome<()> {
        let file = folder.path().join(path.trim_start_matches('/'));
        std::fs::write(&file, body)?;
        pages.insert(path.to_owned(), file.display().to_string());
        Ok(())
    };
    let (_, detail) = ask(&real.address, DETAIL, "")?;
    let (list_head, list) = ask(&real.address, LIST, "")?;
    let (_, packed) = ask(&real.address, LIST, "Accept-Encoding: gzip\r\n")?;
    for (path, body) in [("/detail", &detail), ("/list", &list), ("/packed", &packed)] {
        keep(path, body)?;
    }
    keep("/unchanged", b"")?;
    let bare = start("serve-bare", &serde_json::to_string(&pages)?)?;
    let etag = list_head.lines().find_map(|line| line.strip_prefix("etag: ")).ok_or("no ETag")?.to_owned();
    println!("detail {} B, list of 100 {} B, gzip {} B", detail.len(), list.len(), packed.len());
    println!("| case | server | requests/s | p99 ms | CPU µs/request | ratio |\n|---|---|---|---|---|---|");
    for case in cases(&etag, folder.path())? {
        compare(&case, &real, &bare)?;
    }
    Ok(())
}

fn cases(etag: &str, folder: &std::path::Path) -> Outcome<Vec<Case>> {
    let script = folder.join("cold.lua");
    std::fs::write(
        &script,
        "local n = 0\nrequest = function()\n  n = n + 1\n  \
         return wrk.format('GET', '/api/v1/rus?limit=100&min_bytes=' .. n)\nend\n",
    )?;
    let case = |name, path, header: Option<String>, bare| Case {
        name,
        path,
        headers: header.into_iter().collect(),
        bare,
        script: None,
    };
    Ok(vec![
        case("hot detail", DETAIL, None, Some("/detail")),
        case("hot list of 100", LIST, None, Some("/list")),
        case("unchanged (304)", LIST, Some(format!("If-None-Match: {etag}")), Some("/unchanged")),
        case("hot list, gzip", LIST, Some("Accept-Encoding: gzip".into()), Some("/packed")),
        case("health", "/healthz", None, None),
        Case { script: Some(script.display().to_string()), ..case("cold list of 100", LIST, None, None) },
    ])
}

fn compare(case: &Case, real: &Rival, bare: &Rival) -> Outcome<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..setting("LOAD_ROUNDS", 3) {
        ours.push(measure(real, case.path, case)?);
        if let Some(path) = case.bare {
            theirs.push(measure(bare, path, case)?);
        }
    }
    let ours = median(&ours);
    let bare_cpu = (!theirs.is_empty()).then(|| median(&theirs));
    let ratio = bare_cpu.map_or("-".to_owned(), |bare| format!("{:.2}", ours.cpu_us / bare.cpu_us));
    row(case.name, "traffix", ours, &ratio);
    if let Some(bare) = bare_cpu {
        row(case.name, "bare poem", bare, "1");
    }
    Ok(())
}

fn row(case: &str, server: &str, m: Measured, ratio: &str) {
    println!(
        "| {case} | {server} | {:.0} | {:.1} | {:.1} | {ratio} |",
        m.requests_per_second, m.p99_ms, m.cpu_us
    );
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Starts this program as a rival on the first processor and reads its address.
fn start(mode: &str, argument: &str) -> Outcome<Rival> {
    let me = std::env::current_exe()?;
    let mut process = Command::new("taskset")
        .args(["-c", "0"])
        .arg(me)
        .args([mode, argument])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("taskset: {error}"))?;
    let mut output = BufReader::new(process.stdout.take().ok_or("no output")?);
    let mut address = String::new();
    output.read_line(&mut address)?;
    // Log lines are read and dropped, as a log collector would.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    Ok(Rival { process, address: address.trim().to_owned() })
}

/// One plain request; head and body of the answer.
fn ask(address: &str, path: &str, headers: &str) -> Outcome<(String, Vec<u8>)> {
    let mut socket = TcpStream::connect(address)?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or("no head")?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer)?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("{path}: {head}").into());
    }
    Ok((head, body))
}

fn measure(rival: &Rival, path: &str, case: &Case) -> Outcome<Measured> {
    let seconds = setting("LOAD_SECONDS", 15);
    let connections = setting("LOAD_CONNECTIONS", 300);
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", "1", "wrk", "-t1", "--latency"]);
    wrk.arg(format!("-c{connections}")).arg(format!("-d{seconds}s"));
    for header in &case.headers {
        wrk.args(["-H", header]);
    }
    if let Some(script) = &case.script {
        wrk.args(["-s", script]);
    }
    let before = cpu_seconds(rival.process.id())?;
    let output = wrk.arg(format!("http://{}{path}", rival.address)).output()?;
    let used = cpu_seconds(rival.process.id())? - before;
    let text = String::from_utf8(output.stdout)?;
    if text.contains("Non-2xx") && !case.name.contains("304") {
        return Err(format!("{}: {text}", case.name).into());
    }
    let word = |line: &str, n: usize| -> Option<String> { line.split_whitespace().nth(n).map(str::to_owned) };
    let find = |mark: &str, n| text.lines().find(|line| line.contains(mark)).and_then(|line| word(line, n));
    let requests: f64 = find("requests in", 0).ok_or("no count")?.parse()?;
    Ok(Measured {
        requests_per_second: find("Requests/sec", 1).ok_or("no rate")?.parse()?,
        p99_ms: milliseconds(&find("99%", 1).ok_or("no p99")?)?,
        cpu_us: used * 1e6 / requests,
    })
}

/// `1.23ms`, `456.00us` or `1.02s`.
fn milliseconds(text: &str) -> Outcome<f64> {
    for (unit, factor) in [("us", 1e-3), ("ms", 1.0), ("s", 1e3)] {
        if let Some(Ok(number)) = text.strip_suffix(unit).map(str::parse::<f64>) {
            return Ok(number * factor);
        }
    }
    Err(format!("{text:?} is no duration").into())
}

/// Processor time of a process, user and system.
fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').ok_or("no stat")?.1;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn median(all: &[Measured]) -> Measured {
    let of = |pick: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = all.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Measured {
        requests_per_second: of(|m| m.requests_per_second),
        p99_ms: of(|m| m.p99_ms),
        cpu_us: of(|m| m.cpu_us),
    }
}
