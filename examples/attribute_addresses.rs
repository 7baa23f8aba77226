//! Whose addresses are these, and which platforms may be behind them?
//!
//! `cargo run --example attribute_addresses [ADDRESS…]`

use std::net::IpAddr;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addresses: Vec<IpAddr> =
        std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        // A Steam content server, an Akamai edge, Blizzard's own network, a documentation address.
        for text in ["155.133.226.70", "23.32.0.1", "137.221.64.1", "2001:db8::1"] {
            addresses.push(text.parse()?);
        }
    }

    let table = traffix_platforms::prefix_table();
    for address in addresses {
        let answer = table.attribute(address);
        let cdn = answer.cdn.as_ref().map_or("unknown network".to_owned(), ToString::to_string);
        println!("{address}: {cdn}");
        for candidate in &answer.platforms {
            let platform = candidate.platform.as_ref().map_or("unknown".to_owned(), ToString::to_string);
            println!("    {:>5.1} %  {platform}", 100.0 * candidate.probability);
        }
        let sum: f64 = answer.platforms.iter().map(|candidate| candidate.probability).sum();
        assert!((sum - 1.0).abs() < 1e-9, "probabilities add up to 1, unknown included");
    }
    Ok(())
}
