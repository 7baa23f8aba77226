use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use traffix_core::catalogue::{Build, ByteRange, Content, Region};
use traffix_core::delivery::CdnId;

use super::assemble::{self, File, file};
use super::*;
use crate::testing::run;
use crate::upstream::{Replay, UpstreamError, cassette};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/battlenet/fixtures")
}

fn recorded(name: &str) -> bytes::Bytes {
    std::fs::read(folder().join(name)).unwrap().into()
}

fn recorded_text(name: &str) -> String {
    String::from_utf8(recorded(name).to_vec()).unwrap()
}

fn download() -> DownloadManifest {
    DownloadManifest::parse(recorded("download_manifest_wow_classic_era_100entries.bin")).unwrap()
}

// ---- what was recorded

#[test]
fn recorded_versions_name_a_build_per_region() {
    let versions = Versions::parse(&recorded_text("versions_wow_9.0.1.36492.bpsv")).unwrap();
    assert_eq!(versions.seqn, Some(368_195));
    let regions: Vec<_> = versions.rows.iter().map(|row| row.region.as_str()).collect();
    assert_eq!(regions, ["us", "eu", "cn", "kr", "tw", "sg", "xx"]);
    let us = versions.of("us").unwrap();
    assert_eq!(us.build_config.to_string(), "182e7cb818234be6120464bc7cf1f112");
    assert_eq!(us.cdn_config.unwrap().to_string(), "d89dae7fb619b4fd43e35afe6f334193");
    assert_eq!((us.build_id, us.name.as_deref()), (Some(36492), Some("9.0.1.36492")));
}

#[test]
fn recorded_cdns_name_hosts_and_fallbacks_per_region() {
    let cdns = Cdns::parse(&recorded_text("cdns_wow.bpsv")).unwrap();
    assert_eq!((cdns.seqn, cdns.rows.len()), (Some(10114), 5));
    let eu = cdns.of("eu").unwrap();
    assert_eq!(eu.path, "tpr/wow");
    assert_eq!(eu.hosts, ["blzddist1-a.akamaihd.net", "level3.blizzard.com", "edgecast.blizzard.com"]);
    // The first host is a fallback over HTTPS only: over HTTP a client uses it from the start.
    assert!(eu.fallbacks.is_empty());
    assert_eq!(cdns.of("cn").unwrap().hosts.len(), 5);
}

#[test]
fn fallbacks_are_told_apart_as_documented() {
    let text = "Name!STRING:0|Path!STRING:0|Hosts!STRING:0|Servers!STRING:0|ConfigPath!STRING:0\n\
        us|tpr/wow|level3.blizzard.com|http://level3.blizzard.com/?maxhosts=4 \
        https://us.cdn.blizzard.com/?fallback=1&maxhosts=4|tpr/configs/data\n";
    let cdns = Cdns::parse(text).unwrap();
    assert_eq!(cdns.rows[0].hosts, ["level3.blizzard.com", "us.cdn.blizzard.com"]);
    assert_eq!(cdns.rows[0].fallbacks, ["us.cdn.blizzard.com"]);
}

#[test]
fn recorded_summary_tells_which_products_moved() {
    let summary = Summary::parse(&recorded_text("summary_2026-09.bpsv")).unwrap();
    assert_eq!((summary.seqn, summary.rows.len(), summary.products().len()), (Some(4_027_205), 16, 10));
    let moved: Vec<_> = summary.moved_since(4_026_308).iter().map(|row| row.product.as_str()).collect();
    assert_eq!(moved, ["wow_classic", "wow_anniversary", "wow_classic_era", "wow"]);
    assert!(summary.has("zeus", ProductTable::Cdns) && !summary.has("zeus", ProductTable::Versions));
}

