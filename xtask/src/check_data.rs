//! `check-data`: reads everything under `data/` and says what is wrong, with file, line, column and field.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use traffix_core::Invalid;
use traffix_core::catalogue::document::{self, Document, DocumentError, Subject};
use traffix_core::catalogue::{Company, PlatformId, Ru};

/// Platforms that the catalogue may name.
const PLATFORMS: [&str; 12] = [
    "apple",
    "battlenet",
    "ea",
    "epic",
    "gog",
    "nintendo",
    "playstation",
    "riot",
    "steam",
    "ubisoft",
    "windows-update",
    "xbox",
];

/// Checks the folders or files given, else `data/`.
pub(crate) fn check_data(args: &[String]) -> Result<(), String> {
    let roots: Vec<PathBuf> = if args.is_empty() {
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("data")]
    } else {
        args.iter().map(PathBuf::from).collect()
    };
    let mut paths = Vec::new();
    for root in &roots {
        collect(root, &mut paths).map_err(|error| format!("{}: {error}", root.display()))?;
    }
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.strip_prefix(base).unwrap_or(&path).display().to_string();
        files.push((name, text));
    }
    let report = check(&files);
    println!("{}", report.summary);
    if report.lines.is_empty() {
        return Ok(());
    }
    let text = report.lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    });
    Err(format!("{} findings\n{text}", report.lines.len()))
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        entries.sort();
        entries.iter().try_for_each(|entry| collect(entry, found))
    } else {
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path.to_owned());
        }
        Ok(())
    }
}

struct Report {
    summary: String,
    /// `file:line:column: field: what is wrong and what is allowed`.
    lines: Vec<String>,
}

fn check(files: &[(String, String)]) -> Report {
    let mut lines = Vec::new();
    let mut documents: Vec<(&str, Document)> = Vec::new();
    for (name, text) in files.iter().filter(|(name, _)| !is_network(name)) {
        match document::parse_toml(text) {
            Ok(document) => documents.push((name, document)),
            Err(errors) => lines.extend(errors.iter().map(|error| format!("{name}:{error}"))),
        }
    }
    // Half a catalogue would only add findings about what the broken files declare.
    if lines.is_empty() {
        lines.extend(across(&documents).into_iter().map(|(name, error)| format!("{name}:{error}")));
    }
    let rus: usize = documents.iter().map(|(_, document)| document.rus.len()).sum();
    let companies: usize = documents.iter().map(|(_, document)| document.companies.len()).sum();
    Report { summary: format!("{} files: {rus} RUs, {companies} companies", files.len()), lines }
}

fn is_network(name: &str) -> bool {
    Path::new(name).parent().is_some_and(|folder| folder.ends_with("networks"))
}

/// What only all files together can tell, placed in the file that it is about.
fn across<'d>(documents: &[(&'d str, Document)]) -> Vec<(&'d str, DocumentError)> {
    let mut rus: Vec<Ru> = Vec::new();
    let mut companies: Vec<Company> = Vec::new();
    let (mut ru_homes, mut company_homes) = (Vec::new(), Vec::new());
    for (at, (_, document)) in documents.iter().enumerate() {
        rus.extend_from_slice(&document.rus);
        ru_homes.extend((0..document.rus.len()).map(|i| (at, i)));
        companies.extend_from_slice(&document.companies);
        company_homes.extend((0..document.companies.len()).map(|i| (at, i)));
    }
    let found = document::check(&rus, &companies, &PLATFORMS.map(PlatformId::from_static));
    let place = |subject, invalid: &Invalid| match subject {
        Subject::Ru(i) => {
            let (at, i) = ru_homes[i];
            (documents[at].0, documents[at].1.place_in_ru(i, invalid))
        }
        Subject::Company(i) => {
            let (at, i) = company_homes[i];
            (documents[at].0, documents[at].1.place_in_company(i, invalid))
        }
    };
    found.iter().map(|finding| place(finding.subject, &finding.invalid)).collect()
}
