use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::testing::run;
use crate::upstream::{Replay, cassette};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/riot/fixtures")
}

fn replay() -> Replay {
    Replay::open(folder()).unwrap()
}

// ---- an encoder of the documented format

/// A chunk: identifier, bytes on the wire, bytes on disk.
type ChunkRow = (u64, u32, u32);

/// What a manifest is made of, for tests.
#[derive(Debug, Clone, Default)]
struct Parts {
    id: u64,
    bundles: Vec<Vec<ChunkRow>>,
    tags: Vec<(u8, &'static str)>,
    /// Bits of the tags, chunks.
    files: Vec<(u64, Vec<u64>)>,
}

enum Field {
    Absent,
    U8(u8),
    U32(u32),
    U64(u64),
    /// To be pointed somewhere later.
    Offset,
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    /// Writes a table and returns its place and those of its offsets.
    fn table(&mut self, fields: &[Field]) -> (usize, Vec<usize>) {
        let list = self.0.len();
        let (mut places, mut data, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for field in fields {
            places.push(if matches!(field, Field::Absent) { 0 } else { 4 + data.len() });
            match field {
                Field::Absent => {}
                Field::U8(value) => data.push(*value),
                Field::U32(value) => data.extend(value.to_le_bytes()),
                Field::U64(value) => data.extend(value.to_le_bytes()),
                Field::Offset => {
                    offsets.push(data.len());
                    data.extend([0; 4]);
                }
            }
        }
        let short = |length: usize| u16::try_from(length).unwrap().to_le_bytes();
        self.0.extend(short(4 + 2 * fields.len()));
        self.0.extend(short(4 + data.len()));
        for place in places {
            self.0.extend(short(place));
        }
        let at = self.0.len();
        self.0.extend(i32::try_from(at - list).unwrap().to_le_bytes());
        self.0.extend(data);
        (at, offsets.into_iter().map(|offset| at + 4 + offset).collect())
    }

    fn point(&mut self, from: usize, to: usize) {
        self.0[from..from + 4].copy_from_slice(&u32::try_from(to - from).unwrap().to_le_bytes());
    }

    /// Starts a vector here, pointed at from `from`.
    fn vector(&mut self, from: usize, length: usize) {
        self.point(from, self.0.len());
        self.0.extend(u32::try_from(length).unwrap().to_le_bytes());
    }

    /// A vector of offsets, and where these are.
    fn offsets(&mut self, from: usize, length: usize) -> Vec<usize> {
        self.vector(from, length);
        let start = self.0.len();
        self.0.resize(start + 4 * length, 0);
        (0..length).map(|index| start + 4 * index).collect()
    }
}

fn body(parts: &Parts) -> Vec<u8> {
    let mut out = Writer(vec![0; 4]);
    let (root, fields) = out.table(&[Field::Offset, Field::Offset, Field::Offset]);
    out.point(0, root);
    for (place, bundle) in out.offsets(fields[0], parts.bundles.len()).into_iter().zip(&parts.bundles) {
        let (at, chunks) = out.table(&[Field::U64(1), Field::Offset]);
        out.point(place, at);
        for (place, (id, wire, disk)) in out.offsets(chunks[0], bundle.len()).into_iter().zip(bundle) {
            let (at, _) = out.table(&[Field::U64(*id), Field::U32(*wire), Field::U32(*disk)]);
            out.point(place, at);
        }
    }
    for (place, (id, name)) in out.offsets(fields[1], parts.tags.len()).into_iter().zip(&parts.tags) {
        let (at, text) = out.table(&[Field::U8(*id), Field::Offset]);
        out.point(place, at);
        out.vector(text[0], name.len());
        out.0.extend(name.bytes());
    }
    for (place, (tags, chunks)) in out.offsets(fields[2], parts.files.len()).into_iter().zip(&parts.files) {
        let absent = || Field::Absent;
        let (at, ids) = out.table(&[
            Field::U64(9),
            absent(),
            absent(),
            absent(),
            Field::U64(*tags),
            absent(),
            absent(),
            Field::Offset,
        ]);
        out.point(place, at);
        out.vector(ids[0], chunks.len());
        for id in chunks {
            out.0.extend(id.to_le_bytes());
        }
    }
    out.0
}

fn assemble(parts: &Parts) -> Vec<u8> {
    around(parts.id, &body(parts))
}

fn around(id: u64, body: &[u8]) -> Vec<u8> {
    let packed = zstd::encode_all(body, 3).unwrap();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut out = b"RMAN\x02\0\0\x02".to_vec();
    out.extend(28_u32.to_le_bytes());
    out.extend(length(&packed));
    out.extend(id.to_le_bytes());
    out.extend(length(body));
    out.extend(packed);
    // A signature follows.
    out.extend([7; 16]);
    out
}

const MB: u32 = 1_000_000;

/// The manifests that the written answers name.
fn manifests() -> BTreeMap<&'static str, Parts> {
    let tags = vec![(1, "en_US"), (2, "de_DE"), (3, "windows"), (4, "macos")];
    let client = Parts {
        id: 0xC11E_0000_0000_0001,
        bundles: vec![vec![(1, 300 * MB, 500 * MB)]],
        tags: tags.clone(),
        files: vec![(0, vec![1])],
    };
    let mut game = Parts {
        id: 0x6A3E_0000_0000_0001,
        bundles: vec![
            vec![(10, 900 * MB, 1_000 * MB), (11, 50 * MB, 60 * MB)],
            vec![(12, 70 * MB, 80 * MB), (13, 5 * MB, 6 * MB)],
        ],
        tags,
        // For all; twice the same chunk; English; German; macs.
        files: vec![
            (0, vec![10]),
            (0b100, vec![10, 13]),
            (0b1, vec![11]),
            (0b10, vec![12]),
            (0b1000, vec![12]),
        ],
    };
    let before = game.clone();
    game.id = 0x6A3E_0000_0000_0002;
    game.bundles.push(vec![(14, 40 * MB, 44 * MB)]);
    game.files.push((0, vec![10, 14]));
    let valorant = Parts { id: 0x7A10_0000_0000_0001, ..client.clone() };
    BTreeMap::from([
        ("C11E000000000001.manifest", client),
        ("6A3E000000000001.manifest", before),
        ("6A3E000000000002.manifest", game),
        ("7A10000000000001.manifest", valorant),
    ])
}

/// The assembled manifests lie in the folder of recordings.
/// `UPDATE_FIXTURES=1 cargo test -p traffix-platforms --lib riot` writes them anew.
#[test]
fn the_assembled_manifests_are_those_in_the_folder() {
    for (name, parts) in manifests() {
        let path = folder().join(name);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, assemble(&parts)).unwrap();
        }
        let in_folder = Manifest::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(in_folder, Manifest::parse(&assemble(&parts)).unwrap(), "{name}");
    }
}

