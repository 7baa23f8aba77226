use proptest::prelude::*;

use super::writer::{Written, WrittenFile};
use super::*;

const RECORDED: &[u8] = include_bytes!("../fixtures/launcher_2.9.2.manifest");

fn recorded() -> Manifest {
    Manifest::parse(RECORDED).unwrap()
}

/// The same build for the writer.
fn written(manifest: &Manifest) -> Written {
    let file = |file: &File| WrittenFile {
        path: file.path.clone(),
        tags: file.tags.clone(),
        parts: manifest.parts(file).iter().map(|part| (part.guid.0, part.disk_bytes)).collect(),
    };
    Written {
        feature_level: manifest.feature_level.max(18),
        app: manifest.app.clone(),
        build_version: manifest.build_version.clone(),
        chunks: manifest.chunks.iter().map(|chunk| (chunk.guid.0, chunk.wire_bytes)).collect(),
        files: manifest.files.iter().map(file).collect(),
    }
}

fn detail(result: Result<Manifest, ManifestError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_recorded_json_manifest() {
    let build = recorded();
    assert_eq!(build.feature_level, 12);
    assert_eq!(build.app, "EpicGamesLauncher");
    assert_eq!(build.build_version, "2.9.2-2874913+++Portal+Release-Live-Windows");
    assert_eq!((build.chunks.len(), build.files.len()), (79, 6));
    assert_eq!(build.download_bytes(), Some(36_806_004));
    assert_eq!(build.install_bytes(), 76_878_560);
    let first = &build.files[0];
    assert_eq!(first.path, "Engine/Binaries/ThirdParty/CEF3/Win64/d3dcompiler_43.dll");
    // "000000016000" twice, "104035000000": 2 × 1 MiB + 104 + 35 × 256.
    assert_eq!(first.disk_bytes, 2 * 1_048_576 + 104 + 35 * 256);
    assert_eq!(build.parts(first)[0].guid, Guid(0x80CF_8543_4A18_C0DC_4BD4_8290_9F40_DF8D));
}

#[test]
fn both_forms_of_a_build_read_equal() {
    let mut build = recorded();
    build.files[1].tags = vec!["de".into(), "größe".into()];
    let read = Manifest::parse(&written(&build).compressed()).unwrap();
    build.feature_level = 18;
    assert_eq!(read, build);
    let plain = written(&build);
    let body = plain.body();
    assert_eq!(Manifest::parse(&plain.with_header(&body, body.len(), 0)), Ok(build));
}

#[test]
fn parts_of_newer_writers_may_be_longer() {
    let build = written(&recorded());
    let body = build.body();
    // The last part of the last file: its length is the 28 before its identifier.
    let guid = build.files[5].parts[0].0;
    let id: Vec<u8> =
        guid.to_be_bytes().as_chunks::<4>().0.iter().flat_map(|w| w.iter().rev()).copied().collect();
    let at = (0..body.len() - 16).rev().find(|at| body[*at..at + 16] == id[..]).unwrap();
    let mut longer = body.clone();
    longer[at - 4] += 3;
    longer.splice(at + 24..at + 24, [1, 2, 3]);
    // The section that holds it is longer too.
    let u32_at = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
    let chunks = u32_at(0) as usize;
    let files = chunks + u32_at(chunks) as usize;
    longer[files..files + 4].copy_from_slice(&(u32_at(files) + 3).to_le_bytes());
    let read = |body: &[u8]| Manifest::parse(&build.with_header(body, body.len(), 0));
    assert_eq!(read(&longer), read(&body));
    longer[at - 4] = 2;
    assert!(read(&longer).is_err());
}

#[test]
fn tags_cost_what_the_untagged_files_do_not_bring() {
    let mut build = recorded();
    let whole = build.by_tag();
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[&None], Sizes { wire_bytes: 36_806_004, disk_bytes: 76_878_560 });
    // d3dcompiler_43 and _47 share the chunk C755…; so do _47 and ffmpegsumo the chunk EF92….
    build.files[1].tags = vec!["optional".into(), "optional".into()];
    let tagged = build.by_tag();
    let own = |guid| build.chunks.iter().find(|chunk| chunk.guid == Guid(guid)).unwrap().wire_bytes;
    let optional =
        own(0xCD26_3D86_4F07_46E9_6D3A_63BD_2FE2_56EA) + own(0x08FC_DD96_4FE6_C33A_08FC_18A5_DB4E_330E);
    assert_eq!(
        tagged[&Some("optional")],
        Sizes { wire_bytes: optional, disk_bytes: build.files[1].disk_bytes }
    );
    assert_eq!(tagged[&None].wire_bytes + optional, 36_806_004);
}

#[test]
fn an_update_is_the_chunks_that_the_old_build_lacks() {
    let new = recorded();
    let mut old = new.clone();
    let (gone, kept) = (new.chunks[3].wire_bytes, new.chunks.len() - 1);
    old.chunks.remove(3);
    assert_eq!(old.chunks.len(), kept);
    assert_eq!(new.update_bytes(&old), Some(gone));
    assert_eq!(old.update_bytes(&new), Some(0));
    old.chunks.clear();
    assert_eq!(new.update_bytes(&old), new.download_bytes());
}

