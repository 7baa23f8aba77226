//! `traffix attribute`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;

use serde::Serialize;
use traffix_core::delivery::{Attribution, Attributor, Hints};
use traffix_platforms::attribution::{domain_table_builder, prefix_table_builder};

use super::{Failure, Out, forecast, outlook};

/// Longest line read; what is longer is reported as wrong in pieces.
const MAX_LINE_BYTES: u64 = 4096;
/// What is read from standard input at a time.
const READ_BYTES: usize = 1 << 16;

/// Say whose addresses and host names these are: CDN, ASN, and platform candidates with probabilities.
///
/// An item is an address, a host name, or both, such as "155.133.226.70 cache1-fra1.steamcontent.com". Without items,
/// or for -, they are read from standard input, one per line. Lines that are neither are reported with their number,
/// the rest is answered, and the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Addresses, host names, or both in one argument; - reads standard input.
    #[arg(value_name = "IP|HOST")]
    items: Vec<String>,
    /// Also know the caches that CDNs have in this network: a profile as JSON or TOML, or the id of a bundled example.
    #[arg(long, value_name = "FILE")]
    network: Option<String>,
    /// Print {"items": […]}, one attribution each.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(flatten)]
    attribution: Attribution,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let with_caches = args.network.as_deref().map(with_caches_of).transpose()?;
    let lines = Lines::new(with_caches.as_ref().unwrap_or_else(|| traffix_platforms::attributor()));
    let mut answers = Answers { json: args.json, out, lines, written: 0, wrong: 0 };
    answers.begin()?;
    if args.items.is_empty() || args.items == ["-"] {
        let stdin = std::io::stdin();
        if args.items.is_empty() && std::io::IsTerminal::is_terminal(&stdin) {
            return Err(Failure::usage("nothing to attribute is given")
                .hint("traffix attribute 155.133.226.70, or a host name, or - for stdin"));
        }
        answers.lines(BufReader::with_capacity(READ_BYTES, stdin.lock()))?;
    } else {
        for (i, text) in args.items.iter().enumerate() {
            answers.answer(text, &format!("item {}", i + 1))?;
        }
    }
    answers.end()
}

/// The embedded tables and the caches in a network.
fn with_caches_of(network: &str) -> Result<Attributor, Failure> {
    let profile = outlook::network(network)?;
    let findings = profile.validate();
    if !findings.is_empty() {
        return Err(forecast::invalid(network, &findings));
    }
    let mut prefixes = prefix_table_builder();
    if prefixes.embedded_caches(&profile) == 0 {
        super::tell(&format!(
            "note: {network}: no embedded cache has addresses; list them as \"prefixes\" of the link"
        ));
    }
    Ok(Attributor { prefixes: prefixes.build().into(), domains: domain_table_builder().build().into() })
}

/// What one line asks about.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    ip: Option<IpAddr>,
    host: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// An address, a host name, or an address and a host name.
    fn read(text: &'a str) -> Option<Self> {
        if let Ok(ip) = text.parse() {
            return Some(Self { ip: Some(ip), host: None });
        }
        let mut words = text.split_whitespace();
        let (first, second) = (words.next()?, words.next());
        match (second, words.next()) {
            (None, None) => {
                Some(Self { ip: None, host: host_name(first) }).filter(|asked| asked.host.is_some())
            }
            (Some(host), None) => Some(Self { ip: Some(first.parse().ok()?), host: Some(host_name(host)?) }),
            _ => None,
        }
    }
}