#[test]
fn recorded_build_configs_are_named_by_their_digest_and_list_manifests() {
    let text = recorded_text("buildconfig_wow_classic_era_1.15.8.65989.txt");
    assert_eq!(ConfigKey::of(text.as_bytes()).to_string(), "903cc3552ca1075d5bdc264eab8e2480");
    let build = BuildConfig::parse(&text).unwrap();
    assert_eq!(build.name.as_deref(), Some("WOW-65989patch1.15.8_ClassicRetail"));
    assert_eq!(build.product.as_deref(), Some("wow_classic_era"));
    let download = build.download.unwrap();
    assert_eq!(download.encoding.unwrap().to_string(), "610f7a93278c91a196425539fd3056f5");
    assert_eq!((download.decoded_bytes, download.encoded_bytes), (Some(5_617_294), Some(4_827_335)));
    assert_eq!(build.patch_bytes, Some(9_901));

    let text = recorded_text("buildconfig_wow_12.0.1.66066.txt");
    assert_eq!(ConfigKey::of(text.as_bytes()).to_string(), "7b498dd7e196bf4161d631064f617189");
    let build = BuildConfig::parse(&text).unwrap();
    assert_eq!(build.encoding.unwrap().encoded_bytes, Some(182_809_123));
    let config = Config::parse(&text).unwrap();
    assert_eq!(config.keys().filter(|key| key.starts_with("vfs-") && !key.ends_with("-size")).count(), 868);
    assert_eq!(config.words("build-partial-priority").len(), 14);
}

#[test]
fn cdn_configs_list_archives_as_documented() {
    let text = "# CDN Configuration\n\narchives = 00aa63ed9a6b3f4ba2a1a9ee4a8e4f0e 0a1b2c3d4e5f60718293a4b5c6d7e8f9\n\
        archives-index-size = 21388 4096\nbuilds = 182e7cb818234be6120464bc7cf1f112\n";
    let config = CdnConfig::parse(text).unwrap();
    assert_eq!((config.archives.len(), config.archives_index_bytes), (2, vec![21388, 4096]));
    assert!(config.patch_archives.is_empty() && config.builds.len() == 1);
    assert!(CdnConfig::parse("archives = x").is_err());
}

#[test]
fn recorded_download_manifest_sums_by_tag() {
    let manifest = download();
    assert_eq!((manifest.len(), manifest.tags().iter().count()), (100, 29));
    assert_eq!(manifest.entries().map(|file| file.wire_bytes).sum::<u64>(), 3_498_368);
    assert!(manifest.entries().all(|file| file.priority == 0));
    let first = manifest.entries().next().unwrap();
    assert_eq!((first.key.to_string().as_str(), first.wire_bytes), ("cfd185cba388bcf15d390d6f0c8a25a0", 250));

    let device = Device::default();
    assert_eq!(delta::install_bytes(&manifest, &device), 152_268);
    assert_eq!(delta::playable_bytes(&manifest, &device), 152_268);
    assert_eq!(delta::install_bytes(&manifest, &device.clone().in_locale("deDE")), 834_599);
    // Region and case do not matter here, nor does a tag that the manifest lacks.
    let odd =
        Device { region: "eu".into(), platform: "windows".into(), architecture: "vax".into(), ..device };
    assert_eq!(delta::install_bytes(&manifest, &odd), 152_268);
    assert_eq!(manifest.tags().locales().count(), 10);
}

#[test]
fn recorded_install_manifest_lists_plain_files() {
    let manifest = InstallManifest::parse(&recorded("install_manifest_wow_classic_4.4.0.bin")).unwrap();
    assert_eq!((manifest.tags.iter().count(), manifest.files.len()), (27, 182));
    assert_eq!(manifest.files[0].path, "Utils\\icudtl.dat");
    assert_eq!(manifest.files[0].disk_bytes, 10_505_952);
    assert_eq!(manifest.files.iter().map(|file| u64::from(file.disk_bytes)).sum::<u64>(), 596_017_452);
    assert_eq!(manifest.tags.files_for(&Device::default()).len(), 34);
    assert_eq!(manifest.disk_bytes(&Device::default()), 237_808_444);
}

