//! Keeps the code small and the layers apart: sizes of files and functions, direction of dependencies.
//!
//! Whoever must exceed a bound enters the item in `tests/tidy.toml` with its size and the reason. The
//! entries only shrink: an item that got smaller than its entry fails until the entry follows.

#![expect(clippy::unwrap_used, reason = "a broken workspace should stop these tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Most lines of a file, tests apart.
const FILE_LINES: usize = 400;
/// Most lines of a function, signature and body.
const FUNCTION_LINES: usize = 50;

/// Which crates of the workspace a crate may depend on.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("traffix-core", &[]),
    ("traffix-platforms", &["traffix-core"]),
    ("traffix-store", &["traffix-core"]),
    ("traffix-telemetry", &["traffix-core"]),
    ("traffix-server", &["traffix-core", "traffix-platforms", "traffix-store", "traffix-telemetry"]),
    ("xtask", &["traffix-core", "traffix-platforms"]),
    (".", &["traffix-core", "traffix-platforms", "traffix-store", "traffix-telemetry", "traffix-server"]),
];

/// What core must never depend on: clocks, sockets, files, global randomness, async.
const NOT_IN_CORE: [&str; 9] =
    ["tokio", "reqwest", "sqlx", "poem", "hyper", "getrandom", "async-trait", "mio", "futures"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the workspace, as path relative to the root.
fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = MAY_USE.iter().map(|(name, _)| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !path.is_symlink() && !["target", ".git", "node_modules"].contains(&name) {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Name and size of every function of a file, tests apart.
#[derive(Default)]
struct Functions {
    path: Vec<String>,
    found: Vec<(String, usize)>,
}

impl Functions {
    fn record(&mut self, name: &syn::Ident, span: proc_macro2::Span) {
        let lines = span.end().line - span.start().line + 1;
        let name = [self.path.as_slice(), &[name.to_string()]].concat().join("::");
        self.found.push((name, lines));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            self.path.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.path.pop();
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let syn::Type::Path(ty) = &*item.self_ty {
            self.path.push(ty.path.segments.last().unwrap().ident.to_string());
            visit::visit_item_impl(self, item);
            self.path.pop();
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.record(&function.sig.ident, function.sig.span().join(function.block.span()).unwrap());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.record(&function.sig.ident, function.sig.span().join(function.block.span()).unwrap());
        visit::visit_impl_item_fn(self, function);
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| {
        let words = a.meta.path().is_ident("cfg").then(|| a.parse_args::<syn::Ident>().ok()).flatten();
        words.is_some_and(|word| word == "test")
    })
}

/// Lines of a file without its test modules.
fn lines_without_tests(text: &str, file: &syn::File) -> usize {
    let tests = file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if is_test(&module.attrs) => {
            Some(module.span().end().line - module.span().start().line + 1)
        }
        _ => None,
    });
    text.lines().count() - tests.sum::<usize>()
}

/// The entries of `tests/tidy.toml`: item to size.
fn exceptions() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("tests/tidy.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let size = |value: &toml::Value| usize::try_from(value["lines"].as_integer().unwrap()).unwrap();
    for (item, entry) in &table {
        assert!(!entry["reason"].as_str().unwrap().is_empty(), "{item} needs a reason in tests/tidy.toml");
    }
    table.iter().map(|(item, entry)| (item.clone(), size(entry))).collect()
}

/// Compares sizes above a bound with the entries; whatever differs is a complaint.
fn complaints(oversized: &BTreeMap<String, usize>, allowed: &BTreeMap<String, usize>) -> Vec<String> {
    let grown = oversized.iter().filter(|(item, lines)| allowed.get(*item).is_none_or(|max| *lines > max));
    let grown = grown.map(|(item, lines)| format!("{item} has {lines} lines: split it"));
    let shrunk = allowed.iter().filter(|(item, max)| oversized.get(*item).is_none_or(|lines| lines < max));
    let shrunk = shrunk.map(|(item, max)| match oversized.get(item) {
        Some(lines) => format!("{item} has {lines} lines: lower its entry from {max} in tests/tidy.toml"),
        None => format!("{item} is within bounds: remove its entry from tests/tidy.toml"),
    });
    grown.chain(shrunk).collect()
}

#[test]
fn files_and_functions_stay_small() {
    let mut oversized = BTreeMap::new();
    for path in rust_files() {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let path = path.to_str().unwrap();
        let in_tests = ["tests", "benches"].iter().any(|d| path.split('/').any(|part| part == *d));
        let lines = lines_without_tests(&text, &file);
        if lines > FILE_LINES && !in_tests && !path.ends_with("tests.rs") {
            oversized.insert(path.to_owned(), lines);
        }
        let mut functions = Functions::default();
        functions.visit_file(&file);
        for (name, lines) in functions.found {
            if lines > FUNCTION_LINES {
                oversized.insert(format!("{path}::{name}"), lines);
            }
        }
    }
    let complaints = complaints(&oversized, &exceptions());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_ratchet_only_turns_one_way() {
    let sizes = |pairs: &[(&str, usize)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
    let allowed = sizes(&[("a", 60), ("b", 60), ("c", 60)]);
    let found = complaints(&sizes(&[("a", 60), ("b", 61), ("d", 51)]), &allowed);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(complaints(&allowed, &allowed).is_empty());
    assert_eq!(complaints(&sizes(&[("a", 55), ("b", 60), ("c", 60)]), &allowed).len(), 1);
}

/// Dependencies of a manifest, without those for development only.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = root().join(folder).join("Cargo.toml");
    let table: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let names = |section: &str| {
        let names = table.get(section).and_then(|s| s.as_table()).into_iter().flat_map(|t| t.keys().cloned());
        names.collect::<Vec<_>>()
    };
    [names("dependencies"), names("build-dependencies")].concat()
}

#[test]
fn dependencies_point_down() {
    for (name, allowed) in MAY_USE {
        for dependency in dependencies(name).iter().filter(|d| d.starts_with("traffix")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn core_is_pure() {
    for dependency in dependencies("traffix-core") {
        assert!(!NOT_IN_CORE.contains(&dependency.as_str()), "core must not depend on {dependency}");
    }
    let forbidden =
        ["std::fs", "std::net", "std::env", "std::thread", "SystemTime", "Instant::now", "Utc::now"];
    let sources = rust_files().into_iter().filter(|p| p.starts_with("traffix-core/src"));
    for path in sources {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for word in forbidden {
            assert!(!text.contains(word), "{} uses {word}: core has no I/O and no clock", path.display());
        }
    }
}

#[test]
fn every_crate_forbids_unsafe_code_by_inheriting_the_lints() {
    for (name, _) in MAY_USE {
        let table: toml::Table =
            fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(table["lints"]["workspace"].as_bool(), Some(true), "{name}");
    }
}

#[test]
fn published_crates_have_complete_metadata() {
    for (name, _) in MAY_USE.iter().filter(|(name, _)| name.starts_with("traffix-")) {
        let table: toml::Table =
            fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap().parse().unwrap();
        let package = table["package"].as_table().unwrap();
        for field in [
            "description",
            "license",
            "repository",
            "homepage",
            "documentation",
            "readme",
            "keywords",
            "categories",
            "rust-version",
            "authors",
        ] {
            assert!(package.contains_key(field), "{name} lacks {field}");
        }
        let readme = root().join(name).join(package["readme"].as_str().unwrap());
        assert!(fs::read_to_string(readme).unwrap().len() > 200, "{name} has no README worth the name");
    }
}
