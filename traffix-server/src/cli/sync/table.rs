//! What a person sees of a sync: lines that move while it runs, and a table at its end.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize as _;
use traffix_core::catalogue::ByteRange;
use traffix_platforms::entries::{News, NewsKind};

use crate::cli::{Failure, Out};
use crate::jobs::{PlatformReport, PullStatus};

/// Most news shown.
const SHOWN: usize = 40;

/// A line for every platform. Hidden where standard error is no terminal.
pub(super) struct Bars(MultiProgress);

/// The line of one platform.
pub(super) struct Bar(ProgressBar);

impl Bars {
    pub(super) fn new() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }

    pub(super) fn add(&self, platform: &str) -> Bar {
        let bar = self.0.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner} {prefix:<15} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(platform.to_owned());
        bar.set_message("waiting");
        Bar(bar)
    }
}

impl Bar {
    pub(super) fn show(&self, report: &PlatformReport) {
        let PlatformReport { read, written, errors, requests, .. } = report;
        self.0.set_message(format!("{requests} requests, {read} read, {written} written, {errors} errors"));
        self.0.tick();
    }

    pub(super) fn finish(&self, report: &PlatformReport) {
        self.show(report);
        self.0.finish();
    }
}

/// What was done, and what is new.
pub(super) fn print(reports: &[PlatformReport], out: &mut Out) -> Result<(), Failure> {
    out.line(format!(
        "{:<15} {:<10} {:>8} {:>8} {:>7} {:>8} {:>8}  NEWS",
        "ID", "STATUS", "READ", "WRITTEN", "ERRORS", "SKIPPED", "REQUESTS"
    ))?;
    for report in reports {
        let PlatformReport { id, read, written, errors, skipped, requests, .. } = report;
        let status = crate::cli::word(report.status);
        let news: Vec<String> = report.news.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let news = news.join(", ");
        out.line(
            format!(
                "{id:<15} {status:<10} {read:>8} {written:>8} {errors:>7} {skipped:>8} {requests:>8}  {news}"
            )
            .trim_end(),
        )?;
    }
    let told = reports.iter().flat_map(|report| &report.changes).filter(|one| one.kind != NewsKind::Other);
    for (n, one) in told.enumerate() {
        if n == SHOWN {
            out.line("… --json lists all")?;
            break;
        }
        out.line(line(one))?;
    }
    // First the table, then the remarks, wherever both go.
    out.flush()?;
    for report in reports {
        remark(report);
    }
    if reports.iter().any(|report| report.skipped > 0) {
        crate::cli::tell("skipped: only the name is known, or the recording has no answer");
    }
    Ok(())
}

/// What else there is to say about one source, beside the table.
fn remark(report: &PlatformReport) {
    if report.status == PullStatus::Busy {
        let who = report.busy.as_deref().unwrap_or("another process");
        crate::cli::tell(&format!("{}: {who} is pulling this platform", report.id));
    }
    // What a platform never has is worth a word where it explains an empty line.
    let nothing = report.read == 0 && report.status == PullStatus::Done;
    for note in report.unsupported.iter().filter(|_| nothing).chain(&report.notes) {
        crate::cli::tell(&about(report, note));
    }
    for failure in &report.failures {
        crate::cli::complain(&about(report, failure));
    }
    if report.errors > report.failures.len() as u64 {
        let more = report.errors - report.failures.len() as u64;
        crate::cli::complain(&about(report, &format!("and {more} more; TRAFFIX__LOG__FILTER=warn logs all")));
    }
}

/// A message that says about which source it is, once.
fn about(report: &PlatformReport, message: &str) -> String {
    let id = report.id.as_str();
    let says = message.strip_prefix(id).is_some_and(|rest| rest.starts_with([' ', ',', ':']));
    if says { message.to_owned() } else { format!("{id}: {message}") }
}

/// One piece of news.
fn line(one: &News) -> String {
    let value = |value: &serde_json::Value| {
        let start = || Some(value.get("start")?.as_str()?.to_owned());
        let size = || ByteRange::deserialize(value).ok().map(|size| size.to_string());
        let text = value.as_str().map(str::to_owned);
        text.or_else(start).or_else(size).unwrap_or_else(|| value.to_string())
    };
    let change = match (&one.before, &one.after) {
        (Some(before), Some(after)) => format!("{} -> {}", value(before), value(after)),
        (None, Some(after)) => value(after),
        _ => String::new(),
    };
    format!("  {:<12} {}: {} {change}", one.kind, one.ru, one.field)
}
