//! Checks that every platform passes, those of other crates too.
//!
//! [`check`] goes through the [`Law`]s over a folder of fixtures: `cassette.toml` and the recorded bodies
//! ([`cassette`]), and `samples.toml`, which says what to ask:
//!
//! ```toml
//! refresh = ["413150", { id = "440", build = "123" }]  # titles; with the build that somebody already has
//! audience = ["440"]
//! unknown = ["1"]                                      # titles of which the recording says that there are none
//! [discover]
//! now = 2026-09-15T00:00:00Z
//! from = 2026-09-01T00:00:00Z
//! until = 2026-12-01T00:00:00Z
//! region = "world"
//! [[delivery]]
//! region = "world"
//! [[skip]]
//! datum = "preload"                                    # declared, but no recording shows it
//! reason = "no recording of a preload exists"
//! [[skip]]
//! law = "paging"                                       # the recording ends before the pages do
//! reason = "only the first page was recorded"
//! ```
//!
//! A platform without network methods says so by returning [`Unsupported`](crate::PlatformError::Unsupported) from
//! all four; it needs no fixtures, the offline laws ([`Law::OFFLINE`]) hold nevertheless, and the report counts the
//! rest as skipped. As soon as one method asks anybody anything, everything is checked.
//!
//! Nothing in here touches the network. A nested body tries the stack: an endless recursion ends the whole process,
//! as it would in production.

mod bad;
mod content;
mod law;
mod mutate;
mod offline;
mod probe;
mod question;
mod report;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};

pub use law::Law;
pub use report::{Counts, Failure, Report, Skip};

use crate::upstream::Replay;
use crate::upstream::cassette::{self, CASSETTE_FILE};
use crate::{Availability, Datum, Platform, PlatformError};

use probe::{Plan, Probe};
use question::{Answer, Question, Trouble};
use samples::Samples;

/// Most pages of one list.
const MAX_PAGES: usize = 1_000;

/// Goes through all laws for one platform, over the recordings and samples in `fixtures`.
///
/// ```
/// # use std::path::Path;
/// use traffix_platforms::{conformance, platform};
/// let steam = platform("steam")?;
/// let report = conformance::check(steam, &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/steam/fixtures"));
/// assert!(report.passed.contains(&conformance::Law::Slug), "{report}");
/// # Ok::<(), traffix_platforms::PlatformError>(())
/// ```
pub fn check(platform: &dyn Platform, fixtures: &Path) -> Report {
    let mut report = Report::new(platform.id());
    offline::check(platform, &mut report);
    if fixtures.join(CASSETTE_FILE).is_file() {
        match Fixtures::read(fixtures, &mut report) {
            Ok(fixtures) => Suite { platform, fixtures: &fixtures, report: &mut report }.run(),
            Err(detail) => report.fail(Law::Recordings, detail),
        }
    } else if offline::unsupported(platform, &[], &mut report) {
        report.online = false;
        for law in Law::ALL.into_iter().filter(|law| !Law::OFFLINE.contains(law)) {
            report.skip(law.name(), "no network methods");
        }
    } else {
        let file = fixtures.join(CASSETTE_FILE);
        let detail = format!("a platform with network methods needs recordings, in {}", file.display());
        report.fail(Law::Recordings, detail);
    }
    report.finish()
}

/// What lies in the folder.
struct Fixtures {
    samples: Samples,
    replay: Replay,
    /// When the exchanges were recorded.
    dates: BTreeSet<DateTime<Utc>>,
}

impl Fixtures {
    fn read(folder: &Path, report: &mut Report) -> Result<Self, String> {
        let exchanges = cassette::load(folder).map_err(|error| error.to_string())?;
        report.counts.exchanges = exchanges.len();
        if exchanges.is_empty() {
            report.fail(Law::Recordings, format!("{CASSETTE_FILE} lists no exchange"));
        }
        for exchange in &exchanges {
            if exchange.source.as_ref().is_none_or(|source| source.trim().is_empty()) {
                let detail = format!("{}: source must say who recorded or wrote it", exchange.url);
                report.fail(Law::Recordings, detail);
            }
        }
        let dates = exchanges.iter().map(|exchange| exchange.response.observed_at).collect();
        let samples = Samples::read(folder)?;
        let replay = Replay::new(exchanges).map_err(|error| error.to_string())?;
        Ok(Self { samples, replay, dates })
    }
}

/// The laws that need recordings.
struct Suite<'a> {
    platform: &'a dyn Platform,
    fixtures: &'a Fixtures,
    report: &'a mut Report,
}