#[test]
fn a_manifest_before_chunk_sizes_has_none() {
    let text = br#"{"ManifestFileVersion":"007000000000","AppNameString":"Old"}"#;
    let build = Manifest::parse(text).unwrap();
    assert_eq!((build.download_bytes(), build.update_bytes(&build)), (None, None));
}

#[test]
fn what_cannot_be_read_says_why() {
    let build = written(&recorded());
    let body = build.body();
    assert_eq!(Manifest::parse(&build.with_header(&body, body.len(), 2)), Err(ManifestError::Encrypted));
    assert_eq!(Manifest::parse(&build.with_header(&body, body.len(), 3)), Err(ManifestError::Encrypted));
    let objects = Written { feature_level: 9, ..written(&recorded()) };
    assert_eq!(Manifest::parse(&objects.compressed()), Err(ManifestError::FeatureLevel(9)));
    let mut old = build.compressed();
    old[4] = 37;
    assert_eq!(Manifest::parse(&old), Err(ManifestError::FeatureLevel(0)));
    let bomb = build.with_header(&body, usize::MAX, 1);
    assert!(matches!(
        Manifest::parse(&bomb),
        Err(ManifestError::TooLarge { declared_bytes: 0xFFFF_FFFF, .. })
    ));
    let short = build.with_header(&build.compressed()[41..], body.len() - 1, 1);
    assert!(detail(Manifest::parse(&short)).contains("declared"));
    let long = build.with_header(&build.compressed()[41..], body.len() + 1, 1);
    assert!(detail(Manifest::parse(&long)).contains("declared"));
    assert!(detail(Manifest::parse(b"<html>")).contains("expected value"));
    assert!(detail(Manifest::parse(b"")).contains("EOF"));
    assert!(detail(Manifest::parse(br#"{"ManifestFileVersion":"12"}"#)).contains("ManifestFileVersion"));
    assert!(detail(Manifest::parse(br#"{"ManifestFileVersion":"256"}"#)).contains("three decimal digits"));
    let cut = build.with_header(&body[..body.len() / 2], body.len() / 2, 0);
    assert!(detail(Manifest::parse(&cut)).contains("left, at byte"));
}

#[test]
fn sums_beyond_64_bits_are_refused() {
    let huge = |guid| (guid, i64::MAX.cast_unsigned());
    let chunks = vec![huge(1), huge(2), huge(3)];
    let build = Written { chunks, ..written(&recorded()) };
    assert!(detail(Manifest::parse(&build.compressed())).contains("2^64"));
    let negative = Written { chunks: vec![(1, u64::MAX)], ..written(&recorded()) };
    assert!(detail(Manifest::parse(&negative.compressed())).contains("negative"));
}

/// Bytes with some of them replaced, put in or cut off.
fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8).prop_map(move |edits| {
        let mut bytes = bytes.clone();
        for (place, value, what) in edits {
            let place = place.index(bytes.len());
            match what {
                0 => bytes[place] = value,
                1 => bytes.insert(place, value),
                _ if value == 0 => bytes.truncate(place.max(1)),
                _ => bytes[place] ^= 1 << (value % 8),
            }
        }
        bytes
    })
}

fn all_sums(build: &Manifest) {
    let _ = (build.download_bytes(), build.install_bytes(), build.update_bytes(build), build.by_tag());
}

proptest! {
    #[test]
    fn damaged_json_gives_an_error_or_a_build(bytes in mutated(RECORDED.to_vec())) {
        if let Ok(build) = Manifest::parse(&bytes) {
            all_sums(&build);
        }
    }

    #[test]
    fn damaged_columns_give_an_error_or_a_build(body in mutated(written(&recorded()).body())) {
        if let Ok(build) = Manifest::parse(&written(&recorded()).with_header(&body, body.len(), 0)) {
            all_sums(&build);
        }
    }

    #[test]
    fn damaged_files_give_an_error_or_a_build(bytes in mutated(written(&recorded()).compressed())) {
        if let Ok(build) = Manifest::parse(&bytes) {
            all_sums(&build);
        }
    }

    #[test]
    fn the_delta_equals_a_naive_set_difference(
        new in prop::collection::btree_map(0_u128..40, 0_u64..1_000, 0..30),
        old in prop::collection::btree_set(0_u128..40, 0..30),
    ) {
        let of = |chunks| Written { chunks, files: Vec::new(), ..written(&recorded()) };
        let read = |build: Written| Manifest::parse(&build.compressed()).unwrap();
        let naive: u64 = new.iter().filter(|(guid, _)| !old.contains(guid)).map(|(_, bytes)| bytes).sum();
        let new = read(of(new.into_iter().collect()));
        let old = read(of(old.into_iter().map(|guid| (guid, 1)).collect()));
        prop_assert_eq!(new.update_bytes(&old), Some(naive));
    }
}
