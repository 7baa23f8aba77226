//! `traffix attribute`.

use std::fmt::Write as _;
use std::io::BufRead;
use std::net::IpAddr;

use serde::Serialize;
use traffix_core::delivery::Attribution;

use super::{Failure, Out};

/// Longest line read as an address; what is longer is reported as wrong in pieces.
const MAX_LINE_BYTES: u64 = 4096;

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
    let mut answers = Answers { json: args.json, out, written: 0, wrong: 0 };
    answers.begin()?;
    if args.addresses.is_empty() || args.addresses == ["-"] {
        let stdin = std::io::stdin();
        if args.addresses.is_empty() && std::io::IsTerminal::is_terminal(&stdin) {
            return Err(
                Failure::usage("no address given").hint("traffix attribute 155.133.226.70, or - for stdin")
            );
        }
        answers.lines(stdin.lock())?;
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
        let attribution = traffix_platforms::prefix_table().attribute(ip);
        if self.json {
            let comma = if self.written > 0 { "," } else { "" };
            let item = serde_json::to_string(&Item { ip, attribution }).map_err(Failure::new)?;
            self.out.text(&format!("{comma}\n{item}"))?;
        } else {
            self.out.line(line(ip, &attribution))?;
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

/// `155.133.226.70  valve AS32590 dedicated 155.133.226.0/24  steam 0.95, unknown 0.05`.
fn line(ip: IpAddr, found: &Attribution) -> String {
    let mut text = format!("{ip}  ");
    let _ = match &found.cdn {
        Some(cdn) => write!(text, "{cdn}"),
        None => write!(text, "unknown"),
    };
    let _ = found.asn.iter().try_for_each(|asn| write!(text, " {asn}"));
    let _ = found.tenancy.iter().try_for_each(|t| write!(text, " {}", super::word(t)));
    let _ = found.prefix.iter().try_for_each(|prefix| write!(text, " {prefix}"));
    let platforms: Vec<String> = found
        .platforms
        .iter()
        .map(|c| {
            let name = c.platform.as_ref().map_or("unknown", |id| id.as_str());
            format!("{name} {:.2}", c.probability)
        })
        .collect();
    let _ = write!(text, "  {}", platforms.join(", "));
    text
}