// ---- reading

#[test]
fn a_manifest_as_documented() {
    let manifest = Manifest::parse(&assemble(&manifests()["6A3E000000000001.manifest"])).unwrap();
    assert_eq!((manifest.id, manifest.file_count(), manifest.chunk_count()), (0x6A3E_0000_0000_0001, 5, 4));
    assert_eq!(manifest.locales().collect::<Vec<_>>(), ["en_US", "de_DE"]);
    let mb = |megabytes: u32| u64::from(megabytes * MB);
    let device = Device::default();
    assert_eq!(manifest.install_bytes(&device), mb(900 + 5 + 50));
    assert_eq!(manifest.disk_bytes(&device), mb(1_000 + 1_000 + 6 + 60));
    let german = Device { locale: "de_DE".into(), ..Device::default() };
    assert_eq!(manifest.install_bytes(&german), mb(900 + 5 + 70));
    let mac = Device { platform: "macos".into(), ..Device::default() };
    assert_eq!(manifest.install_bytes(&mac), mb(900 + 50 + 70));
}

#[test]
fn what_is_no_manifest_says_where() {
    let good = assemble(&manifests()["6A3E000000000001.manifest"]);
    let error = |bytes: &[u8]| Manifest::parse(bytes).unwrap_err().to_string();
    assert!(error(b"").contains("shorter than its header"));
    assert!(error(&[b"<html>", &[b' '; 40][..]].concat()).contains("<htm"));
    assert!(error(&good[..60]).contains("does not fit"));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    assert!(error(&with(4, &[3])).contains("version 3"));
    assert!(error(&with(24, &1_u32.to_le_bytes())).contains("unpacks to"));
    assert!(matches!(
        Manifest::parse(&with(24, &u32::MAX.to_le_bytes())),
        Err(ManifestError::TooLarge { .. })
    ));
    let unbundled = Parts { files: vec![(0, vec![77])], ..Parts::default() };
    assert!(error(&assemble(&unbundled)).contains("000000000000004D is in no bundle"));
}

/// A small body whose thousand bundles are one and the same, of a thousand chunks that are one and the same.
#[test]
fn a_body_cannot_describe_more_than_it_has_room_for() {
    let mut out = Writer(vec![0; 4]);
    let (root, fields) = out.table(&[Field::Offset, Field::Absent, Field::Absent]);
    out.point(0, root);
    let bundles = out.offsets(fields[0], 1000);
    let (bundle, chunks) = out.table(&[Field::U64(1), Field::Offset]);
    for place in bundles {
        out.point(place, bundle);
    }
    let places = out.offsets(chunks[0], 1000);
    let (chunk, _) = out.table(&[Field::U64(1)]);
    for place in places {
        out.point(place, chunk);
    }
    let error = Manifest::parse(&around(1, &out.0)).unwrap_err();
    assert!(error.to_string().contains("do not fit"), "{error}");
}