#[test]
fn recorded_encoding_table_is_read_and_searched() {
    let table = EncodingTable::parse(recorded("encoding_wow_classic_era_2pages.bin")).unwrap();
    assert_eq!((table.contents().count(), table.encodings().count()), (214, 326));
    assert_eq!(table.contents().map(|row| row.decoded_bytes).sum::<u64>(), 12_802_050);
    assert_eq!(table.encodings().map(|row| row.wire_bytes).sum::<u64>(), 31_998_231);
    let entry = table.content("0001187a74272951b46d3509798bb03c".parse().unwrap()).unwrap();
    assert_eq!(entry.decoded_bytes, 88_554);
    assert_eq!(entry.encodings().next().unwrap().to_string(), "fffea9bfffc7b960616ca23ed9b34577");
    let file = table.encoding("000064541d76294e0164777574c40f07".parse().unwrap()).unwrap();
    assert_eq!(file.wire_bytes, 2_818);
    assert!(table.packing(file.packing).unwrap().starts_with("b:{"));
    // Every key is found by looking it up, and only those that are there.
    assert!(table.contents().all(|row| table.content(row.key) == Some(row)));
    assert!(table.encodings().all(|row| table.encoding(row.key) == Some(row)));
    assert_eq!(table.content(ContentKey::from_prefix(&[0])), None);
    assert_eq!(table.content(ContentKey::from_prefix(&[0xff; 16])), None);
}

#[test]
fn recorded_patch_manifest_pairs_old_files_with_new_ones() {
    let manifest = PatchManifest::parse(&recorded("patch_manifest_pa.bin")).unwrap();
    // The name under which it was recorded.
    assert_eq!(manifest.key.to_string(), "071290388e1f3b898157c372f03bc435");
    let patches = || manifest.files.iter().flat_map(|file| &file.patches);
    assert_eq!((manifest.files.len(), patches().count()), (19, 51));
    assert_eq!(patches().map(|patch| patch.wire_bytes).sum::<u64>(), 225_284);
    let first = &manifest.files[0];
    assert_eq!(first.content.to_string(), "04e7bf3a3cf218d0d57914b125c21cab");
    assert_eq!((first.decoded_bytes, first.patches[0].from_decoded_bytes), (165_630, 157_024));
    assert_eq!(first.patches[0].wire_bytes, 10_224);
}

// ---- what is documented

#[test]
fn later_versions_of_the_download_manifest_as_documented() {
    let files = [file("a", 7, 0, &["Windows"]), file("b", 1 << 33, 2, &["Windows", "enUS"])];
    for version in 1..=3 {
        let manifest = DownloadManifest::parse(assemble::download(version, &files).into()).unwrap();
        let read: Vec<_> = manifest.entries().map(|file| (file.wire_bytes, file.priority)).collect();
        assert_eq!(read, [(7, 0), (1 << 33, 2)], "version {version}");
        assert_eq!(manifest.tags().get("Windows").unwrap().files().len(), 2);
    }
    let mut wrong = assemble::download(1, &files);
    wrong[2] = 4;
    assert!(DownloadManifest::parse(wrong.into()).is_err());
}

#[test]
fn size_manifests_as_documented() {
    let everyone = ["Windows", "x86_64", "deDE", "enUS", "EU", "US"];
    let files = [file("a", 7, 0, &everyone), file("b", 9, 0, &["OSX"])];
    let bytes = assemble::size(&files);
    let manifest = SizeManifest::parse(&bytes).unwrap();
    assert_eq!((manifest.total_bytes, manifest.bytes_for(&Device::default())), (16, 7));
    assert_eq!(size::total_bytes(&bytes).unwrap(), 16);
    // The older description: flags, width of keys in bits, total of 64 bits, width of sizes.
    let older = b"DS\x01\0\0\0\0\0\0\x48\0\0\0\x01\0\0\0\x02\x04";
    assert_eq!(size::total_bytes(older).unwrap(), (1 << 32) + 2);
    let mut wrong = bytes;
    *wrong.last_mut().unwrap() += 1;
    assert!(matches!(SizeManifest::parse(&wrong), Err(TactError::Malformed { .. })));
}

