//! Bounds of a comparison, so that no question can exhaust memory or time.

use std::collections::BTreeSet;

use super::super::input::ForecastInput;
use super::super::validate;
use super::Scenario;
use crate::network::Findings;
use crate::{Invalid, num};

/// Largest values accepted.
pub mod limits {
    /// Scenarios of one comparison.
    pub const SCENARIOS: usize = 8;
    /// Changes of one scenario.
    pub const CHANGES: usize = 64;
    /// Numbers in all curves of the answer.
    pub const VALUES: f64 = 6e6;
}

/// What is wrong with a list of scenarios by itself: how many, how long, their names. Pointers begin with `/scenarios`.
pub fn check(scenarios: &[Scenario]) -> Vec<Invalid> {
    let mut found = Findings::default();
    if scenarios.is_empty() || scenarios.len() > limits::SCENARIOS {
        let detail = format!("must be 1 to {}, got {}", limits::SCENARIOS, scenarios.len());
        found.add("/scenarios", detail);
        return found.0;
    }
    let mut names = BTreeSet::new();
    for (i, scenario) in scenarios.iter().enumerate() {
        let at = format!("/scenarios/{i}");
        found.id(&format!("{at}/name"), &scenario.name);
        if !names.insert(&scenario.name) {
            let detail = format!("must be unique, {:?} is given twice", scenario.name);
            found.add(&format!("{at}/name"), detail);
        }
        if scenario.changes.len() > limits::CHANGES {
            let detail = format!("must be at most {}, got {}", limits::CHANGES, scenario.changes.len());
            found.add(&format!("{at}/changes"), detail);
        }
    }
    found.0
}

/// What is too much about all questions together: as much work as one forecast may be, and an answer of a size that
/// can be sent.
pub(super) fn check_work(asked: &[&ForecastInput]) -> Vec<Invalid> {
    let mut found = Findings::default();
    let cells: f64 = asked.iter().map(|input| validate::cells(input)).sum();
    let most = validate::limits::CELLS;
    if cells > most {
        let detail = format!(
            "is too fine for {} forecasts: bins x draws x platforms x classes / 8 must be at most {most:.0} \
             in all, got {cells:.0}; ask for fewer scenarios or draws, or a longer step",
            asked.len()
        );
        found.add("/options", detail);
    }
    let values: f64 = asked.iter().map(|input| values(input)).sum();
    if values > limits::VALUES {
        let detail = format!(
            "makes curves of {values:.0} numbers in all, of {:.0} at most; ask for fewer scenarios, a longer step or \
             a shorter horizon",
            limits::VALUES
        );
        found.add("/options", detail);
    }
    found.0
}

/// Numbers in the curves of an answer.
fn values(input: &ForecastInput) -> f64 {
    let items = &input.ru.items;
    let named: BTreeSet<&String> =
        items.iter().filter_map(|i| i.cdn_shares.as_ref()).flat_map(|s| s.keys()).collect();
    let unknown = usize::from(items.iter().any(|item| item.cdn_shares.is_none()));
    let series = 1 + items.len() + named.len() + unknown + input.network.links.len();
    4.0 * num::of_usize(series) * num::of_usize(input.options.bins())
}