// ---- counting

fn parts() -> impl Strategy<Value = Parts> {
    let bundles = prop::collection::vec(prop::collection::vec(0_u64..20, 0..6), 0..5);
    let file = (0_u64..16, prop::collection::vec(any::<prop::sample::Index>(), 0..6));
    (bundles, prop::collection::vec(file, 0..12)).prop_map(|(bundles, files)| {
        // A chunk is the same wherever it is.
        let row = |id: u64| (id, u32::try_from(id * id + 1).unwrap(), u32::try_from(id * 100).unwrap());
        let known: Vec<u64> = bundles.iter().flatten().copied().collect();
        let pick = |index: prop::sample::Index| known.get(index.index(known.len().max(1))).copied();
        Parts {
            id: 1,
            bundles: bundles.iter().map(|ids| ids.iter().copied().map(row).collect()).collect(),
            tags: vec![(1, "en_US"), (2, "de_DE"), (3, "windows"), (4, "macos")],
            files: files
                .into_iter()
                .map(|(tags, ids)| (tags, ids.into_iter().filter_map(pick).collect()))
                .collect(),
        }
    })
}

/// The chunks of a device, said without bits.
fn naive(parts: &Parts, device: &Device) -> BTreeSet<u64> {
    let named =
        |tags: u64| parts.tags.iter().filter(move |(id, _)| tags >> (id - 1) & 1 == 1).map(|(_, name)| *name);
    let allows = |tags: u64, group: [&str; 2], own: &str| {
        let of_group: Vec<_> = named(tags).filter(|name| group.contains(name)).collect();
        of_group.is_empty() || of_group.contains(&own)
    };
    let files = parts.files.iter().filter(|(tags, _)| {
        allows(*tags, ["en_US", "de_DE"], &device.locale)
            && allows(*tags, ["windows", "macos"], &device.platform)
    });
    files.flat_map(|(_, chunks)| chunks.iter().copied()).collect()
}

proptest! {
    #[test]
    fn an_update_is_the_difference_of_two_sets(old in parts(), new in parts(), german: bool) {
        let locale = if german { "de_DE" } else { "en_US" };
        let device = Device { locale: locale.into(), ..Device::default() };
        let wire = |ids: &mut dyn Iterator<Item = u64>| ids.map(|id| id * id + 1).sum::<u64>();
        let (has, wants) = (naive(&old, &device), naive(&new, &device));
        let read = |parts: &Parts| Manifest::parse(&assemble(parts)).unwrap();
        prop_assert_eq!(read(&new).install_bytes(&device), wire(&mut wants.iter().copied()));
        let missing = wire(&mut wants.difference(&has).copied());
        prop_assert_eq!(read(&new).update_bytes(&read(&old), &device), missing);
    }

    #[test]
    fn mutated_bodies_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let mut bytes = body(&manifests()["6A3E000000000002.manifest"]);
        for (place, value, kind) in edits {
            let at = place.index(bytes.len().max(1));
            match kind {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = value,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, value),
                _ => { bytes.remove(at); }
            }
        }
        if let Ok(manifest) = Manifest::parse(&around(1, &bytes)) {
            manifest.install_bytes(&Device::default());
            manifest.update_bytes(&manifest, &Device::default());
        }
    }

    #[test]
    fn mutated_files_never_panic(place: prop::sample::Index, value: u8) {
        let mut bytes = assemble(&manifests()["6A3E000000000002.manifest"]);
        let at = place.index(bytes.len());
        bytes[at] ^= value;
        drop(Manifest::parse(&bytes));
        drop(Manifest::parse(&bytes[..at]));
    }
}

// ---- from end to end

