//! Longest-prefix match beside the tables of other crates, on a full BGP table and on a small one.
//!
//! `TRAFFIX_ROUTES=DIR` names a folder with `routes_v4.csv` and `routes_v6.csv` (`prefix,origin_asn`), such as a dump of
//! a routing table; without it, a table of the same size and the same lengths of prefixes is made up.
//! Every rival must give the same sum of answers before it is timed.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::collections::HashMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use ip_network_table::IpNetworkTable;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traffix_core::delivery::lpm::LpmTable;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Look-ups per timed pass.
const PROBES: usize = 1 << 17;

struct Routes {
    name: &'static str,
    v4: Vec<(Ipv4Net, u32)>,
    v6: Vec<(Ipv6Net, u32)>,
}

fn full() -> Routes {
    if let Some(folder) = std::env::var_os("TRAFFIX_ROUTES").map(PathBuf::from) {
        let mut dense = HashMap::new();
        let mut read = |file: &str| -> Vec<(IpNet, u32)> {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let rows = text.lines().skip(1).map(|row| row.split_once(',').unwrap());
            rows.map(|(net, asn)| {
                let next = u32::try_from(dense.len()).unwrap();
                (net.parse().unwrap(), *dense.entry(asn.to_owned()).or_insert(next))
            })
            .collect()
        };
        let v4 = read("routes_v4.csv")
            .into_iter()
            .filter_map(|(net, id)| if let IpNet::V4(n) = net { Some((n, id)) } else { None });
        let v4 = v4.collect();
        let v6 = read("routes_v6.csv")
            .into_iter()
            .filter_map(|(net, id)| if let IpNet::V6(n) = net { Some((n, id)) } else { None });
        return Routes { name: "full", v4, v6: v6.collect() };
    }
    made_up("full-made-up", 1_100_000, 258_000)
}

/// Prefix lengths as in a routing table of October 2026; addresses at random where addresses are in use.
fn made_up(name: &'static str, v4: usize, v6: usize) -> Routes {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let lengths4 = [(24, 68), (22, 10), (23, 9), (21, 5), (20, 4), (19, 2), (18, 1), (16, 1)];
    let lengths6 = [(48, 48), (44, 12), (32, 12), (40, 12), (36, 6), (47, 5), (29, 5)];
    let pick = |table: &[(u8, u32)], rng: &mut ChaCha8Rng| {
        let mut left = rng.random_range(0..table.iter().map(|(_, n)| n).sum());
        table
            .iter()
            .find(|(_, n)| {
                let hit = left < *n;
                left = left.saturating_sub(*n);
                hit
            })
            .unwrap()
            .0
    };
    let mut four = HashMap::new();
    while four.len() < v4 {
        let net =
            Ipv4Net::new(rng.random_range(0x0100_0000..0xe000_0000_u32).into(), pick(&lengths4, &mut rng))
                .unwrap();
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
    Routes { name, v4, v6 }
}

/// How addresses are drawn: anywhere, inside prefixes alike, inside prefixes of falling popularity.
#[derive(Clone, Copy)]
enum Draw {
    Uniform,
    Inside,
    Zipf,
}

const DRAWS: [(Draw, &str); 3] = [(Draw::Uniform, "uniform"), (Draw::Inside, "inside"), (Draw::Zipf, "zipf")];

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

fn probes4(routes: &[(Ipv4Net, u32)], draw: Draw) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let inside = |rng: &mut ChaCha8Rng| {
        let net = routes[draw_index(draw, routes.len(), rng)].0;
        net.network().to_bits() | rng.random::<u32>() & net.hostmask().to_bits()
    };
    (0..PROBES).map(|_| if matches!(draw, Draw::Uniform) { rng.random() } else { inside(&mut rng) }).collect()
}

fn probes6(routes: &[(Ipv6Net, u32)], draw: Draw) -> Vec<u128> {
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

/// The ceiling: one array of all /24s and a second level below it (Gupta, Lin, `McKeown`, INFOCOM 1998). 64 MB at least.
struct Dir24 {
    top: Vec<u32>,
    below: Vec<u32>,
}

impl Dir24 {
    const BELOW: u32 = 1 << 31;
    fn new(routes: &[(Ipv4Net, u32)]) -> Self {
        let mut table = Self { top: vec![0; 1 << 24], below: Vec::new() };
        let mut sorted = routes.to_vec();
        sorted.sort_by_key(|(net, _)| net.prefix_len());
        for (net, id) in sorted {
            let (low, high) = (net.network().to_bits(), net.broadcast().to_bits());
            if net.prefix_len() <= 24 {
                table.top[(low >> 8) as usize..=(high >> 8) as usize].fill(id + 1);
            } else {
                let slot = &mut table.top[(low >> 8) as usize];
                if *slot & Self::BELOW == 0 {
                    let old =
                        std::mem::replace(slot, Self::BELOW | u32::try_from(table.below.len() >> 8).unwrap());
                    table.below.extend([old; 256]);
                }
                let base = ((*slot & !Self::BELOW) as usize) << 8;
                table.below[base + (low & 255) as usize..=base + (high & 255) as usize].fill(id + 1);
            }
        }
        table
    }
    fn get(&self, address: u32) -> u32 {
        let entry = self.top[(address >> 8) as usize];
        if entry & Self::BELOW == 0 {
            entry
        } else {
            self.below[((entry & !Self::BELOW) as usize) << 8 | (address & 255) as usize]
        }
    }
}

/// Answers of a rival as a sum that must be equal for all: the number plus one, or 0.
fn timed<A: Copy>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    probes: &[A],
    expected: u64,
    mut get: impl FnMut(A) -> u32,
) {
    let mut sum = || probes.iter().map(|&a| u64::from(get(a))).sum::<u64>();
    assert_eq!(sum(), expected, "{name} answers differently");
    group.bench_function(name, |b| b.iter(|| black_box(sum())));
}

