//! Golden cases: documents of inputs and expected numbers that any implementation of this model must meet.
//!
//! A document (`schema` = `traffix-model-cases/1`) lists cases; [`Document::run`] feeds each through the public
//! functions of this crate and compares every expected number within the case's tolerance. The documents
//! under `tests/golden/` are run by this crate's own tests and by the command `traffix verify-model`.
//!
//! ```
//! let text = r#"{"schema": "traffix-model-cases/1", "cases": [{
//!     "id": "free", "kind": "free_capacity", "rel_tol": 1e-9,
//!     "input": {"rows": [{"capacity_bps": 100e9, "headroom": 0.2, "baseline_bps": 62e9}]},
//!     "expect": {"free_bps": [18e9]}}]}"#;
//! let report = traffix_core::golden::Document::parse(text).unwrap().run();
//! assert!(report[0].passed());
//! assert_eq!(report[0].to_string(), "pass free");
//! ```

mod answer;
mod answer_more;
mod compare;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The schema this module reads.
pub const SCHEMA: &str = "traffix-model-cases/1";

/// A document of cases, parsed but not yet run.
#[derive(Debug, Clone)]
pub struct Document {
    cases: Vec<Value>,
}

/// Why a document cannot be run at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The document is of another kind.
    #[error("schema must be {SCHEMA:?}, got {0}")]
    Schema(String),
    /// There is no list of cases.
    #[error("the document has no list \"cases\"")]
    NoCases,
}

/// One number, flag or missing value that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// JSON pointer inside `expect`.
    pub pointer: String,
    /// The expected value, as JSON.
    pub expected: String,
    /// What this crate computed, as JSON.
    pub got: String,
    /// Relative tolerance of the comparison.
    pub rel_tol: f64,
}

/// Outcome of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The case's id.
    pub id: String,
    /// The case's kind.
    pub kind: String,
    /// How many values were compared.
    pub compared: usize,
    /// Values that differ.
    pub mismatches: Vec<Mismatch>,
    /// Why the case could not be run, if so.
    pub problem: Option<String>,
}

impl Outcome {
    /// True if the case ran, compared at least one value and all agreed.
    pub fn passed(&self) -> bool {
        self.problem.is_none() && self.mismatches.is_empty() && self.compared > 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problem) = &self.problem {
            return write!(f, "FAIL {}: {problem}", self.id);
        }
        let Some(first) = self.mismatches.first() else {
            return if self.compared > 0 {
                write!(f, "pass {}", self.id)
            } else {
                write!(f, "FAIL {}: expects nothing", self.id)
            };
        };
        write!(
            f,
            "FAIL {}: {} expected {}, got {} (rel_tol {})",
            self.id, first.pointer, first.expected, first.got, first.rel_tol
        )?;
        match self.mismatches.len() {
            1 => Ok(()),
            more => write!(f, " and {} more", more - 1),
        }
    }
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`GoldenError`] if the text is not JSON, of another schema, or without cases.
    pub fn parse(text: &str) -> Result<Self, GoldenError> {
        let value: Value = serde_json::from_str(text)?;
        if value["schema"] != SCHEMA {
            return Err(GoldenError::Schema(value["schema"].to_string()));
        }
        let cases = value["cases"].as_array().ok_or(GoldenError::NoCases)?;
        Ok(Self { cases: cases.clone() })
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// True if there are no cases.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Runs every case, in order. A case that cannot be run fails; it never ends the run.
    pub fn run(&self) -> Vec<Outcome> {
        let by_id: BTreeMap<&str, &Value> =
            self.cases.iter().filter_map(|c| Some((c["id"].as_str()?, c))).collect();
        self.cases.iter().map(|case| run_case(case, &by_id)).collect()
    }
}

fn run_case(case: &Value, by_id: &BTreeMap<&str, &Value>) -> Outcome {
    let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let mut outcome =
        Outcome { id: text("id"), kind: text("kind"), compared: 0, mismatches: Vec::new(), problem: None };
    let Some(rel_tol) = case["rel_tol"].as_f64().filter(|t| *t >= 0.0) else {
        outcome.problem = Some("rel_tol must be a number of at least 0".into());
        return outcome;
    };
    match answer::answer(case, by_id) {
        Ok(got) => compare::compare(&mut outcome, (&case["expect"], &got), String::new(), rel_tol),
        Err(problem) => outcome.problem = Some(problem),
    }
    outcome
}
