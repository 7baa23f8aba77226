//! What a capture suggests, put before a moderator.

use traffix_core::delivery::Assertion;
use traffix_store::ProposalSubject;
use traffix_telemetry::capture::Suggestion;

use crate::cli::Failure;
use crate::cli::database::{self, DatabaseArgs, block_on};

/// Proposes what is not known yet; how many of it were never proposed before.
pub(super) fn run(suggestions: &[Suggestion], database: &DatabaseArgs) -> Result<u64, Failure> {
    let news = suggestions.iter().filter(|one| !one.known);
    let proposals: Vec<(String, ProposalSubject)> = news
        .map(|one| {
            let assertion = Box::new(one.assertion.clone());
            (id(&one.assertion), ProposalSubject::Assertion { assertion, reasons: one.reasons.clone() })
        })
        .collect();
    block_on(async {
        let store = database.open().await?;
        store.propose(&proposals).await.map_err(|error| database::failure(&error))
    })
}

/// Says what the statement is about, so that another capture that suggests the same does not propose it again. A path
/// of the API holds it, so it has no slash.
fn id(assertion: &Assertion) -> String {
    let text = |part: Option<String>| part.unwrap_or_else(|| "-".into());
    let platform = text(assertion.platform.as_ref().map(ToString::to_string));
    let cdn = text(assertion.cdn.as_ref().map(ToString::to_string));
    let host = assertion.host.as_ref().map(ToString::to_string);
    let what = text(host.or(assertion.prefix.map(|prefix| prefix.addr().to_string())));
    format!("capture:{platform}:{cdn}:{what}")
}
