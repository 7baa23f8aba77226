//! Laws of bad answers.
//!
//! What counts as right, for a question whose good answer is known:
//!
//! - 429, 500, 503 are [`PlatformError::Upstream`], may be repeated, and keep the wait that was asked for. 404 is
//!   [`PlatformError::NotFound`] or [`PlatformError::Malformed`]. Everything else is `Malformed`, and `NotFound` where
//!   a service may say so by an empty or differently shaped answer.
//! - `Ok` is allowed if it has no more values than the good answer: a method may do without one of several answers,
//!   and half a list is a list. If *every* answer is a failure, an empty body, a page or endless, nothing is left to
//!   tell, and `Ok` is wrong.
//! - After a bad answer a method may ask for something that was never recorded: then that is the error.

use crate::upstream::{Replay, UpstreamError};
use crate::{Platform, PlatformError};

use super::content;
use super::probe::{Fault, Plan, Probe, RETRY_AFTER, applies};
use super::question::{Answer, Question, Trouble};
use super::{Law, Report};

/// Gives every answer that the question gets a bad turn, one by one and then all together.
pub(super) fn check(
    platform: &dyn Platform,
    replay: &Replay,
    (question, good): (&Question, &Answer),
    report: &mut Report,
) {
    let probe = Probe::new(replay, Plan::Good);
    let _ = question.ask(platform, &probe);
    let seen = probe.seen();
    let amount = good.amount();
    for fault in &Fault::ALL {
        let suited: Vec<usize> =
            (0..seen.len()).filter(|number| applies(fault, seen[*number].1.as_ref())).collect();
        if suited.is_empty() {
            continue;
        }
        // With a single request the two plans are the same, and the stricter rule holds.
        let one = suited.iter().filter(|_| seen.len() > 1).map(|number| Plan::One(*number, fault));
        let all = (suited.len() == seen.len()).then_some(Plan::All(fault));
        for plan in one.chain(all) {
            report.counts.bad_answers += 1;
            let probe = Probe::new(replay, plan);
            let answer = question.ask(platform, &probe);
            let alone = matches!(plan, Plan::All(_));
            let page = alone && page_for_page(&seen);
            if let Some(wrong) = wrong(fault, alone && !page, &answer, amount) {
                let place = match plan {
                    Plan::One(number, _) => seen[number].0.url.as_str(),
                    _ => "every request",
                };
                report.fail(Law::BadAnswers, format!("{question}, {fault:?} for {place}: {wrong}"));
            }
            implausible(platform, (question, &answer), report);
        }
    }
}

/// Whether the good answers are pages for people, so that another page cannot be told apart by its kind.
fn page_for_page(seen: &[(crate::upstream::Request, Option<crate::upstream::Response>)]) -> bool {
    let bodies = seen.iter().filter_map(|(_, good)| good.as_ref()).map(|good| good.body.trim_ascii_start());
    bodies.into_iter().all(|body| {
        body.get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"<html") || start.eq_ignore_ascii_case(b"<!doc"))
    })
}

/// What is wrong with the answer, if anything; `alone` if nothing but the bad answer was to be had.
fn wrong(fault: &Fault, alone: bool, answer: &Result<Answer, Trouble>, amount: usize) -> Option<String> {
    let error = match answer {
        Ok(answer) => {
            let nothing_left = !matches!(fault, Fault::Truncated | Fault::Shape(_));
            if alone && nothing_left {
                return Some("gives an answer where there is none".into());
            }
            let more = answer.amount();
            return (more > amount).then(|| format!("has {more} values, the good answer has {amount}"));
        }
        Err(Trouble::Error(error)) => error,
        Err(trouble) => return Some(trouble.to_string()),
    };
    let malformed = matches!(error, PlatformError::Malformed { .. });
    let not_found = matches!(error, PlatformError::NotFound { .. });
    let fine = match (fault, error) {
        (_, PlatformError::Upstream { source: UpstreamError::NotRecorded(_), .. }) => true,
        (Fault::Status(status), PlatformError::Upstream { source, .. }) => {
            let same = matches!(source, UpstreamError::Status { status: kept, .. } if kept == status);
            same && error.is_retryable() && error.retry_after() == Some(RETRY_AFTER)
        }
        (Fault::Status(_), _) => false,
        (Fault::Html | Fault::Truncated | Fault::Nested, _) if alone => malformed,
        _ => malformed || not_found,
    };
    (!fine).then(|| format!("gives {error:?}"))
}

/// What is told in spite of a bad answer must still be plausible.
fn implausible(
    platform: &dyn Platform,
    (question, answer): (&Question, &Result<Answer, Trouble>),
    report: &mut Report,
) {
    if let Ok(answer) = answer {
        for (law, problem) in content::problems(platform, question, answer) {
            report.fail(law, format!("{question}, after a bad answer: {problem}"));
        }
    }
}
