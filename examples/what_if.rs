//! What if the private interconnect fails on the evening of a release, or a second cache stands ready? Every scenario is
//! forecast in the same worlds as the base, so that the difference of each world is exact.
//!
//! `cargo run --example what_if`

use serde_json::json;
use traffix_core::forecast::ForecastInput;
use traffix_core::forecast::scenario::{Scenario, compare};
use traffix_core::units::format_bps;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let input: ForecastInput = serde_json::from_value(json!({
        "ru": {
            "id": "fortnite-og", "kind": "update", "release_at": "2023-11-03T09:00:00Z", "signals": {"mau": 70_000_000},
            "items": [{"platform": "playstation", "bytes": 26e9, "cdn_shares": {"akamai": 0.6, "fastly": 0.4}}]
        },
        "network": {
            "id": "regional", "country": "GB", "tz": "Europe/London", "lines": 400_000, "national_lines": 28_500_000,
            "line_rate_bps": {"median": 75e6, "sigma": 0.8},
            "links": [
                {"id": "cache", "cdns": ["akamai"], "kind": "embedded-cache", "capacity_bps": 80e9},
                {"id": "pni", "cdns": ["fastly"], "kind": "pni", "capacity_bps": 100e9},
                {"id": "transit", "kind": "transit", "capacity_bps": 200e9, "headroom": 0.1}
            ]
        }
    }))?;
    let scenarios: Vec<Scenario> = serde_json::from_value(json!([
        {"name": "lost peer", "changes": [{"remove_link": {"link": "pni"}}]},
        {"name": "second cache", "changes": [
            {"add_link": {"id": "cache-2", "cdns": ["akamai"], "kind": "embedded-cache", "capacity_bps": 80e9}}]},
        {"name": "double adoption", "changes": [{"scale_audience": {"by": 2}}]},
        {"name": "three waves", "changes": [{"stagger": {"waves": 3, "every_secs": 86_400}}]}
    ]))?;
    let answer = compare(&input, &scenarios, None)?;

    println!("{:<16} peak {}", "base", format_bps(answer.base.peak.bps.p50));
    for scenario in &answer.scenarios {
        let (peak, change) = (&scenario.forecast.peak.bps, &scenario.difference);
        let transit = change.links["transit"].after.map_or(0.0, |link| link.full_probability);
        let times = change.peak_ratio.map_or(1.0, |ratio| ratio.p50);
        println!(
            "{:<16} peak {}, times {times:.2}, P(transit full) {transit:.2}",
            scenario.name,
            format_bps(peak.p50)
        );
    }
    // The same worlds: twice the adoption adds the base once more, in every one of them.
    assert_eq!(answer.scenarios[2].difference.peak_bps, answer.base.peak.bps);
    Ok(())
}
