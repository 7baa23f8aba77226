//! `traffix attribute`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;

use serde::Serialize;
use traffix_core::delivery::{Attribution, PrefixTable};

use super::{Failure, Out};

/// Longest line read as an address; what is longer is reported as wrong in pieces.
const MAX_LINE_BYTES: u64 = 4096;
/// What is read from standard input at a time.
const READ_BYTES: usize = 1 << 16;

/// Say whose addresses these are: CDN, ASN, and platform candidates with probabilities.
///
/// Without addresses, or for -, they are read from standard input, one per line. Lines that are no address are
/// reported with their number, the rest is answered, and the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// IPv4 or IPv6 addresses; - reads standard input.
    #[arg(value_name = "IP")]
    addresses: Vec<String>,
    /// Print {"items": […]}, one attribution each.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Item {
    ip: IpAddr,
    #[serde(flatten)]
    attribution: Attribution,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let lines = Lines::new(traffix_platforms::prefix_table());
    let mut answers = Answers { json: args.json, out, lines, written: 0, wrong: 0 };
    answers.begin()?;
    if args.addresses.is_empty() || args.addresses == ["-"] {
        let stdin = std::io::stdin();
        if args.addresses.is_empty() && std::io::IsTerminal::is_terminal(&stdin) {
            return Err(
                Failure::usage("no address given").hint("traffix attribute 155.133.226.70, or - for stdin")
            );
        }
        answers.lines(BufReader::with_capacity(READ_BYTES, stdin.lock()))?;
    } else {
        for (i, text) in args.addresses.iter().enumerate() {
            answers.answer(text, &format!("address {}", i + 1))?;
        }
    }
    answers.end()
}

struct Answers<'a> {
    json: bool,
    out: &'a mut Out,
    lines: Lines<'static>,
    written: usize,
    wrong: usize,
}

impl Answers<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        if self.json { self.out.text("{\"items\":[") } else { Ok(()) }
    }

    fn lines(&mut self, mut from: impl BufRead) -> Result<(), Failure> {
        let failed = |error| Failure::new(format_args!("cannot read standard input: {error}"));
        let mut line = Vec::new();
        for number in 1_usize.. {
            line.clear();
            let limited = &mut std::io::Read::take(&mut from, MAX_LINE_BYTES);
            if limited.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                self.answer(text.trim(), &format!("line {number}"))?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, text: &str, place: &str) -> Result<(), Failure> {
        let Ok(ip) = text.parse::<IpAddr>() else {
            self.wrong += 1;
            let shown: String = text.chars().take(60).collect();
            super::complain(&format!("{place}: {shown:?} is not an IP address"));
            return Ok(());
        };
        if self.json {
            let attribution = self.lines.table.attribute(ip);
            let comma = if self.written > 0 { "," } else { "" };
            let item = serde_json::to_string(&Item { ip, attribution }).map_err(Failure::new)?;
            self.out.text(&format!("{comma}\n{item}"))?;
        } else {
            self.out.text(self.lines.line(ip))?;
        }
        self.written += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.json {
            self.out.line("\n]}")?;
        }
        self.out.flush()?;
        if self.wrong == 0 {
            return Ok(());
        }
        let total = self.wrong + self.written;
        Err(Failure::new(format_args!("{} of {total} are no IP addresses", self.wrong))
            .hint("write one address per line, such as 155.133.226.70 or 2001:db8::1, without port or prefix length"))
    }
}

/// Answers as lines of text. All addresses of one origin get the same words, which are made once.
struct Lines<'table> {
    table: &'table PrefixTable,
    /// By the origin's number in the table: what stands before and after the prefix.
    words: HashMap<u32, (String, String)>,
    line: String,
}

impl<'table> Lines<'table> {
    fn new(table: &'table PrefixTable) -> Self {
        Self { table, words: HashMap::new(), line: String::new() }
    }

    /// `155.133.226.70  valve AS32590 dedicated 155.133.226.0/24  steam 0.95, unknown 0.05`, with its end.
    fn line(&mut self, ip: IpAddr) -> &str {
        self.line.clear();
        let _ = write!(self.line, "{ip}  ");
        match self.table.lpm().lookup(ip) {
            None => self.line.push_str("unknown  unknown 1.00"),
            Some(found) => {
                let (before, after) =
                    self.words.entry(found.id).or_insert_with(|| words(&self.table.attribute(ip)));
                self.line.push_str(before);
                if let Ok(prefix) = ipnet::IpNet::new(ip.to_canonical(), found.length) {
                    let _ = write!(self.line, "{}", prefix.trunc());
                }
                self.line.push_str(after);
            }
        }
        self.line.push('\n');
        &self.line
    }
}

/// What stands before and after the prefix.
fn words(found: &Attribution) -> (String, String) {
    let mut before = found.cdn.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let _ = found.asn.iter().try_for_each(|asn| write!(before, " {asn}"));
    let _ = found.tenancy.iter().try_for_each(|t| write!(before, " {}", super::word(t)));
    before.push(' ');
    let platforms: Vec<String> = found
        .platforms
        .iter()
        .map(|c| {
            let name = c.platform.as_ref().map_or("unknown", |id| id.as_str());
            format!("{name} {:.2}", c.probability)
        })
        .collect();
    (before, format!("  {}", platforms.join(", ")))
}