fn grown<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let made = make();
    let change = region.change();
    (made, change.bytes_allocated.saturating_sub(change.bytes_deallocated))
}

fn look_up(c: &mut Criterion, routes: &Routes) {
    let (ours, _) = grown(|| {
        let mut builder = LpmTable::builder();
        for (net, id) in &routes.v4 {
            builder.insert(IpNet::V4(*net), *id);
        }
        builder.build()
    });
    let (trie, trie_bytes) = grown(|| routes.v4.iter().copied().collect::<PrefixMap<Ipv4Net, u32>>());
    let (tree, _) = grown(|| {
        let mut table = IpNetworkTable::new();
        for (net, id) in &routes.v4 {
            table.insert(ip_network::Ipv4Network::new(net.network(), net.prefix_len()).unwrap(), *id);
        }
        table
    });
    let dir = Dir24::new(&routes.v4);
    let n = routes.v4.len();
    println!(
        "{}: IPv4 {n} prefixes, bytes/prefix ours {:.2}, prefix-trie {:.2}",
        routes.name,
        per(ours.memory_bytes(), n),
        per(trie_bytes, n)
    );
    for (draw, draw_name) in DRAWS {
        let probes = probes4(&routes.v4, draw);
        let view = ours.view();
        let expected = probes.iter().map(|&a| u64::from(dir.get(a))).sum();
        let mut group = c.benchmark_group(format!("{}/v4/{draw_name}", routes.name));
        group.throughput(Throughput::Elements(PROBES as u64));
        timed(&mut group, "dir-24-8", &probes, expected, |a| dir.get(a));
        timed(&mut group, "traffix", &probes, expected, |a| view.lookup_v4(a).map_or(0, |m| m.id + 1));
        batch(&mut group, &probes, expected, |a, out| view.lookup_v4_batch(a, out));
        timed(&mut group, "prefix-trie", &probes, expected, |a| {
            trie.get_lpm(&Ipv4Net::from(Ipv4Addr::from(a))).map_or(0, |(_, id)| id + 1)
        });
        timed(&mut group, "ip_network_table", &probes, expected, |a| {
            tree.longest_match(IpAddr::V4(a.into())).map_or(0, |(_, id)| id + 1)
        });
        group.finish();
    }
    look_up_v6(c, routes);
}

fn look_up_v6(c: &mut Criterion, routes: &Routes) {
    let (ours, _) = grown(|| {
        let mut builder = LpmTable::builder();
        for (net, id) in &routes.v6 {
            builder.insert(IpNet::V6(*net), *id);
        }
        builder.build()
    });
    let (trie, trie_bytes) = grown(|| routes.v6.iter().copied().collect::<PrefixMap<Ipv6Net, u32>>());
    let n = routes.v6.len();
    println!(
        "{}: IPv6 {n} prefixes, bytes/prefix ours {:.2}, prefix-trie {:.2}",
        routes.name,
        per(ours.memory_bytes(), n),
        per(trie_bytes, n)
    );
    for (draw, draw_name) in DRAWS {
        let probes = probes6(&routes.v6, draw);
        let view = ours.view();
        let by_trie = |a: u128| trie.get_lpm(&Ipv6Net::from(Ipv6Addr::from(a))).map_or(0, |(_, id)| id + 1);
        let expected = probes.iter().map(|&a| u64::from(by_trie(a))).sum();
        let mut group = c.benchmark_group(format!("{}/v6/{draw_name}", routes.name));
        group.throughput(Throughput::Elements(PROBES as u64));
        timed(&mut group, "traffix", &probes, expected, |a| view.lookup_v6(a).map_or(0, |m| m.id + 1));
        batch(&mut group, &probes, expected, |a, out| view.lookup_v6_batch(a, out));
        timed(&mut group, "prefix-trie", &probes, expected, by_trie);
        group.finish();
    }
}

fn batch<A: Copy>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    probes: &[A],
    expected: u64,
    look_up: impl Fn(&[A], &mut [Option<traffix_core::delivery::lpm::LpmMatch>]),
) {
    let mut found = vec![None; 256];
    let mut sum = || {
        let mut sum = 0;
        for chunk in probes.chunks(256) {
            look_up(chunk, &mut found);
            sum += found[..chunk.len()].iter().map(|m| m.map_or(0, |m| u64::from(m.id) + 1)).sum::<u64>();
        }
        sum
    };
    assert_eq!(sum(), expected, "the batch answers differently");
    group.bench_function("traffix batch", |b| b.iter(|| black_box(sum())));
}

#[expect(clippy::cast_precision_loss, reason = "for readers")]
fn per(bytes: usize, n: usize) -> f64 {
    bytes as f64 / n as f64
}

fn benches(c: &mut Criterion) {
    let full = full();
    let small = made_up("small", 15_000, 5_000);
    let mut group = c.benchmark_group(format!("{}/build", full.name));
    group.sample_size(10);
    group.bench_function("traffix", |b| {
        b.iter(|| {
            let mut builder = LpmTable::builder();
            for (net, id) in &full.v4 {
                builder.insert(IpNet::V4(*net), *id);
            }
            for (net, id) in &full.v6 {
                builder.insert(IpNet::V6(*net), *id);
            }
            builder.build()
        });
    });
    group.bench_function("prefix-trie", |b| {
        b.iter(|| {
            (
                full.v4.iter().copied().collect::<PrefixMap<_, _>>(),
                full.v6.iter().copied().collect::<PrefixMap<_, _>>(),
            )
        });
    });
    group.finish();
    look_up(c, &full);
    look_up(c, &small);
}

criterion_group!(lpm, benches);
criterion_main!(lpm);
