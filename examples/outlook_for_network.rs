//! What comes to an example network in the two weeks after 1 November 2023?
//!
//! `cargo run --example outlook_for_network`

use std::path::Path;

use traffix_core::catalogue::document::parse_toml;
use traffix_core::catalogue::{PlatformDefaults, Region};
use traffix_core::outlook::{OutlookInput, OutlookOptions, outlook};
use traffix_core::units::format_bps;
use traffix_platforms::{PLATFORMS, default_weights};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let read = |path: &str| std::fs::read_to_string(data.join(path));
    let region: Region = "GB".parse()?;

    // Platforms share a release by their default weights; who delivers for them is left unknown here.
    let ids: Vec<_> = PLATFORMS.iter().map(|platform| platform.id()).collect();
    let weights = default_weights(&ids, &region).into_iter().collect();
    let defaults = PlatformDefaults { weights, ..PlatformDefaults::default() };

    let mut rus = Vec::new();
    for file in ["ru/fortnite.toml", "ru/call-of-duty.toml"] {
        let document = parse_toml(&read(file)?).map_err(|errors| errors[0].to_string())?;
        // Entries without a date cannot be placed and are left out.
        rus.extend(document.rus.iter().filter_map(|ru| ru.forecast_input(&region, &defaults).ok()));
    }
    let network = toml::from_str(&read("networks/example-uk-cable.toml")?)?;
    let options = OutlookOptions::from_instant("2023-11-01T00:00:00Z".parse()?);
    let outlook = outlook(&OutlookInput { network, rus, options })?;

    println!(
        "all together: +{} P50, +{} P90",
        format_bps(outlook.peak_bps.p50),
        format_bps(outlook.peak_bps.p90)
    );
    for ru in &outlook.rus {
        let (peak, title) = (ru.short.peak_bps, ru.title.as_deref().unwrap_or(&ru.ru));
        println!(
            "{}  +{} P50  +{} P90  {title}",
            ru.short.peak_at,
            format_bps(peak.p50),
            format_bps(peak.p90)
        );
    }
    assert!(outlook.rus.iter().any(|ru| ru.ru == "fortnite-og"), "it came on 3 November 2023");
    Ok(())
}
