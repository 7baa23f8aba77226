//! Longest-prefix match beside the tables of other crates, on a full routing table and on a small one.
//!
//! `TRAFFIX_ROUTES=DIR[:DIR…]` names folders with `routes_v4.csv` and `routes_v6.csv` (`prefix,owner`), such as a dump of
//! a routing table; without it, a table of the same size and the same lengths of prefixes is made up.
//! Every rival must give the same sum of answers before it is timed.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

mod rivals;
mod routes;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traffix_core::delivery::lpm::{LpmMatch, LpmTable};

use rivals::{Dir24, LevelCompressed, MaxMind, TreeBitmap};
use routes::{DRAWS, PROBES, Routes};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// All tables of the same routes.
struct Tables<'a> {
    name: &'a str,
    ours: LpmTable,
    four: PrefixMap<Ipv4Net, u32>,
    six: PrefixMap<Ipv6Net, u32>,
    bitmap: TreeBitmap,
    compressed: LevelCompressed,
    maxmind: MaxMind,
    dir: Dir24,
}

impl<'a> Tables<'a> {
    fn new(routes: &'a Routes) -> Self {
        let (four, four_bytes) = grown(|| routes.v4.iter().copied().collect::<PrefixMap<_, _>>());
        let (six, six_bytes) = grown(|| routes.v6.iter().copied().collect::<PrefixMap<_, _>>());
        let ours = ours(routes);
        let n = routes.v4.len() + routes.v6.len();
        println!(
            "{}: {} + {} prefixes, bytes/prefix ours {:.2}, prefix-trie {:.2}",
            routes.name,
            routes.v4.len(),
            routes.v6.len(),
            per(ours.memory_bytes(), n),
            per(four_bytes + six_bytes, n)
        );
        Self {
            name: &routes.name,
            ours,
            four,
            six,
            bitmap: TreeBitmap::new(routes),
            compressed: LevelCompressed::new(routes),
            maxmind: MaxMind::new(routes),
            dir: Dir24::new(&routes.v4),
        }
    }

    fn look_up_v4(&self, group: &mut BenchmarkGroup<'_, WallTime>, probes: &[u32]) {
        let view = self.ours.view();
        let expected = probes.iter().map(|&a| u64::from(self.dir.get(a))).sum();
        timed(group, "dir-24-8", (probes, expected), |a| self.dir.get(a));
        timed(group, "traffix", (probes, expected), |a| view.lookup_v4(a).map_or(0, |m| m.id + 1));
        batch(group, (probes, expected), |a, out| view.lookup_v4_batch(a, out));
        timed(group, "prefix-trie", (probes, expected), |a| {
            self.four.get_lpm(&Ipv4Net::from(Ipv4Addr::from(a))).map_or(0, |(_, id)| id + 1)
        });
        timed(group, "ip_network_table", (probes, expected), |a| self.bitmap.get(IpAddr::V4(a.into())));
        timed(group, "iptrie", (probes, expected), |a| self.compressed.four(a));
        timed(group, "maxminddb", (probes, expected), |a| self.maxmind.get(IpAddr::V4(a.into())));
    }

    fn look_up_v6(&self, group: &mut BenchmarkGroup<'_, WallTime>, probes: &[u128]) {
        let view = self.ours.view();
        let by_trie =
            |a: u128| self.six.get_lpm(&Ipv6Net::from(Ipv6Addr::from(a))).map_or(0, |(_, id)| id + 1);
        let expected = probes.iter().map(|&a| u64::from(by_trie(a))).sum();
        timed(group, "traffix", (probes, expected), |a| view.lookup_v6(a).map_or(0, |m| m.id + 1));
        batch(group, (probes, expected), |a, out| view.lookup_v6_batch(a, out));
        timed(group, "prefix-trie", (probes, expected), by_trie);
        timed(group, "ip_network_table", (probes, expected), |a| self.bitmap.get(IpAddr::V6(a.into())));
        timed(group, "iptrie", (probes, expected), |a| self.compressed.six(a));
        timed(group, "maxminddb", (probes, expected), |a| self.maxmind.get(IpAddr::V6(a.into())));
    }

    fn bench(&self, c: &mut Criterion, routes: &Routes) {
        for (draw, draw_name) in DRAWS {
            let mut group = c.benchmark_group(format!("{}/v4/{draw_name}", self.name));
            group.throughput(Throughput::Elements(PROBES as u64));
            self.look_up_v4(&mut group, &routes::probes4(&routes.v4, draw));
            group.finish();
            let mut group = c.benchmark_group(format!("{}/v6/{draw_name}", self.name));
            group.throughput(Throughput::Elements(PROBES as u64));
            self.look_up_v6(&mut group, &routes::probes6(&routes.v6, draw));
            group.finish();
        }
    }
}

fn ours(routes: &Routes) -> LpmTable {
    let mut builder = LpmTable::builder();
    for (net, id) in &routes.v4 {
        builder.insert(IpNet::V4(*net), *id);
    }
    for (net, id) in &routes.v6 {
        builder.insert(IpNet::V6(*net), *id);
    }
    builder.build()
}

/// Answers of a rival as a sum that must be equal for all: the number plus one, or 0.
fn timed<A: Copy>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    (probes, expected): (&[A], u64),
    mut get: impl FnMut(A) -> u32,
) {
    let mut sum = || probes.iter().map(|&a| u64::from(get(a))).sum::<u64>();
    assert_eq!(sum(), expected, "{name} answers differently");
    group.bench_function(name, |b| b.iter(|| black_box(sum())));
}

fn batch<A: Copy>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (probes, expected): (&[A], u64),
    look_up: impl Fn(&[A], &mut [Option<LpmMatch>]),
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

fn grown<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let made = make();
    let change = region.change();
    (made, change.bytes_allocated.saturating_sub(change.bytes_deallocated))
}

#[expect(clippy::cast_precision_loss, reason = "for readers")]
fn per(bytes: usize, n: usize) -> f64 {
    bytes as f64 / n as f64
}

fn build(c: &mut Criterion, routes: &Routes) {
    let mut group = c.benchmark_group(format!("{}/build", routes.name));
    group.sample_size(10);
    group.bench_function("traffix", |b| b.iter(|| ours(routes)));
    group.bench_function("prefix-trie", |b| {
        b.iter(|| {
            let four = routes.v4.iter().copied().collect::<PrefixMap<_, _>>();
            (four, routes.v6.iter().copied().collect::<PrefixMap<_, _>>())
        });
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    for routes in routes::tables() {
        build(c, &routes);
        Tables::new(&routes).bench(c, &routes);
    }
}

criterion_group!(lpm, benches);
criterion_main!(lpm);
