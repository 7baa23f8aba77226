//! `traffix verify-model`.

use serde::Serialize;
use traffix_core::golden::{Document, GoldenError, Outcome};

use super::{Failure, Input, Out, input};

/// Run golden cases through the model and compare every number.
///
/// Prints one line per case and exits with 1 if any number differs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Cases in the schema traffix-model-cases/1; - reads standard input.
    #[arg(value_name = "CASES.json")]
    cases: Input,
    /// Print the outcomes as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Case<'a> {
    id: &'a str,
    kind: &'a str,
    passed: bool,
    compared: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let text = input::read_text(&args.cases)?;
    let name = input::name(&args.cases);
    let document = Document::parse(&text).map_err(|error| explain(&name, &error))?;
    let outcomes = document.run();
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    if args.json {
        let items: Vec<_> = outcomes.iter().map(case).collect();
        out.json(&serde_json::json!({"items": items, "passed": outcomes.len() - failed, "failed": failed}))?;
    } else {
        outcomes.iter().try_for_each(|outcome| out.line(outcome.to_string()))?;
    }
    out.flush()?;
    if failed > 0 {
        return Err(Failure::new(format_args!("{failed} of {} cases failed", outcomes.len())));
    }
    if outcomes.is_empty() {
        return Err(Failure::new(format_args!("{name} has no cases")));
    }
    Ok(())
}

fn case(outcome: &Outcome) -> Case<'_> {
    Case {
        id: &outcome.id,
        kind: &outcome.kind,
        passed: outcome.passed(),
        compared: outcome.compared,
        message: (!outcome.passed()).then(|| outcome.to_string()),
    }
}

fn explain(name: &str, error: &GoldenError) -> Failure {
    Failure::new(format_args!("{name}: {error}"))
        .hint("a file of cases is {\"schema\": \"traffix-model-cases/1\", \"cases\": […]}")
}
