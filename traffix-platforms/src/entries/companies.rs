//! Names of companies, as platforms write them, to companies of a catalogue.

use std::collections::BTreeMap;

use traffix_core::catalogue::{Company, CompanyId};

use super::titles;

/// Words that say what sort of company it is.
const LEGAL: [&str; 17] = [
    "inc",
    "ltd",
    "llc",
    "gmbh",
    "corp",
    "corporation",
    "co",
    "company",
    "sa",
    "ab",
    "as",
    "ag",
    "bv",
    "kk",
    "plc",
    "limited",
    "srl",
];

/// Companies by name. Companies are reviewed data: one that is not in the catalogue is never made.
#[derive(Debug, Clone, Default)]
pub struct CompanyNames(BTreeMap<String, CompanyId>);

impl CompanyNames {
    /// From the companies of a catalogue; of two with one name, the first by id.
    pub fn new<'a>(companies: impl IntoIterator<Item = &'a Company>) -> Self {
        let mut names = BTreeMap::<String, CompanyId>::new();
        for company in companies {
            let id = names.entry(normalised(&company.name)).or_insert_with(|| company.id.clone());
            if company.id < *id {
                id.clone_from(&company.id);
            }
        }
        Self(names)
    }

    /// Those of some names that the catalogue knows, each once.
    pub fn ids(&self, names: &[String]) -> Vec<CompanyId> {
        let mut ids = Vec::new();
        for id in names.iter().filter_map(|name| self.0.get(&normalised(name))) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        ids
    }
}

/// A name without case, accents, punctuation and legal form.
fn normalised(name: &str) -> String {
    let words = titles::words(name);
    let end =
        words.iter().rposition(|word| !LEGAL.contains(&word.as_str())).map_or(words.len(), |last| last + 1);
    words[..end].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_form_does_not_matter() {
        for (a, b) in
            [("Epic Games, Inc.", "EPIC GAMES"), ("NEXON Co., Ltd.", "Nexon"), ("Nintendo", "NINTENDO")]
        {
            assert_eq!(normalised(a), normalised(b), "{a}");
        }
        assert_ne!(normalised("Sega"), normalised("Sega Europe"));
        assert_eq!(normalised("Co"), "co");
    }
}