#[test]
fn blte_modes_as_documented() {
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&[7; 5000]).unwrap();
    let zlib = zlib.finish().unwrap();
    let two = assemble::blte(&[(b'N', b"plain", 5), (b'Z', &zlib, 5000)]);
    let unpacked = blte::decode(&two, 5005).unwrap();
    assert_eq!((unpacked.len(), &unpacked[..5], &unpacked[5..7]), (5005, &b"plain"[..], &[7, 7][..]));

    let error = |mode, data: &[u8], unpacked| {
        blte::decode(&assemble::blte(&[(mode, data, unpacked)]), 5000).unwrap_err()
    };
    assert_eq!(error(b'E', b"\x08", 5), TactError::Encrypted { chunk: 0 });
    assert_eq!(error(b'4', b"\x08", 5), TactError::UnsupportedMode { chunk: 0, mode: '4' });
    assert_eq!(error(b'F', b"BLTE\0\0\0\0N", 5), TactError::UnsupportedMode { chunk: 0, mode: 'F' });
    assert!(matches!(error(b'X', b"", 0), TactError::Malformed { .. }));
    assert_eq!(error(b'N', b"", 5001), TactError::TooLarge { limit_bytes: 5000 });
    // A chunk that unpacks to more or less than it says.
    assert!(matches!(error(b'Z', &zlib, 4999), TactError::TooLarge { .. }));
    assert!(matches!(error(b'N', b"abc", 4), TactError::Malformed { .. }));

    let mut wrong = two.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(
        blte::decode(&wrong, 5005).unwrap_err(),
        TactError::Digest { what: "BLTE", part: "chunk 1".into() }
    );
    assert!(matches!(blte::decode(&two[..40], 5005), Err(TactError::Truncated { .. })));
    assert!(blte::decode(b"<html>", 5).unwrap_err().to_string().contains("starts with \"<htm\""));
}

#[test]
fn a_container_is_named_by_its_header() {
    let (key, mut packed) = assemble::packed(&[1; 250]);
    assert_eq!(blte::verify(&packed, key), Ok(()));
    packed[30] ^= 1;
    assert!(matches!(blte::verify(&packed, key), Err(TactError::Digest { .. })));
    let single = b"BLTE\0\0\0\0Nhello";
    assert_eq!(blte::verify(single, EncodingKey::of(single)), Ok(()));
}

// ---- counting

/// A build of a few files out of few keys, so that builds overlap.
fn build() -> impl Strategy<Value = Vec<File>> {
    let tags = proptest::sample::subsequence(assemble::TAGS.map(|(name, _)| name).to_vec(), 0..=8);
    // Prefixes of keys collide often, so that groups of the set fill up.
    let file =
        (0_u8..3, 0_u8..8, 0_u64..1 << 40, -3_i8..4, tags).prop_map(|(high, low, bytes, priority, tags)| {
            let mut key = [0; 16];
            (key[0], key[15]) = (high * 100, low);
            File { key, wire_bytes: bytes, priority, tags }
        });
    proptest::collection::vec(file, 0..40)
}

fn device() -> impl Strategy<Value = Device> {
    (0_usize..3, 0_usize..3).prop_map(|(locale, platform)| {
        Device::default().in_locale(["enUS", "deDE", "xxXX"][locale]).on(["Windows", "OSX", "PS5"][platform])
    })
}

/// Whether a file is for a device, said without bitmaps.
fn is_for(file: &File, device: &Device) -> bool {
    let names = [&device.platform, &device.architecture, &device.locale, &device.region];
    let known = names.into_iter().filter(|name| assemble::TAGS.iter().any(|(tag, _)| tag == name));
    known.into_iter().all(|name| file.tags.contains(&name.as_str()))
}

proptest! {
    #[test]
    fn an_update_is_the_difference_of_two_sets(
        old in build(), new in build(), device in device(), version in 1_u8..=3,
    ) {
        let read = |files: &[File]| DownloadManifest::parse(assemble::download(version, files).into()).unwrap();
        let has: BTreeSet<_> = old.iter().filter(|file| is_for(file, &device)).map(|file| file.key).collect();
        let mine = || new.iter().filter(|file| is_for(file, &device));
        let naive: u64 = mine().filter(|file| !has.contains(&file.key)).map(|file| file.wire_bytes).sum();
        prop_assert_eq!(delta::update_bytes(&read(&old), &read(&new), &device), naive);
        prop_assert_eq!(delta::install_bytes(&read(&new), &device), mine().map(|file| file.wire_bytes).sum::<u64>());
        let playable = mine().filter(|file| file.priority <= 1).map(|file| file.wire_bytes).sum::<u64>();
        prop_assert_eq!(delta::playable_bytes(&read(&new), &device), playable);
        // Who has nothing downloads everything; who has it all, nothing.
        prop_assert_eq!(delta::update_bytes(&read(&[]), &read(&new), &device), delta::install_bytes(&read(&new), &device));
        prop_assert_eq!(delta::update_bytes(&read(&new), &read(&new), &device), 0);
    }
}

