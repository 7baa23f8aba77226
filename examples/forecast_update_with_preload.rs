//! Forecast an update with a preload, and hold it against what was measured.
//!
//! Call of Duty: Warzone Season 5, August 2020: PlayStation players could download a day ahead. Virgin Media
//! (UK, 5.37 million lines) saw up to 60 % more than a week earlier at the same hour, which is about
//! 3.5 Tbit/s (2.4 to 5.3) above the usual level.
//! Source: Virgin Media, press release of 6 August 2020.
//!
//! `cargo run --example forecast_update_with_preload`

use serde_json::json;
use traffix_core::forecast::{ForecastInput, forecast};
use traffix_core::units::format_bps;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let input: ForecastInput = serde_json::from_value(json!({
        "ru": {
            "id": "warzone-season-5", "franchise": "call-of-duty", "kind": "update",
            "release_at": "2020-08-05T06:00:00Z",
            "preload_at": "2020-08-04T06:00:00Z", "unlock_at": "2020-08-05T06:00:00Z",
            "items": [
                {"platform": "playstation", "bytes": 33.9e9, "bytes_sigma": 0.15},
                {"platform": "xbox", "bytes": 49.9e9, "bytes_sigma": 0.15},
                {"platform": "battlenet", "bytes": 47.4e9, "bytes_sigma": 0.15}
            ],
            "signals": {"mau": 56_000_000}
        },
        "network": {
            "id": "cable", "country": "GB", "tz": "Europe/London", "lines": 5_365_000, "national_lines": 28_500_000,
            "line_rate_bps": {"median": 75e6, "sigma": 0.8},
            "platform_mix": {"playstation": 0.48, "xbox": 0.27, "battlenet": 0.25}
        }
    }))?;
    let forecast = forecast(&input)?;

    let peak = forecast.peak.bps;
    println!(
        "predicted {} (P10 {}, P90 {})",
        format_bps(peak.p50),
        format_bps(peak.p10),
        format_bps(peak.p90)
    );
    println!("observed  {} (2.4 to 5.3 Tbit/s)", format_bps(3.5e12));
    println!("spread    {:?}", forecast.sigma_budget);
    assert!(peak.p10 < 3.5e12 && 3.5e12 < peak.p90, "the measured peak lies between P10 and P90");
    Ok(())
}
