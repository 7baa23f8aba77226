//! `new-platform`: the files of a new platform, its line in the registry and in the changelog.
//!
//! What it writes compiles, and its tests fail with the list of what is still to be written.

use std::path::Path;

use traffix_core::catalogue::PlatformId;

use crate::run;

const REGISTRY: &str = "traffix-platforms/src/registry.rs";
const CHANGELOG: &str = "CHANGELOG.md";
/// The templates and the files that they become.
const TEMPLATES: [(&str, &str); 7] = [
    ("mod.rs", include_str!("new_platform/mod.rs.txt")),
    ("wire.rs", include_str!("new_platform/wire.rs.txt")),
    ("tests.rs", include_str!("new_platform/tests.rs.txt")),
    ("profile.toml", include_str!("new_platform/profile.toml.txt")),
    ("delivery.tsv", include_str!("new_platform/delivery.tsv.txt")),
    ("fixtures/cassette.toml", include_str!("new_platform/cassette.toml.txt")),
    ("fixtures/samples.toml", include_str!("new_platform/samples.toml.txt")),
];

/// Makes the platform that is named by the only argument.
pub(crate) fn new_platform(args: &[String]) -> run::Result {
    let [slug] = args else { return Err("usage: cargo xtask new-platform SLUG".into()) };
    let written = write(&run::root(), slug)?;
    for file in &written {
        println!("{file}");
    }
    println!("\n`cargo test -p traffix-platforms --lib {}::` says what is missing.", module(slug));
    Ok(())
}

/// Writes everything under `root` and names what was written. Nothing is written if anything is in the way.
fn write(root: &Path, slug: &str) -> run::Result<Vec<String>> {
    let id: PlatformId = slug.parse().map_err(|error| format!("{error}"))?;
    let slug = id.as_str();
    if !slug.starts_with(|first: char| first.is_ascii_lowercase()) || is_keyword(&module(slug)) {
        return Err(format!(
            "{slug:?} must begin with a letter and be no word of the language: it names a module"
        ));
    }
    let folder = format!("traffix-platforms/src/{slug}");
    if root.join(&folder).exists() {
        return Err(format!("{folder} is there already"));
    }
    let registry = registered(&read(root, REGISTRY)?, slug)?;
    let changelog = announced(&read(root, CHANGELOG)?, slug)?;
    let mut files: Vec<(String, String)> = TEMPLATES
        .iter()
        .map(|(name, template)| (format!("{folder}/{name}"), filled(template, slug)))
        .collect();
    files.push((REGISTRY.into(), registry));
    files.push((CHANGELOG.into(), changelog));
    for (name, text) in &files {
        let file = root.join(name);
        let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&file, text)).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn read(root: &Path, name: &str) -> run::Result<String> {
    std::fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn filled(template: &str, slug: &str) -> String {
    template.replace("@slug@", slug).replace("@Type@", &type_name(slug)).replace("@module@", &module(slug))
}

/// `windows-update` is the module `windows_update` …
fn module(slug: &str) -> String {
    slug.replace('-', "_")
}

/// … and the type `WindowsUpdate`.
fn type_name(slug: &str) -> String {
    slug.split('-')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

/// Slugs that could not name a module.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 38] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
        "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
        "struct", "type",
    ];
    const MORE: [&str; 12] = [
        "self", "super", "trait", "true", "try", "typeof", "union", "unsafe", "unsized", "use", "virtual",
        "while",
    ];
    KEYWORDS.contains(&word) || MORE.contains(&word)
}

/// The registry with one more line, in the order of slugs.
fn registered(text: &str, slug: &str) -> run::Result<String> {
    let line = format!("    \"{slug}/mod.rs\" => {}::{},", module(slug), type_name(slug));
    let is_entry = |text: &str| text.trim_start().starts_with('"') && text.contains("/mod.rs\" =>");
    let mut lines: Vec<&str> = text.lines().collect();
    let entries: Vec<usize> = (0..lines.len()).filter(|i| is_entry(lines[*i])).collect();
    let last = entries.last().ok_or_else(|| format!("{REGISTRY} has no line of a platform"))?;
    let slug_of = |line: &str| line.trim().trim_matches('"').split("/mod.rs").next().map(str::to_owned);
    let after = entries.iter().find(|i| slug_of(lines[**i]).is_some_and(|other| other.as_str() > slug));
    lines.insert(after.copied().unwrap_or(last + 1), &line);
    Ok(lines.join("\n") + "\n")
}

/// The changelog with one more line at the end of what is unreleased.
fn announced(text: &str, slug: &str) -> run::Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let missing = || format!("{CHANGELOG} has no section \"## Unreleased\"");
    let section = lines.iter().position(|line| *line == "## Unreleased").ok_or_else(missing)?;
    let next = lines[section + 1..].iter().position(|line| line.starts_with("## "));
    let end = next.map_or(lines.len(), |next| section + 1 + next);
    let last = lines[section..end].iter().rposition(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = format!("- Platform `{slug}`: TODO what it gives.");
    lines.insert(section + last + 1, &line);
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests;
