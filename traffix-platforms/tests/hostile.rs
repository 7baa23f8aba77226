//! Damaged texts and files give an error or a value, never a panic.

use proptest::prelude::*;
use traffix_platforms::cdn::parse_asns;
use traffix_platforms::{Profile, delivery, import, prefixes};

const PROFILE: &str = include_str!("../src/steam/profile.toml");
const DELIVERY: &str = include_str!("../src/gog/delivery.tsv");
const PREFIXES: &[u8] = include_bytes!("../data/prefixes.bin");
const CSV: &str = "cdn,asn,prefix,kind,source,source_date\n\
    akamai,12222,2.16.36.0/24,bgp-origin,\"a, b\",2026-10-04\n\
    fastly,54113,2a04:4e40::/32,official-list,c,2025-07\n";

/// Bytes with some of them replaced, taken out or put in.
fn mutated(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6).prop_map(move |edits| {
        let mut bytes = text.to_vec();
        for (place, value, what) in edits {
            let place = place.index(bytes.len());
            match what {
                0 => bytes[place] = value,
                1 => bytes.insert(place, value),
                _ => bytes.truncate(place.max(1)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn texts(delivery in mutated(DELIVERY.as_bytes()), profile in mutated(PROFILE.as_bytes())) {
        let delivery = String::from_utf8_lossy(&delivery);
        if let Ok(assertions) = delivery::parse(&delivery) {
            prop_assert_eq!(delivery::parse(&delivery::print(&assertions)), Ok(assertions));
        }
        let _ = parse_asns(&delivery);
        let _ = Profile::parse("gog".parse().unwrap(), &String::from_utf8_lossy(&profile), &delivery);
    }

    #[test]
    fn csv_files(csv in mutated(CSV.as_bytes())) {
        let _ = import::assertions(&*csv);
        let _ = import::asns(&*csv);
        if let Ok(groups) = import::prefixes(&*csv) {
            prop_assert!(prefixes::encode(groups).is_ok());
        }
    }

    #[test]
    fn prefix_files(file in mutated(PREFIXES)) {
        if let Ok(groups) = prefixes::decode(&file) {
            prop_assert!(!groups.is_empty());
        }
    }
}