#[test]
fn a_refresh_of_a_title_with_two_manifests_as_documented() {
    let mut known = ListingRef::new("league_of_legends");
    let before = "C11E000000000001+6A3E000000000001";
    known.build = Some(Build { id: before.into(), version: None, live_at: None });
    let seen = run(Riot.refresh(&replay(), &known)).unwrap();
    assert_eq!(seen.title.as_deref(), Some("League of Legends"));
    let current = &seen.listing.build.as_ref().unwrap().value;
    assert_eq!(current.id, "C11E000000000001+6A3E000000000002");
    assert_eq!(current.version.as_deref(), Some("16.17.8104348"));
    let sizes = seen.listing.sizes.iter().map(|size| {
        (size.variant.as_deref(), size.wire_bytes.as_ref().unwrap().value.high.0 / u64::from(MB))
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [(None, 300 + 995), (Some("german"), 300 + 1_015)]);
    // 16.9 comes before 16.17, and 16.18 has no address yet.
    let versions: Vec<_> = seen.builds.iter().map(|build| build.build.version.as_deref().unwrap()).collect();
    assert_eq!(versions, ["16.9.7000000", "16.17.8104348"]);
    assert!(seen.builds.iter().all(|build| build.region == Region::WORLD));
    assert_eq!(seen.builds[1].build.live_at.unwrap().to_rfc3339(), "2026-08-25T09:30:00+00:00");
    let bytes = ByteRange::exactly(Bytes(40_000_000));
    assert_eq!(seen.builds[1].update, Some(UpdateSize { from: before.into(), wire_bytes: bytes }));
    assert_eq!(seen.builds[0].update, None);
}

#[test]
fn a_refresh_of_a_title_with_regions_as_documented() {
    let seen = run(Riot.refresh(&replay(), &ListingRef::new("valorant"))).unwrap();
    let builds: Vec<_> =
        seen.builds.iter().map(|build| (build.region.as_str(), build.build.id.as_str())).collect();
    assert_eq!(builds, [("US", "7A10000000000001"), ("EU", "7A10000000000001"), ("KR", "7A10000000000002")]);
    assert_eq!(seen.listing.sizes[0].wire_bytes.as_ref().unwrap().value.high, Bytes(300_000_000));
    assert_eq!(seen.listing.build.unwrap().value.version, None);
}

#[test]
fn builds_of_another_form_give_no_update() {
    for id in ["16.9", "6A3E000000000001", "../x+../y", "+", "C11E000000000001+6A3E0000000000FF"] {
        let mut known = ListingRef::new("league_of_legends");
        known.build = Some(Build { id: id.into(), version: None, live_at: None });
        let seen = run(Riot.refresh(&replay(), &known)).unwrap();
        assert!(seen.builds.iter().all(|build| build.update.is_none()), "{id}");
    }
}

#[test]
fn discover_and_delivery_as_documented() {
    let now = "2026-09-01T00:00:00Z".parse().unwrap();
    let query = Discover { now, from: now, until: now, region: Region::WORLD, cursor: None };
    let page = run(Riot.discover(&replay(), &query)).unwrap();
    let titles: Vec<_> = page.items.iter().map(|item| item.title.as_deref().unwrap()).collect();
    assert_eq!(titles, ["League of Legends", "VALORANT"]);

    let from = |region: &str| Vantage { region: region.parse().unwrap(), address: None };
    let world = run(Riot.delivery(&replay(), &from("world"))).unwrap();
    assert!(world.iter().all(|assertion| assertion.check().is_empty()), "{world:?}");
    let hosts: BTreeSet<_> = world.iter().map(|a| a.host.as_ref().unwrap().as_str()).collect();
    assert_eq!(hosts, BTreeSet::from(["lol.secure.dyn.riotcdn.net", "valorant.dyn.riotcdn.net"]));
    // Korea has a row of its own; nobody says which countries "ap" is.
    let korea = run(Riot.delivery(&replay(), &from("KR"))).unwrap();
    let regions: Vec<_> = korea.iter().map(|a| a.region.as_ref().map(Region::as_str)).collect();
    assert_eq!(regions, [None, Some("KR")]);
}

#[test]
fn unknown_titles_are_not_found() {
    for id in ["nosuch", "", "bacon", "a.b"] {
        let error = run(Riot.refresh(&replay(), &ListingRef::new(id))).unwrap_err();
        assert!(matches!(&error, PlatformError::NotFound { id: found, .. } if found == id), "{error}");
    }
}

type Change = fn(&[u8]) -> Vec<u8>;

#[test]
fn broken_answers_are_typed_errors() {
    for name in
        ["patchlines_league_of_legends.json", "version_set_lol_EUW1.json", "6A3E000000000002.manifest"]
    {
        let bodies: [Change; 3] =
            [|_| b"<html>503</html>".to_vec(), |_| Vec::new(), |body| body[..body.len() / 2].to_vec()];
        for change in bodies {
            let mut exchanges = cassette::load(&folder()).unwrap();
            for exchange in &mut exchanges {
                if exchange.body_file.as_ref().is_some_and(|file| file.ends_with(name)) {
                    exchange.response.body = change(&exchange.response.body).into();
                }
            }
            let up = Replay::new(exchanges).unwrap();
            let error = run(Riot.refresh(&up, &ListingRef::new("league_of_legends"))).unwrap_err();
            assert!(matches!(error, PlatformError::Malformed { .. }), "{name}: {error}");
        }
    }
}
