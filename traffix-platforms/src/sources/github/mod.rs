//! Releases and updates that people suggest as issues of a GitHub repository.
//!
//! An issue form makes a body of headings and values; [`Suggestion`] is what they say, checked. Anybody can write an
//! issue: every value is validated, what is wrong is a finding, and nothing in it is meant to be shown as anything
//! but plain text. Who wrote it is not kept.
//!
//! Reactions send no webhook, so votes need [`suggestions`] from time to time even where webhooks arrive.

mod form;
mod suggestion;
#[cfg(feature = "live")]
mod webhook;
mod wire;

use std::collections::BTreeSet;
use std::str::FromStr;

use traffix_core::Invalid;
use traffix_core::catalogue::PlatformId;
use url::Url;

use crate::PlatformError;
use crate::upstream::{Call, Fetched, Method, Placement, Request, Upstream};

pub use suggestion::{MAX_SIZE_GB, Suggestion};
#[cfg(feature = "live")]
pub use webhook::{Action, Delivery, DeliveryHeaders, WebhookError, receive, verify_signature};

const ID: PlatformId = PlatformId::from_static("github");

/// Pages of a hundred that are read at most.
const MAX_PAGES: usize = 50;

/// `owner/name` of a repository.
///
/// ```
/// use traffix_platforms::sources::github::Repository;
/// assert!("example/traffix".parse::<Repository>().is_ok());
/// assert!("example/traffix/issues".parse::<Repository>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

impl FromStr for Repository {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fine = |part: &str| {
            let word = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            (1..=100).contains(&part.len()) && word && part != "." && part != ".."
        };
        match text.split_once('/') {
            Some((owner, name)) if fine(owner) && fine(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(Invalid::new("", "must be a repository such as example/traffix")),
        }
    }
}

/// The open issues of a repository, read as suggestions.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestions {
    /// In the order of the list, newest first; pull requests left out.
    pub items: Vec<Suggestion>,
    /// Whether the list was read to its end; it is cut after 5,000 issues.
    pub is_complete: bool,
}

/// Reads the open issues of a repository, all or those with a label.
///
/// With the credential `github` if the operator has one, else as anybody, 60 requests an hour.
///
/// # Errors
/// [`PlatformError::NotFound`] if there is no such repository, [`PlatformError::Malformed`] if the answer is no list
/// of issues or leads to another host, [`PlatformError::Upstream`] if there is none.
pub async fn suggestions(
    up: &dyn Upstream,
    repository: &Repository,
    label: Option<&str>,
) -> Result<Fetched<Suggestions>, PlatformError> {
    let call = Call::new(ID, "issues", up);
    let first = Request::get("https://api.github.com/repos")
        .segment(&repository.owner)
        .segment(&repository.name)
        .segment("issues")
        .query("state", "open")
        .query("per_page", 100);
    let first = label.into_iter().fold(first, |request, label| request.query("labels", label));
    let (source, mut observed_at) = (first.url.to_string(), chrono::DateTime::UNIX_EPOCH);
    let (mut next, mut items, mut seen) = (Some(first), Vec::new(), BTreeSet::new());
    for _ in 0..MAX_PAGES {
        let Some(request) = next.take() else { break };
        let response = call.response(&with_headers(request)).await?;
        if response.status != 200 {
            return Err(refusal(&call, repository, response.status));
        }
        // The list moves while it is read: an issue may be on two pages.
        let issues: Vec<wire::Issue> = call.parse_json(&response.body)?;
        let issues = issues.into_iter().filter(|issue| issue.pull_request.is_none());
        items.extend(issues.map(Suggestion::from).filter(|suggestion| seen.insert(suggestion.number)));
        next = response.header("link").and_then(next_link).map(|link| follow(&call, link)).transpose()?;
        observed_at = response.observed_at;
    }
    let is_complete = next.is_none();
    Ok(Fetched { value: Suggestions { items, is_complete }, source, observed_at })
}

fn with_headers(request: Request) -> Request {
    request
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .optional_credential("github", Placement::Bearer)
}

fn refusal(call: &Call<'_>, repository: &Repository, status: u16) -> PlatformError {
    match status {
        404 | 410 => call.not_found(format!("{}/{}", repository.owner, repository.name)),
        _ => call.malformed("status", status.to_string()),
    }
}

/// The request for a further page: only to the same host, because it carries the operator's token.
fn follow(call: &Call<'_>, link: &str) -> Result<Request, PlatformError> {
    let url = Url::parse(link).map_err(|error| call.malformed("header link", error.to_string()))?;
    let own = url.scheme() == "https" && url.host_str() == Some("api.github.com") && url.port().is_none();
    if own {
        Ok(Request::to(Method::Get, url))
    } else {
        Err(call.malformed("header link", "leads to another host"))
    }
}

/// The target of `rel="next"` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        let parameters = after.split('<').next().unwrap_or_default().trim_end().trim_end_matches(',');
        if parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next")) {
            return Some(target);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests;
