//! The app list of all of Steam read and merged, and a tree of depots read.
//!
//! Each run first checks that the fast way and the plain one, which builds the whole document, agree; and prints what
//! one call allocates.

use std::alloc::System;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traffix_platforms::steam::{AppInfo, Device, KnownApps, Novelty, Os, read_app_list};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Apps of the store, games with everything beside them, in round numbers.
const APPS: u32 = 200_000;
/// Every so many-th app is not known yet …
const NEW_EVERY: u32 = 97;
/// … and every so many-th one has changed.
const CHANGED_EVERY: u32 = 13;

/// Rows like those of the recorded page: ids in tens, titles of 5 to 40 bytes, some with escapes and other scripts.
fn app_list(changed: bool) -> String {
    let words = [
        "Night",
        "of",
        "the",
        "Empire",
        "Simulator",
        "Tower",
        "黑猫",
        "Дней",
        "II",
        "Demo",
        "Soundtrack",
        "\\u00e9t\\u00e9",
    ];
    let mut json = String::from(r#"{"response":{"apps":["#);
    let mut random = 1_u32;
    for i in 0..APPS {
        if !changed && i % NEW_EVERY == 0 {
            continue;
        }
        json.push_str(if json.ends_with('[') { "" } else { "," });
        write!(json, r#"{{"appid":{},"name":""#, i * 10 + 10).expect("a text");
        for _ in 0..=(random % 5) {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            write!(json, "{} ", words[(random >> 16) as usize % words.len()]).expect("a text");
        }
        let time = 1_700_000_000 + i + if changed && i % CHANGED_EVERY == 0 { 86_400 } else { 0 };
        write!(json, r#"","last_modified":{time},"price_change_number":33078735}}"#).expect("a text");
    }
    json.push_str(r#"],"have_more_results":false}}"#);
    json
}

fn known(list: &str) -> KnownApps {
    let mut known = KnownApps::default();
    read_app_list(list.as_bytes(), |app| {
        known.merge(app);
    })
    .expect("valid");
    known
}

/// New and changed apps, one row at a time.
fn merge(json: &str, known: &mut KnownApps) -> (Vec<u32>, Vec<u32>) {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    let end = read_app_list(json.as_bytes(), |app| match known.merge(app) {
        Novelty::New => new.push(app.id),
        Novelty::Changed => changed.push(app.id),
        Novelty::Same => {}
    });
    assert_eq!(end.expect("valid").rows, APPS as usize);
    (new, changed)
}

/// The same through a document of the whole list and a map of the times before.
fn merge_plainly(json: &str, known: &BTreeMap<u64, u64>) -> (Vec<u64>, Vec<u64>) {
    let document: Value = serde_json::from_str(json).expect("valid");
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for app in document["response"]["apps"].as_array().expect("a list") {
        let id = app["appid"].as_u64().expect("a number");
        match known.get(&id) {
            None => new.push(id),
            Some(time) if *time < app["last_modified"].as_u64().expect("a time") => changed.push(id),
            Some(_) => {}
        }
    }
    (new, changed)
}

fn times(json: &str) -> BTreeMap<u64, u64> {
    let document: Value = serde_json::from_str(json).expect("valid");
    let rows = document["response"]["apps"].as_array().expect("a list").clone();
    let number = |row: &Value, key: &str| row[key].as_u64().expect("a number");
    rows.iter().map(|row| (number(row, "appid"), number(row, "last_modified"))).collect()
}

/// Product info of a large game: 64 depots for three systems and twelve languages, each on 20 branches.
fn tree() -> String {
    let languages = ["", "english", "german", "french", "japanese", "schinese", "russian", "polish"];
    let mut json = String::from(r#"{"appid":"1","common":{"name":"Large","type":"Game"},"depots":{"#);
    for (place, depot) in (0..64_u64).enumerate() {
        let (os, language) = (Os::ALL[place % 3].as_str(), languages[place / 3 % languages.len()]);
        write!(
            json,
            r#""{}":{{"config":{{"oslist":"{os}","language":"{language}"}},"manifests":{{"#,
            1001 + depot
        )
        .expect("a text");
        for branch in 0..20_u64 {
            let name = if branch == 0 { "public".to_owned() } else { format!("branch_{branch}") };
            let comma = if branch == 0 { "" } else { "," };
            let gid = 4_278_718_763_097_142_923 + depot * 100 + branch;
            write!(
                json,
                r#"{comma}"{name}":{{"download":"{}","gid":"{gid}","size":"{}"}}"#,
                453_699_840 + depot,
                691_846_347 + depot
            )
            .expect("a text");
        }
        json.push_str("}},");
    }
    json.push_str(r#""branches":{"public":{"buildid":"16826371","timebuildupdated":"1734825749","timeupdated":"1734826775"}}}}"#);
    json
}

fn wire_bytes(info: &AppInfo) -> u64 {
    let device = Device { os: Os::Windows, language: "german", dlc: None };
    info.depots.transfer("public", &device).and_then(|bytes| bytes.wire_bytes).expect("a sum")
}

/// The sum of the plain document.
fn wire_bytes_plainly(json: &str) -> u64 {
    let document: Value = serde_json::from_str(json).expect("valid");
    let depots = document["depots"].as_object().expect("depots").values();
    let ours = depots.filter(|depot| {
        let config = |key: &str| depot["config"][key].as_str().unwrap_or("-");
        config("oslist") == "windows" && ["", "german"].contains(&config("language"))
    });
    ours.map(|depot| {
        depot["manifests"]["public"]["download"].as_str().expect("bytes").parse::<u64>().expect("a number")
    })
    .sum()
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

fn report(name: &str, region: &Region<'_, System>) {
    let change = region.change();
    let (all, kept) =
        (change.bytes_allocated, change.bytes_allocated.saturating_sub(change.bytes_deallocated));
    println!(
        "{name}: {} allocations, {:.2} MB in all, {:.2} MB kept",
        change.allocations,
        megabytes(all),
        megabytes(kept)
    );
}

fn app_lists(c: &mut Criterion) {
    let (before, list) = (app_list(false), app_list(true));
    let (known, times) = (known(&before), times(&before));
    let mut apps = known.clone();
    let region = Region::new(ALLOCATOR);
    let fast = merge(&list, &mut apps);
    report(&format!("{APPS} apps, {:.1} MB of JSON, row by row", megabytes(list.len())), &region);
    let region = Region::new(ALLOCATOR);
    let plain = merge_plainly(&list, &times);
    report("the same as a document", &region);
    let wide = |ids: &[u32]| ids.iter().map(|id| u64::from(*id)).collect::<Vec<_>>();
    assert_eq!((wide(&fast.0), wide(&fast.1)), plain);
    println!("{} new, {} changed", plain.0.len(), plain.1.len());
    let mut group = c.benchmark_group("app list");
    group.sample_size(20).throughput(Throughput::Bytes(list.len() as u64));
    group.bench_function("200 k apps read and merged, row by row", |b| {
        b.iter_batched_ref(
            || known.clone(),
            |known| merge(black_box(&list), known),
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("the same as a document", |b| b.iter(|| merge_plainly(black_box(&list), &times)));
    group.finish();
}

fn depots(c: &mut Criterion) {
    let json = tree();
    let region = Region::new(ALLOCATOR);
    let info = AppInfo::from_json(json.as_bytes()).expect("valid");
    report(&format!("64 depots on 20 branches, {:.2} MB of JSON", megabytes(json.len())), &region);
    assert_eq!(wire_bytes(&info), wire_bytes_plainly(&json));
    let mut group = c.benchmark_group("depot tree");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("read and summed", |b| {
        b.iter(|| wire_bytes(&AppInfo::from_json(black_box(json.as_bytes())).expect("valid")));
    });
    group.bench_function("the same as a document", |b| b.iter(|| wire_bytes_plainly(black_box(&json))));
    group.finish();
}

criterion_group!(steam, app_lists, depots);
criterion_main!(steam);
