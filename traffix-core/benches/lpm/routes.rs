//! Tables and addresses to look up in them.

use std::collections::HashMap;
use std::path::Path;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Look-ups per timed pass.
pub(super) const PROBES: usize = 1 << 17;

/// A table: prefixes with dense numbers.
pub(super) struct Routes {
    pub(super) name: String,
    pub(super) v4: Vec<(Ipv4Net, u32)>,
    pub(super) v6: Vec<(Ipv6Net, u32)>,
}

/// The tables that were named, or one like a full routing table; and a small one, as large as that of CDNs is.
pub(super) fn tables() -> Vec<Routes> {
    let named = std::env::var_os("TRAFFIX_ROUTES");
    let mut tables: Vec<Routes> =
        named.iter().flat_map(std::env::split_paths).map(|folder| read(&folder)).collect();
    if tables.is_empty() {
        tables.push(made_up("full-made-up", 1_100_000, 258_000));
    }
    tables.push(made_up("small-made-up", 30_000, 6_000));
    tables
}

/// `routes_v4.csv` and `routes_v6.csv` of a folder: `prefix,owner` below a heading.
fn read(folder: &Path) -> Routes {
    let mut dense = HashMap::new();
    let mut rows = |file: &str| -> Vec<(IpNet, u32)> {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let rows = text.lines().skip(1).map(|row| row.split_once(',').unwrap());
        rows.map(|(net, owner)| {
            let next = u32::try_from(dense.len()).unwrap();
            (net.parse().unwrap(), *dense.entry(owner.to_owned()).or_insert(next))
        })
        .collect()
    };
    let four = |(net, id)| if let IpNet::V4(net) = net { Some((net, id)) } else { None };
    let six = |(net, id)| if let IpNet::V6(net) = net { Some((net, id)) } else { None };
    let v4 = rows("routes_v4.csv").into_iter().filter_map(four).collect();
    let v6 = rows("routes_v6.csv").into_iter().filter_map(six).collect();
    Routes { name: folder.file_name().unwrap().to_string_lossy().into_owned(), v4, v6 }
}

/// One of many by weight.
fn pick(table: &[(u8, u32)], rng: &mut ChaCha8Rng) -> u8 {
    let mut left = rng.random_range(0..table.iter().map(|(_, weight)| weight).sum());
    let hit = |(_, weight): &&(u8, u32)| {
        let hit = left < *weight;
        left = left.saturating_sub(*weight);
        hit
    };
    table.iter().find(hit).unwrap().0
}

/// Prefix lengths as in a routing table of October 2026; addresses at random where addresses are in use.
fn made_up(name: &str, v4: usize, v6: usize) -> Routes {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let lengths4 = [(24, 68), (22, 10), (23, 9), (21, 5), (20, 4), (19, 2), (18, 1), (16, 1)];
    let lengths6 = [(48, 48), (44, 12), (32, 12), (40, 12), (36, 6), (47, 5), (29, 5)];
    let mut four = HashMap::new();
    while four.len() < v4 {
        let address = rng.random_range(0x0100_0000..0xe000_0000_u32);
        let net = Ipv4Net::new(address.into(), pick(&lengths4, &mut rng)).unwrap();
        four.insert(net.trunc(), rng.random_range(0..80_000));
    }
    let mut six = HashMap::new();
    let blocks: [u128; 6] = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c0f];
    while six.len() < v6 {
        let block = blocks[rng.random_range(0..blocks.len())] + rng.random_range(0..12_u128);
        let low = u128::from(rng.next_u64()) << 48 & (u128::MAX >> 16);
        let net = Ipv6Net::new((block << 112 | low).into(), pick(&lengths6, &mut rng)).unwrap();
        six.insert(net.trunc(), rng.random_range(0..80_000));
    }
    let (mut v4, mut v6): (Vec<_>, Vec<_>) = (four.into_iter().collect(), six.into_iter().collect());
    v4.sort_unstable();
    v6.sort_unstable();
    Routes { name: name.to_owned(), v4, v6 }
}

/// How addresses are drawn: anywhere, inside prefixes alike, inside prefixes of falling popularity.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Uniform,
    Inside,
    Zipf,
}

pub(super) const DRAWS: [(Draw, &str); 3] =
    [(Draw::Uniform, "uniform"), (Draw::Inside, "inside"), (Draw::Zipf, "zipf")];

fn draw_index(draw: Draw, len: usize, rng: &mut ChaCha8Rng) -> usize {
    match draw {
        Draw::Uniform | Draw::Inside => rng.random_range(0..len),
        // Zipf with exponent 1 by its inverse, scattered over the table.
        Draw::Zipf => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "a rank"
            )]
            let rank = (len as f64).powf(rng.random::<f64>()) as usize;
            rank.wrapping_mul(2_654_435_761) % len
        }
    }
}

pub(super) fn probes4(routes: &[(Ipv4Net, u32)], draw: Draw) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let inside = |rng: &mut ChaCha8Rng| {
        let net = routes[draw_index(draw, routes.len(), rng)].0;
        net.network().to_bits() | rng.random::<u32>() & net.hostmask().to_bits()
    };
    (0..PROBES).map(|_| if matches!(draw, Draw::Uniform) { rng.random() } else { inside(&mut rng) }).collect()
}

pub(super) fn probes6(routes: &[(Ipv6Net, u32)], draw: Draw) -> Vec<u128> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let inside = |rng: &mut ChaCha8Rng| {
        let net = routes[draw_index(draw, routes.len(), rng)].0;
        net.network().to_bits() | rng.random::<u128>() & net.hostmask().to_bits()
    };
    (0..PROBES)
        .map(|_| {
            if matches!(draw, Draw::Uniform) {
                rng.random::<u128>() >> 3 | 1 << 125
            } else {
                inside(&mut rng)
            }
        })
        .collect()
}
