//! Calibrate platform weights by hand: an evening was measured, by platform; what are the weights now?
//!
//! The defaults come from the registry of platforms. Measured bytes over bytes of one download give downloads,
//! their shares pull the weights towards what this network saw.
//!
//! `cargo run --example calibrate_weight`

use std::collections::BTreeMap;

use traffix_core::Bytes;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::learning::updated_weights;

/// What one measured event counts against a prior of strength 8, in pseudo-observations.
const EVENT_STRENGTH: f64 = 6.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Sizes of one update as published, and a measured evening (bytes over the interconnects).
    let evening = [
        ("playstation", "33.9 GB", "2.4 PB"),
        ("xbox", "49.9 GB", "1.9 PB"),
        ("battlenet", "47.4 GB", "1.2 PB"),
    ];

    let mut platforms = Vec::new();
    let (mut bytes_each, mut measured) = (BTreeMap::new(), BTreeMap::new());
    for (slug, size, total) in evening {
        platforms.push(slug.parse::<PlatformId>()?);
        bytes_each.insert(slug.to_owned(), as_f64(size.parse()?));
        measured.insert(slug.to_owned(), as_f64(total.parse()?));
    }

    let defaults = traffix_platforms::default_weights(&platforms, &"GB".parse::<Region>()?);
    let prior: BTreeMap<String, f64> = defaults.iter().map(|(id, share)| (id.to_string(), *share)).collect();
    let after = updated_weights(&prior, (8.0, EVENT_STRENGTH), &measured, &bytes_each);

    println!("{:<12} {:>8} {:>11} {:>8}", "platform", "default", "downloads", "now");
    for (platform, share) in &prior {
        let (downloads, now) = (after.downloads[platform], after.posterior[platform]);
        println!("{platform:<12} {share:>8.3} {downloads:>11.0} {now:>8.3}");
    }
    assert!((after.posterior.values().sum::<f64>() - 1.0).abs() < 1e-9, "weights add up to 1");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "petabytes are far below 2^53")]
fn as_f64(bytes: Bytes) -> f64 {
    bytes.0 as f64
}
