//! Comparison of an expected document with a computed one.

use serde_json::Value;

use super::{Mismatch, Outcome};

/// Bin counters of limited links, which may differ by one.
const COUNTERS: [&str; 5] = [
    "bins_limited",
    "first_limited_bin",
    "last_limited_bin",
    "bin_99pct_delivered",
    "bin_99pct_unconstrained",
];

/// Absolute tolerance where zero is expected.
const ZERO_TOL: f64 = 1e-6;

/// Compares every leaf of `expected`; leaves that only `got` has are ignored.
pub(super) fn compare(outcome: &mut Outcome, (expected, got): (&Value, &Value), pointer: String, tol: f64) {
    match expected {
        Value::Object(map) => {
            for (key, value) in map {
                compare(outcome, (value, &got[key.as_str()]), format!("{pointer}/{key}"), tol);
            }
        }
        Value::Array(items) => {
            let count = got.as_array().map_or(0, Vec::len);
            if count != items.len() {
                outcome.compared += 1;
                miss(outcome, (expected, got), pointer, tol);
                return;
            }
            for (i, value) in items.iter().enumerate() {
                compare(outcome, (value, &got[i]), format!("{pointer}/{i}"), tol);
            }
        }
        leaf => {
            outcome.compared += 1;
            if !agrees(leaf, got, &pointer, tol_of(&pointer, tol)) {
                miss(outcome, (leaf, got), pointer, tol);
            }
        }
    }
}

/// Tails of sampled distributions are allowed a wider band than their middle.
fn tol_of(pointer: &str, tol: f64) -> f64 {
    if pointer == "/peak_p99_bps" { tol.max(0.1) } else { tol }
}

fn agrees(expected: &Value, got: &Value, pointer: &str, tol: f64) -> bool {
    let (Some(a), Some(b)) = (expected.as_f64(), got.as_f64()) else { return expected == got };
    let name = pointer.rsplit('/').next().unwrap_or_default();
    if COUNTERS.contains(&name) {
        return (a - b).abs() <= 1.0;
    }
    // NaN agrees with nothing.
    if a == 0.0 {
        b.abs() <= ZERO_TOL
    } else {
        (a - b).abs() <= tol * a.abs() || six_digits(b) == six_digits(a)
    }
}

/// Expected values are written with six significant digits; a tolerance below that rounding means "equal as
/// written".
fn six_digits(x: f64) -> String {
    format!("{x:.5e}")
}

fn miss(outcome: &mut Outcome, (expected, got): (&Value, &Value), pointer: String, rel_tol: f64) {
    let short = |v: &Value| {
        let text = v.to_string();
        if text.len() > 80 { format!("{}…", text.chars().take(80).collect::<String>()) } else { text }
    };
    outcome.mismatches.push(Mismatch { pointer, expected: short(expected), got: short(got), rel_tol });
}
