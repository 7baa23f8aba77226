//! Reading files of the catalogue and of networks, with every finding placed.

use std::path::Path;

use traffix_core::Invalid;
use traffix_core::catalogue::document::{self, Document, DocumentError, Subject};
use traffix_core::catalogue::{Company, Ru};
use traffix_core::network::Network;
use traffix_store::StoreError;

use crate::bundled::Bundled;
use crate::cli::{Failure, Input, database, input};

/// Findings printed at most.
const MAX_FINDINGS: usize = 100;

/// Everything that the files say.
#[derive(Default)]
pub(super) struct Files {
    pub(super) companies: Vec<Company>,
    pub(super) rus: Vec<Ru>,
    /// Networks with the file that they are from.
    pub(super) networks: Vec<(String, Network)>,
    documents: Vec<(String, Document)>,
    /// For every RU: document and position in it.
    homes: Vec<(usize, usize)>,
}

impl Files {
    /// Reads and checks all files; the failure lists everything that is wrong.
    pub(super) fn read(paths: &[Input]) -> Result<Self, Failure> {
        let mut files = Self::default();
        let mut wrong = Vec::new();
        for path in paths {
            let text = input::read_text(path)?;
            let name = input::name(path);
            match parse(path, &text) {
                Ok(Parsed::Catalogue(documents)) => documents.into_iter().for_each(|d| files.add(&name, d)),
                Ok(Parsed::Network(network)) => files.networks.push((name, *network)),
                Err(errors) => wrong.extend(errors.into_iter().map(|error| format!("{name}:{error}"))),
            }
        }
        wrong.extend(files.repeated());
        if wrong.is_empty() { Ok(files) } else { Err(failure(&wrong)) }
    }

    /// Adds what is compiled in.
    pub(super) fn add_bundled(&mut self, bundled: &Bundled) {
        self.companies.extend_from_slice(&bundled.companies);
        self.rus.extend_from_slice(&bundled.rus);
    }

    fn add(&mut self, name: &str, document: Document) {
        let at = self.documents.len();
        self.companies.extend_from_slice(&document.companies);
        self.rus.extend_from_slice(&document.rus);
        self.homes.extend((0..document.rus.len()).map(|i| (at, i)));
        self.documents.push((name.to_owned(), document));
    }

    /// What the files contradict each other in. What they may leave to the database is checked there.
    fn repeated(&self) -> Vec<String> {
        let platforms: Vec<_> = traffix_platforms::PLATFORMS.iter().map(|platform| platform.id()).collect();
        let found = document::check(&self.rus, &self.companies, &platforms);
        let ours =
            found.iter().filter(|f| f.invalid.pointer == "/id" || f.invalid.pointer.starts_with("/listings"));
        let placed = ours.filter_map(|finding| match finding.subject {
            Subject::Ru(i) => self.place(i, &finding.invalid),
            Subject::Company(_) => None,
        });
        placed.collect()
    }

    fn place(&self, index: usize, invalid: &Invalid) -> Option<String> {
        let (at, i) = *self.homes.get(index)?;
        let (name, document) = self.documents.get(at)?;
        Some(format!("{name}:{}", document.place_in_ru(i, invalid)))
    }

    /// What the store refuses, placed in the files.
    pub(super) fn explain(&self, error: &StoreError) -> Failure {
        let StoreError::Invalid(findings) = error else { return database::failure(error) };
        let placed = findings.iter().map(|finding| {
            let inner = finding.pointer.strip_prefix('/').and_then(|rest| {
                let (index, pointer) = rest.split_once('/').unwrap_or((rest, ""));
                let pointer = if pointer.is_empty() { String::new() } else { format!("/{pointer}") };
                Some((index.parse().ok()?, Invalid::new(pointer, finding.detail.clone())))
            });
            inner
                .and_then(|(index, invalid)| self.place(index, &invalid))
                .unwrap_or_else(|| finding.to_string())
        });
        failure(&placed.collect::<Vec<_>>())
    }
}

fn failure(wrong: &[String]) -> Failure {
    for line in wrong.iter().take(MAX_FINDINGS) {
        crate::cli::complain(line);
    }
    Failure::new(format_args!("{} findings, nothing was imported", wrong.len())).hint(
        "data/README.md describes the format; each line above is file:line:column: field: what is allowed",
    )
}

enum Parsed {
    Catalogue(Vec<Document>),
    Network(Box<Network>),
}

#[derive(PartialEq)]
enum Format {
    Toml,
    Json,
    Lines,
}

fn format(path: &Path, text: &str) -> Format {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    match extension.as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("toml") => Format::Toml,
        Some("json") => Format::Json,
        Some("ndjson" | "jsonl") => Format::Lines,
        _ if text.trim_start().starts_with(['{', '[']) && !text.trim_start().starts_with("[[") => {
            // Two documents in a row are no JSON, but may be lines of it.
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let many =
                lines.clone().count() > 1 && lines.clone().all(|line| line.trim_start().starts_with('{'));
            if many { Format::Lines } else { Format::Json }
        }
        _ => Format::Toml,
    }
}

fn parse(path: &Path, text: &str) -> Result<Parsed, Vec<DocumentError>> {
    let network = |value: serde_json::Value| network(value).map(|n| Parsed::Network(Box::new(n)));
    match format(path, text) {
        Format::Toml => match toml::from_str::<serde_json::Value>(text) {
            Ok(value) if is_network(&value) => {
                document::parse_network(text).map(|network| Parsed::Network(Box::new(network)))
            }
            _ => Ok(Parsed::Catalogue(vec![document::parse_toml(text)?])),
        },
        Format::Json => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) if is_network(&value) => network(value),
            _ => Ok(Parsed::Catalogue(vec![document::parse_json(text)?])),
        },
        Format::Lines => lines(text).map(Parsed::Catalogue),
    }
}

/// One document a line; findings keep the line of the file.
fn lines(text: &str) -> Result<Vec<Document>, Vec<DocumentError>> {
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match document::parse_json(line) {
            Ok(document) => documents.push(document),
            Err(found) => {
                errors.extend(found.into_iter().map(|e| DocumentError { line: e.line + number, ..e }));
            }
        }
    }
    if errors.is_empty() { Ok(documents) } else { Err(errors) }
}

fn is_network(value: &serde_json::Value) -> bool {
    value.get("tz").is_some() && value.get("lines").is_some()
}

fn network(value: serde_json::Value) -> Result<Network, Vec<DocumentError>> {
    let error = |field: String, detail: String| DocumentError { line: 1, column: 1, field, detail };
    let network: Network = serde_path_to_error::deserialize(value)
        .map_err(|found| vec![error(found.path().to_string(), found.into_inner().to_string())])?;
    let findings = network.validate();
    if findings.is_empty() {
        return Ok(network);
    }
    Err(findings.into_iter().map(|finding| error(finding.pointer, finding.detail)).collect())
}