#[test]
fn patches_lower_an_update() {
    let everyone = ["Windows", "x86_64", "enUS", "US"];
    let key = |name: &str| EncodingKey::of(name.as_bytes());
    let content = |name: &str| ContentKey::of(name.as_bytes());
    let old = assemble::download(1, &[file("a1", 100, 0, &everyone), file("same", 50, 0, &everyone)]);
    let new = assemble::download(
        1,
        &[file("a2", 110, 0, &everyone), file("same", 50, 0, &everyone), file("new", 30, 0, &everyone)],
    );
    let (old, new) =
        (DownloadManifest::parse(old.into()).unwrap(), DownloadManifest::parse(new.into()).unwrap());
    let device = Device::default();
    assert_eq!(delta::update_bytes(&old, &new, &device), 140);

    let ways: &[_] = &[(key("a0"), 1), (key("a1"), 20), (key("same"), 25)];
    let (_, patches) = assemble::patches(&[(content("a"), 120, ways), (content("b"), 9, &[(key("b1"), 1)])]);
    let patches = PatchManifest::parse(&patches).unwrap();
    let encoding =
        assemble::encoding(&[(content("a"), 120, key("a2"), 110), (content("n"), 40, key("new"), 30)]);
    let encoding = EncodingTable::parse(encoding.into()).unwrap();
    let exact = |bytes| ByteRange::exactly(Bytes(bytes));
    // a2 is made from a1 by 20 bytes: there is no a0, and 25 is more.
    assert_eq!(delta::patched_update_bytes(&old, &new, &device, &patches, Some(&encoding)), exact(50));
    // Without the table: at most 120 - 20 bytes are saved.
    let bounds = delta::patched_update_bytes(&old, &new, &device, &patches, None);
    assert_eq!(bounds, ByteRange::new(Bytes(40), Bytes(140)));
}

// ---- from end to end

/// A title with three builds: one that players have, one that is live, one that is downloaded ahead.
struct Title {
    files: Vec<(String, Vec<u8>)>,
    exchanges: Vec<(String, String)>,
    configs: Vec<ConfigKey>,
}

impl Title {
    const HOST: &str = "http://level3.blizzard.com/tpr/fenris";

    fn assemble() -> Self {
        let mut title = Self { files: Vec::new(), exchanges: Vec::new(), configs: Vec::new() };
        let everyone = ["Windows", "x86_64", "deDE", "enUS", "EU", "US"];
        let mac = ["OSX", "arm64", "deDE", "enUS", "EU", "US"];
        let base = [
            file("engine 1", 400_000_000, 0, &everyone),
            file("world", 60_000_000_000, 2, &[&everyone[..], &mac[..2]].concat()),
            file("german voices", 3_000_000_000, 2, &["Windows", "x86_64", "deDE", "EU", "US"]),
            file("engine for macs", 300_000_000, 0, &mac),
        ];
        let mut live = base.to_vec();
        live[0] = file("engine 2", 410_000_000, 0, &everyone);
        live.push(file("event", 1_500_000_000, 1, &everyone));
        let mut ahead = live.clone();
        ahead.push(file("season", 9_000_000_000, 2, &everyone));
        title.build("a", &base, None);
        title.build("b", &live, Some(("engine 1", "engine 2", 25_000_000)));
        title.build("c", &ahead, None);
        title.tables();
        title
    }

    fn add(&mut self, name: String, address: String, bytes: Vec<u8>) {
        self.exchanges.push((address, name.clone()));
        self.files.push((name, bytes));
    }

    fn build(&mut self, name: &str, files: &[File], patch: Option<(&str, &str, u64)>) {
        let mut text = format!("# Build Configuration\n\nbuild-name = {name}\nbuild-uid = fenris\n");
        let manifest = assemble::download(3, files);
        self.manifest("download", name, &manifest, &mut text);
        if let Some((old, new, wire_bytes)) = patch {
            let (content, old) = (ContentKey::of(new.as_bytes()), EncodingKey::of(old.as_bytes()));
            let table =
                assemble::encoding(&[(content, 900_000_000, EncodingKey::of(new.as_bytes()), 410_000_000)]);
            self.manifest("encoding", name, &table, &mut text);
            let (key, patches) = assemble::patches(&[(content, 900_000_000, &[(old, wire_bytes)])]);
            writeln!(text, "patch = {key}\npatch-size = {}", patches.len()).unwrap();
            self.add(format!("fenris_{name}_patch.bin"), address("patch", &key.to_string()), patches);
        }
        let key = ConfigKey::of(text.as_bytes());
        self.configs.push(key);
        self.add(format!("fenris_{name}_build.txt"), address("config", &key.to_string()), text.into());
    }