/// A text that can be a host name: labels of printable characters, the last one not a number.
fn host_name(text: &str) -> Option<&str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let (_, last) = name.rsplit_once('.')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:,;\"".contains(&byte));
    (plain && !last.is_empty() && !last.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

struct Answers<'a> {
    json: bool,
    out: &'a mut Out,
    lines: Lines<'a>,
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
        let Some(asked) = Asked::read(text) else {
            self.wrong += 1;
            let shown: String = text.chars().take(60).collect();
            super::complain(&format!("{place}: {shown:?} is neither an IP address nor a host name"));
            return Ok(());
        };
        if self.json {
            let attribution = attribute(self.lines.attributor, asked);
            let comma = if self.written > 0 { "," } else { "" };
            let item = serde_json::to_string(&Item { ip: asked.ip, host: asked.host, attribution });
            self.out.text(&format!("{comma}\n{}", item.map_err(Failure::new)?))?;
        } else {
            self.out.text(self.lines.line(asked))?;
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
        Err(Failure::new(format_args!("{} of {total} are neither IP addresses nor host names", self.wrong)).hint(
            "write one per line, such as 155.133.226.70, 2001:db8::1, cache1-fra1.steamcontent.com, or an address and \
             a name, without port, prefix length or path",
        ))
    }
}

/// Answers as lines of text. Everything of one origin under the same patterns of names gets the same words, which are
/// made once.
struct Lines<'table> {
    attributor: &'table Attributor,
    /// What stands before and after the prefix.
    words: Vec<(String, String)>,
    /// Which of the words, by the numbers of origin and patterns in their tables.
    known: HashMap<Box<[usize]>, usize>,
    key: Vec<usize>,
    line: String,
}

impl<'table> Lines<'table> {
    fn new(attributor: &'table Attributor) -> Self {
        Self { attributor, words: Vec::new(), known: HashMap::new(), key: Vec::new(), line: String::new() }
    }

    /// `155.133.226.70  valve AS32590 dedicated 155.133.226.0/24  steam 0.95, unknown 0.05`, with its end.
    fn line(&mut self, asked: Asked<'_>) -> &str {
        let found = asked.ip.and_then(|ip| self.attributor.prefixes.lpm().lookup(ip));
        let index = self.index(asked, found.map(|found| found.id));
        let line = &mut self.line;
        line.clear();
        let _ = asked.ip.iter().try_for_each(|ip| write!(line, "{ip} "));
        let _ = asked.host.iter().try_for_each(|host| write!(line, "{host} "));
        let (before, after) = &self.words[index];
        line.push(' ');
        line.push_str(before);
        if let (Some(ip), Some(found)) = (asked.ip, found)
            && let Ok(prefix) = ipnet::IpNet::new(ip.to_canonical(), found.length)
        {
            let _ = write!(line, " {}", prefix.trunc());
        }
        line.push_str(after);
        line.push('\n');
        line
    }

    /// Where the words are: the answer depends on the origin, whether a name is asked about, and all its patterns.
    fn index(&mut self, asked: Asked<'_>, origin: Option<u32>) -> usize {
        self.key.clear();
        self.key.push(origin.map_or(usize::MAX, |id| id as usize));
        if let Some(host) = asked.host {
            self.key.push(usize::MAX);
            let _: Option<()> = self.attributor.domains.find(host, |found| {
                self.key.push(found.id);
                None
            });
        }
        if let Some(index) = self.known.get(self.key.as_slice()) {
            return *index;
        }
        self.words.push(words(&attribute(self.attributor, asked)));
        self.known.insert(self.key.as_slice().into(), self.words.len() - 1);
        self.words.len() - 1
    }
}

fn attribute(attributor: &Attributor, asked: Asked<'_>) -> Attribution {
    attributor.attribute(asked.ip, &Hints { host: asked.host, ..Hints::default() })
}

/// What stands before and after the prefix.
fn words(found: &Attribution) -> (String, String) {
    let mut before = found.cdn.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let _ = found.asn.iter().try_for_each(|asn| write!(before, " {asn}"));
    let _ = found.tenancy.iter().try_for_each(|t| write!(before, " {}", super::word(t)));
    let mut after = String::new();
    let _ = found.domain.iter().try_for_each(|domain| write!(after, " {}", domain.pattern));
    let platforms: Vec<String> = found
        .platforms
        .iter()
        .map(|c| {
            let name = c.platform.as_ref().map_or("unknown", |id| id.as_str());
            format!("{name} {:.2}", c.probability)
        })
        .collect();
    let _ = write!(after, "  {}", platforms.join(", "));
    (before, after)
}