impl Suite<'_> {
    fn run(mut self) {
        let first = self.fixtures.samples.questions();
        offline::unsupported(self.platform, &first, self.report);
        let mut answered = Vec::new();
        for question in first {
            self.follow(question, &mut answered);
        }
        self.report.counts.questions = answered.len();
        self.unknown();
        self.declared(&answered);
        let mut damaged = BTreeSet::new();
        for (question, answer) in &answered {
            self.content(question, answer);
            bad::check(self.platform, &self.fixtures.replay, (question, answer), self.report);
            mutate::check(self.platform, &self.fixtures.replay, question, &mut damaged, self.report);
        }
    }

    /// Asks the question and, if it is a list, goes on to its end.
    fn follow(&mut self, question: Question, answered: &mut Vec<(Question, Answer)>) {
        let mut cursors = BTreeSet::new();
        let mut next = Some(question);
        while let Some(question) = next.take() {
            let later = !cursors.is_empty();
            let Some(answer) = self.ask(&question, later) else { return };
            if let (Question::Discover(query), Answer::Page(page)) = (&question, &answer)
                && let Some(cursor) = &page.next
            {
                if !cursors.insert(cursor.clone()) || cursors.len() >= MAX_PAGES {
                    self.report.fail(Law::Paging, format!("the pages do not end: {cursor:?} comes again"));
                } else {
                    let query = crate::Discover { cursor: Some(cursor.clone()), ..query.clone() };
                    next = Some(Question::Discover(query));
                }
            }
            answered.push((question, answer));
        }
    }

    /// One question, which must be answered; `later` if it is a further page, which may not be recorded.
    fn ask(&mut self, question: &Question, later: bool) -> Option<Answer> {
        let probe = Probe::new(&self.fixtures.replay, Plan::Good);
        let answer = question.ask(self.platform, &probe);
        for (request, _) in probe.seen() {
            let unlisted = content::needs_unlisted(self.platform, &request);
            for detail in content::carries_secret(&request).into_iter().chain(unlisted) {
                self.report.fail(Law::Secrets, detail);
            }
        }
        match answer {
            Ok(answer) => {
                let again = question.ask(self.platform, &self.fixtures.replay);
                if again.as_ref() != Ok(&answer) {
                    self.report
                        .fail(Law::Deterministic, format!("{question}: another answer the second time"));
                }
                Some(answer)
            }
            Err(trouble) => {
                self.unanswered(question, later, &trouble);
                None
            }
        }
    }

    fn unanswered(&mut self, question: &Question, later: bool, trouble: &Trouble) {
        let skip = self.fixtures.samples.skip.iter().find(|skip| skip.is_of(Law::Paging));
        let unrecorded = matches!(
            trouble,
            Trouble::Error(PlatformError::Upstream {
                source: crate::upstream::UpstreamError::NotRecorded(_),
                ..
            })
        );
        match skip {
            Some(skip) if later && unrecorded => self.report.skip(Law::Paging.name(), &skip.reason),
            _ if later => self.report.fail(Law::Paging, format!("{question}: {trouble}")),
            _ => self.report.fail(Law::Samples, format!("{question}: {trouble}")),
        }
    }

    fn unknown(&mut self) {
        for question in self.fixtures.samples.unknown() {
            match question.ask(self.platform, &self.fixtures.replay) {
                Err(Trouble::Error(PlatformError::NotFound { .. })) => {}
                Err(trouble) => self.report.fail(Law::Unknown, format!("{question}: {trouble}")),
                Ok(_) => self.report.fail(Law::Unknown, format!("{question}: is answered")),
            }
        }
    }

    /// Compares what `support()` says with what the answers show.
    fn declared(&mut self, answered: &[(Question, Answer)]) {
        let mut shown = BTreeMap::new();
        for (question, answer) in answered {
            content::shown(question, answer, &mut shown);
        }
        for datum in Datum::ALL {
            let declared = !matches!(self.platform.support().get(datum), Availability::Unavailable(_));
            let skip = self.fixtures.samples.skip.iter().find(|skip| skip.datum == Some(datum));
            match (declared, shown.get(&datum), skip) {
                (true, None, Some(skip)) => self.report.skip(format!("declared {datum}"), &skip.reason),
                (true, None, None) => {
                    let detail =
                        format!("support() declares {datum}, no sample shows it and no [[skip]] says why");
                    self.report.fail(Law::Declared, detail);
                }
                (false, Some(by), _) => {
                    let detail = format!("{by} shows {datum}, which support() says is unavailable");
                    self.report.fail(Law::Undeclared, detail);
                }
                (_, _, Some(_)) => {
                    self.report.fail(Law::Declared, format!("the [[skip]] of {datum} is not needed"));
                }
                _ => {}
            }
        }
    }

    fn content(&mut self, question: &Question, answer: &Answer) {
        for (law, problem) in content::problems(self.platform, question, answer) {
            self.report.fail(law, format!("{question}: {problem}"));
        }
        for problem in content::undated(answer, &self.fixtures.dates) {
            self.report.fail(Law::Evidence, format!("{question}: {problem}"));
        }
    }
}