    fn manifest(&mut self, kind: &str, name: &str, manifest: &[u8], config: &mut String) {
        let (key, packed) = assemble::packed(manifest);
        let content = ContentKey::of(manifest);
        writeln!(config, "{kind} = {content} {key}\n{kind}-size = {} {}", manifest.len(), packed.len())
            .unwrap();
        self.add(format!("fenris_{name}_{kind}.bin"), address("data", &key.to_string()), packed);
    }

    fn tables(&mut self) {
        let columns = "Region!STRING:0|BuildConfig!HEX:16|CDNConfig!HEX:16|KeyRing!HEX:16|BuildId!DEC:4|VersionsName!String:0|ProductConfig!HEX:16\n";
        let row = |region: &str, build: &ConfigKey, number: u32| {
            format!("{region}|{build}|||{number}|2.5.0.{number}|\n")
        };
        let [a, b, c] = self.configs[..] else { panic!("three builds") };
        // China still has the older build.
        let live = [row("us", &b, 70_002), row("eu", &b, 70_002), row("cn", &a, 70_001)].concat();
        let ahead = [row("us", &c, 70_003), row("eu", &c, 70_003), row("cn", &a, 70_001)].concat();
        let cdns = "Name!STRING:0|Path!STRING:0|Hosts!STRING:0|Servers!STRING:0|ConfigPath!STRING:0\n## seqn = 3\n\
            us|tpr/fenris|level3.blizzard.com us.cdn.blizzard.com|http://level3.blizzard.com/?maxhosts=4|tpr/configs/data\n";
        let base = "https://us.version.battle.net/v2/products/fenris";
        let tables = [("versions", live, 5), ("bgdl", ahead, 6)];
        for (name, rows, seqn) in tables {
            let text = format!("{columns}## seqn = {seqn}\n{rows}");
            self.add(format!("fenris_{name}.bpsv"), format!("{base}/{name}"), text.into());
        }
        self.add("fenris_cdns.bpsv".into(), format!("{base}/cdns"), cdns.into());
    }
}

fn address(kind: &str, key: &str) -> String {
    format!("{}/{kind}/{}/{}/{key}", Title::HOST, &key[..2], &key[2..4])
}

/// The assembled files lie in the folder of recordings, where everybody can look at them.
/// `UPDATE_FIXTURES=1 cargo test -p traffix-platforms --lib battlenet` writes them anew.
#[test]
fn the_assembled_title_is_the_one_in_the_folder() {
    let title = Title::assemble();
    for (name, bytes) in &title.files {
        let path = folder().join(name);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, bytes).unwrap();
        }
        assert_eq!(&std::fs::read(&path).unwrap(), bytes, "{name}");
    }
    let listed = cassette::load(&folder()).unwrap();
    let is_listed = |address: &str, name: &str| {
        let found = listed.iter().find(|exchange| exchange.url.as_str() == address);
        found.and_then(|exchange| exchange.body_file.as_ref()).is_some_and(|file| file.ends_with(name))
    };
    let lacking = title.exchanges.iter().filter(|(address, name)| !is_listed(address, name));
    let lacking: Vec<_> = lacking
        .map(|(address, name)| format!("[[exchange]]\nurl = \"{address}\"\nbody = \"{name}\""))
        .collect();
    assert!(lacking.is_empty(), "cassette.toml lacks\n{}", lacking.join("\n\n"));
}

fn replay() -> Replay {
    Replay::open(folder()).unwrap()
}

