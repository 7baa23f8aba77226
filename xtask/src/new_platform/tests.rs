use std::path::Path;

use traffix_platforms::Profile;

use super::*;

/// A root with a registry and a changelog like the real ones.
fn root() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(copy.path().join("traffix-platforms/src")).unwrap();
    for name in [REGISTRY, CHANGELOG] {
        std::fs::copy(run::root().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn text(root: &Path, name: &str) -> String {
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// The lines of `new` that `old` lacks; nothing else may differ.
fn added(old: &str, new: &str) -> Vec<String> {
    let mut old = old.lines().peekable();
    let added = new.lines().filter(|line| old.next_if_eq(line).is_none()).map(str::to_owned).collect();
    assert_eq!(old.next(), None, "a line is gone");
    added
}

#[test]
fn the_registry_and_the_changelog_get_one_line_each() {
    let copy = root();
    for slug in ["aaa", "beta-max", "zzz"] {
        let (registry, changelog) = (text(copy.path(), REGISTRY), text(copy.path(), CHANGELOG));
        write(copy.path(), slug).unwrap();
        let line = format!("    \"{slug}/mod.rs\" => {}::{},", module(slug), type_name(slug));
        assert_eq!(added(&registry, &text(copy.path(), REGISTRY)), [line]);
        let line = format!("- Platform `{slug}`: TODO what it gives.");
        assert_eq!(added(&changelog, &text(copy.path(), CHANGELOG)), [line]);
    }
    let registry = text(copy.path(), REGISTRY);
    let slugs: Vec<&str> =
        registry.lines().filter_map(|line| line.trim().split_once("/mod.rs\" =>")).map(|l| l.0).collect();
    assert!(slugs.is_sorted() && slugs.len() > 3, "{slugs:?}");
    syn::parse_file(&registry).unwrap();
}

#[test]
fn the_files_can_be_read() {
    let copy = root();
    let written = write(copy.path(), "beta-max").unwrap();
    assert_eq!(written.len(), TEMPLATES.len() + 2);
    let folder = copy.path().join("traffix-platforms/src/beta-max");
    for name in ["mod.rs", "wire.rs", "tests.rs"] {
        let source = text(&folder, name);
        syn::parse_file(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!source.contains('@'), "{name}");
    }
    let profile = Profile::parse(
        "beta-max".parse().unwrap(),
        &text(&folder, "profile.toml"),
        &text(&folder, "delivery.tsv"),
    );
    assert_eq!(profile.unwrap().name, "TODO");
    for name in ["fixtures/cassette.toml", "fixtures/samples.toml"] {
        let _: toml::Table = text(&folder, name).parse().unwrap();
    }
}

/// What is written must pass the formatter, which CI runs.
#[test]
fn the_sources_are_formatted() {
    for slug in ["gog", "quite-a-long-name"] {
        let copy = root();
        // The real one is in the real registry already.
        let slug = if slug == "gog" { "gogo" } else { slug };
        write(copy.path(), slug).unwrap();
        let folder = copy.path().join("traffix-platforms/src").join(slug);
        let mut rustfmt = run::command("rustfmt", &["--check", "--edition", "2024"]);
        let config = run::root().join("rustfmt.toml");
        let done = rustfmt.arg("--config-path").arg(config).arg(folder.join("mod.rs")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }
}

#[test]
fn nothing_is_overwritten() {
    let copy = root();
    write(copy.path(), "beta-max").unwrap();
    let before = text(copy.path(), REGISTRY);
    assert!(write(copy.path(), "beta-max").unwrap_err().contains("already"));
    for bad in ["Beta", "beta max", "", "../etc", "3do", "type", "-a", "a--b"] {
        assert!(write(copy.path(), bad).is_err(), "{bad}");
    }
    assert_eq!(text(copy.path(), REGISTRY), before);
}
