//! Whose addresses are these, which platforms may be behind them, and what do a host name and a release add?
//!
//! `cargo run --example attribute_addresses [ADDRESS…]`

use std::net::IpAddr;

use traffix_core::delivery::{Attribution, Hints};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addresses: Vec<IpAddr> =
        std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        // A Steam content server, an Akamai edge, Blizzard's own network, a documentation address.
        for text in ["155.133.226.70", "23.32.0.1", "137.221.64.1", "2001:db8::1"] {
            addresses.push(text.parse()?);
        }
    }

    let attributor = traffix_platforms::attributor();
    for address in &addresses {
        show(&address.to_string(), &attributor.attribute(Some(*address), &Hints::default()));
    }

    // What is more known about traffic of an Akamai edge: an evening on which something big is released for the
    // PlayStation, and the name that was asked for.
    let akamai = Some("23.32.0.1".parse()?);
    let running = [("playstation".parse()?, 40e9), ("steam".parse()?, 10e9)];
    let evening = Hints { port: Some(443), running: &running, ..Hints::default() };
    show("23.32.0.1 during a release", &attributor.attribute(akamai, &evening));
    let named = Hints { host: Some("gs2.ww.prod.dl.playstation.net"), ..evening };
    show("23.32.0.1 asked for as gs2.ww.prod.dl.playstation.net", &attributor.attribute(akamai, &named));
    Ok(())
}

fn show(what: &str, answer: &Attribution) {
    let cdn = answer.cdn.as_ref().map_or("unknown network".to_owned(), ToString::to_string);
    println!("{what}: {cdn}");
    for candidate in &answer.platforms {
        let platform = candidate.platform.as_ref().map_or("unknown".to_owned(), ToString::to_string);
        println!("    {:>5.1} %  {platform}", 100.0 * candidate.probability);
    }
    let sum: f64 = answer.platforms.iter().map(|candidate| candidate.probability).sum();
    assert!((sum - 1.0).abs() < 1e-9, "probabilities add up to 1, unknown included");
}