#[test]
fn a_refresh_counts_bytes_and_lists_builds() {
    let title = Title::assemble();
    let [a, b, c] = [0, 1, 2].map(|index: usize| title.configs[index].to_string());
    let mut known = ListingRef::new("fenris");
    known.build = Some(Build { id: a.clone(), version: None, live_at: None });
    let seen = run(Battlenet.refresh(&replay(), &known)).unwrap();
    assert_eq!((seen.title.as_deref(), seen.content), (Some("Diablo IV"), Content::Game));
    let sizes: Vec<_> = seen
        .listing
        .sizes
        .iter()
        .map(|size| (size.variant.as_deref(), size.wire_bytes.as_ref().unwrap().value.high.0))
        .collect();
    assert_eq!(
        sizes,
        [
            (None, 61_910_000_000),
            (Some("playable part"), 1_910_000_000),
            (Some("german"), 64_910_000_000),
            (Some("macos"), 60_300_000_000),
        ]
    );
    let current = seen.listing.build.as_ref().unwrap();
    assert_eq!((&current.value.id, current.value.version.as_deref()), (&b, Some("2.5.0.70002")));

    let builds: Vec<_> = seen
        .builds
        .iter()
        .map(|build| (build.build.id.as_str(), build.region.as_str(), build.preload_at.is_some()))
        .collect();
    let expected =
        [(a.as_str(), "CN", false), (&b, "US", false), (&b, "EU", false), (&c, "US", true), (&c, "EU", true)];
    assert_eq!(builds, expected);
    // The live build: the event, and 25 MB that patch the engine. The next one: the season.
    let update = |index: usize| seen.builds[index].update.clone().unwrap();
    assert_eq!(
        update(1),
        UpdateSize { from: a.clone(), wire_bytes: ByteRange::exactly(Bytes(1_525_000_000)) }
    );
    assert_eq!(
        update(3),
        UpdateSize { from: b.clone(), wire_bytes: ByteRange::exactly(Bytes(9_000_000_000)) }
    );
    assert_eq!(seen.builds[0].update, None);
}

#[test]
fn a_build_that_is_not_known_or_gone_gives_no_update() {
    let title = Title::assemble();
    for id in ["70001".to_owned(), title.configs[1].to_string(), "00".repeat(16)] {
        let mut known = ListingRef::new("fenris");
        known.build = Some(Build { id: id.clone(), version: None, live_at: None });
        let seen = run(Battlenet.refresh(&replay(), &known)).unwrap();
        assert!(
            seen.builds.iter().filter(|build| build.preload_at.is_none()).all(|build| build.update.is_none()),
            "{id}"
        );
    }
}

#[test]
fn discover_lists_products_with_titles_where_they_are_known() {
    let now = "2026-09-19T00:00:00Z".parse().unwrap();
    let query = Discover { now, from: now, until: now, region: Region::WORLD, cursor: None };
    let page = run(Battlenet.discover(&replay(), &query)).unwrap();
    assert_eq!((page.items.len(), page.next), (10, None));
    let item = |code: &str| {
        page.items.iter().find(|item| item.listing.external_id.as_deref() == Some(code)).unwrap()
    };
    assert_eq!(item("wow").title.as_deref(), Some("World of Warcraft"));
    assert_eq!(item("agent").content, Content::App);
    assert_eq!(item("wowf").title, None);
    assert_eq!(item("zeus").evidence.note.as_deref(), Some("CDNs are assigned, no build is live"));
}

#[test]
fn delivery_names_the_hosts_of_a_region() {
    let from = |region: &str| Vantage { region: region.parse().unwrap(), address: None };
    let world = run(Battlenet.delivery(&replay(), &from("world"))).unwrap();
    assert_eq!(world.len(), 3 + 3 + 5 + 3 + 3);
    assert!(world.iter().all(|assertion| assertion.check().is_empty()), "{world:?}");
    let korea = run(Battlenet.delivery(&replay(), &from("KR"))).unwrap();
    let hosts: Vec<_> = korea
        .iter()
        .map(|a| (a.host.as_ref().unwrap().as_str(), a.cdn.as_ref().map(CdnId::as_str)))
        .collect();
    let akamai = Some("akamai");
    assert_eq!(
        hosts,
        [
            ("blzddist1-a.akamaihd.net", akamai),
            ("blzddistkr1-a.akamaihd.net", akamai),
            ("blizzard.nefficient.co.kr", None)
        ]
    );
}

