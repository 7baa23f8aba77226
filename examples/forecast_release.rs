//! Forecast a release: Baldur's Gate 3 came to Steam on 3 August 2023 without a preload. What would it have
//! meant for a network of 5.4 million lines?
//!
//! `cargo run --example forecast_release`

use serde_json::json;
use traffix_core::forecast::{ForecastInput, forecast};
use traffix_core::units::{format_bps, format_bytes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 122 GB, 11:00 EDT and 472,000 players on the first evening as published. Without `signals` a wide prior
    // would speak, and `missing` would say so.
    let input: ForecastInput = serde_json::from_value(json!({
        "ru": {
            "id": "baldurs-gate-3", "kind": "release", "release_at": "2023-08-03T15:00:00Z",
            "signals": {"concurrent_peak": 472_000},
            "items": [{"platform": "steam", "bytes": 122e9, "bytes_sigma": 0.15,
                       "cdn_shares": {"valve": 0.85, "akamai": 0.15}}]
        },
        "network": {
            "id": "cable", "country": "GB", "tz": "Europe/London", "lines": 5_400_000, "national_lines": 28_500_000,
            "line_rate_bps": {"median": 75e6, "sigma": 0.8},
            "links": [{"id": "valve-pni", "cdns": ["valve"], "kind": "pni", "capacity_bps": 400e9, "headroom": 0.1,
                       "baseline_bps": vec![120e9; 168]}]
        }
    }))?;
    let forecast = forecast(&input)?;

    let peak = &forecast.peak;
    println!(
        "peak   {} (P10 {}, P90 {})",
        format_bps(peak.bps.p50),
        format_bps(peak.bps.p10),
        format_bps(peak.bps.p90)
    );
    println!("when   {} (P10 {}, P90 {})", peak.at.p50, peak.at.p10, peak.at.p90);
    println!("bytes  {} (P90 {})", format_bytes(forecast.bytes.p50), format_bytes(forecast.bytes.p90));
    for exceed in &forecast.links["valve-pni"].exceed {
        println!("P(baseline + extra > {}) = {:.2}", format_bps(exceed.capacity_bps), exceed.probability);
    }
    for missing in &forecast.missing {
        println!("missing: {}: {}", missing.pointer, missing.detail);
    }
    assert!(peak.bps.p10 <= peak.bps.p50 && peak.bps.p50 <= peak.bps.p90);
    Ok(())
}