#[test]
fn unknown_products_are_not_found_and_odd_codes_are_not_sent() {
    for code in ["nosuch", "", "../wow", "wow?x"] {
        let error = run(Battlenet.refresh(&replay(), &ListingRef::new(code))).unwrap_err();
        assert!(matches!(&error, PlatformError::NotFound { id, .. } if id == code), "{error}");
    }
}

/// Answers of the folder with one of them changed.
fn replay_with(name: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Replay {
    let mut exchanges = cassette::load(&folder()).unwrap();
    for exchange in &mut exchanges {
        if exchange.body_file.as_ref().is_some_and(|file| file.ends_with(name)) {
            exchange.response.body = change(&exchange.response.body).into();
        }
    }
    Replay::new(exchanges).unwrap()
}

#[test]
fn broken_answers_are_typed_errors() {
    let known = ListingRef::new("fenris");
    for name in [
        "fenris_versions.bpsv",
        "fenris_cdns.bpsv",
        "fenris_b_build.txt",
        "fenris_b_download.bin",
        "fenris_c_download.bin",
    ] {
        let html = |_: &[u8]| b"<html>503</html>".to_vec();
        let empty = |_: &[u8]| Vec::new();
        let cut = |body: &[u8]| body[..body.len() / 2].to_vec();
        for up in [replay_with(name, html), replay_with(name, empty), replay_with(name, cut)] {
            let error = run(Battlenet.refresh(&up, &known)).unwrap_err();
            assert!(
                matches!(error, PlatformError::Malformed { .. } | PlatformError::Upstream { .. }),
                "{name}: {error}"
            );
        }
    }
    let error = run(summary(&replay_with("summary_2026-09.bpsv", |_| b"\xff\xfe".to_vec()))).unwrap_err();
    assert!(matches!(&error, PlatformError::Malformed { at, .. } if at == "byte 0"), "{error}");
    let missing = run(cdns(&Replay::default(), "wow")).unwrap_err();
    assert!(matches!(missing, PlatformError::Upstream { source: UpstreamError::NotRecorded(_), .. }));
}

// ---- bytes from anywhere

/// A recording with a few bytes changed, cut out, put in or swapped.
fn mutated(names: &'static [&'static str]) -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let edit = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), 0_u8..5);
    (proptest::sample::select(names), proptest::collection::vec(edit, 1..6)).prop_map(|(name, edits)| {
        let mut bytes = recorded(name).to_vec();
        for (here, there, value, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let (here, there) = (here.index(bytes.len().min(400)), there.index(bytes.len()));
            match kind {
                0 => bytes[here] = value,
                1 => bytes[there] ^= 1 << (value % 8),
                2 => bytes.truncate(there),
                3 => bytes.insert(there, value),
                _ => bytes.swap(here, there),
            }
        }
        (name, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_recordings_never_panic(
        (name, bytes) in mutated(&[
            "buildconfig_wow_classic_era_1.15.8.65989.txt",
            "cdns_wow.bpsv",
            "download_manifest_wow_classic_era_100entries.bin",
            "encoding_wow_classic_era_2pages.bin",
            "fenris_b_download.bin",
            "install_manifest_wow_classic_4.4.0.bin",
            "patch_manifest_pa.bin",
            "summary_2026-09.bpsv",
            "versions_wow_9.0.1.36492.bpsv",
        ]),
    ) {
        let text = String::from_utf8_lossy(&bytes);
        let device = Device::default();
        drop((Versions::parse(&text), Cdns::parse(&text), Summary::parse(&text)));
        drop((BuildConfig::parse(&text), CdnConfig::parse(&text)));
        drop((PatchManifest::parse(&bytes), SizeManifest::parse(&bytes), size::total_bytes(&bytes)));
        drop(blte::decode(&bytes, 1 << 20));
        if let Ok(install) = InstallManifest::parse(&bytes) {
            install.disk_bytes(&device);
        }
        if let Ok(manifest) = DownloadManifest::parse(bytes.clone().into()) {
            delta::update_bytes(&manifest, &download(), &device);
            delta::update_bytes(&download(), &manifest, &device);
        }
        if let Ok(table) = EncodingTable::parse(bytes.into()) {
            prop_assert!(name.starts_with("encoding"));
            prop_assert!(table.contents().count() + table.encodings().count() > 0);
        }
    }
}
