//! The sources that a file declares once and refers to by a short key.

use std::cell::Cell;
use std::collections::BTreeMap;

use chrono::DateTime;

use crate::{Evidence, Fact, SourceKind};

use super::node::{Fields, Node, closest};
use super::values;

/// The sources of one file.
pub(super) struct Sources<'a> {
    by_key: BTreeMap<&'a str, Source<'a>>,
}

struct Source<'a> {
    node: Node<'a>,
    /// `None` if the declaration is wrong; it is reported once, where it stands.
    evidence: Option<Evidence>,
    used: Cell<bool>,
}

impl<'a> Sources<'a> {
    pub(super) fn read(node: Option<&Node<'a>>) -> Self {
        let entries = node.and_then(Node::fields).map(|fields| fields.entries()).unwrap_or_default();
        let by_key = entries.into_iter().map(|(node, key)| {
            let evidence = declaration(&node);
            (key, Source { node, evidence, used: Cell::new(false) })
        });
        Self { by_key: by_key.collect() }
    }

    /// The evidence that the field `source` of a table names, with the table's own `note` and `confidence`;
    /// `inferred` says that the source does not state the fact itself.
    pub(super) fn cited(&self, fields: &mut Fields<'a>) -> Vec<Evidence> {
        let keys = fields.require("source");
        let note = fields.get("note").and_then(|node| node.text());
        let confidence = fields.get("confidence").and_then(|node| node.number());
        let inferred = fields.get("inferred").and_then(|node| node.flag()).unwrap_or(false);
        let mut cited: Vec<Evidence> =
            keys.iter().flat_map(Node::one_or_more).filter_map(|key| self.find(&key)).collect();
        for evidence in &mut cited {
            evidence.kind = if inferred { SourceKind::Inferred } else { evidence.kind };
            evidence.confidence = confidence.unwrap_or(evidence.confidence);
            evidence.note = note.map(str::to_owned).or(evidence.note.take());
        }
        cited
    }

    fn find(&self, key: &Node<'a>) -> Option<Evidence> {
        let name = key.text()?;
        let Some(source) = self.by_key.get(name) else {
            let hint = match closest(name, self.by_key.keys().copied()) {
                Some(guess) => format!("did you mean \"{guess}\"?"),
                None => "declare it as [sources.KEY] with url, kind and date".to_owned(),
            };
            return key.wrong(format!("\"{name}\" is not a source of this file; {hint}"));
        };
        source.used.set(true);
        // A declaration that is wrong is reported where it stands, not wherever it is cited.
        let stand_in = || Evidence::new(SourceKind::Inferred, name, DateTime::UNIX_EPOCH);
        Some(source.evidence.clone().unwrap_or_else(stand_in))
    }

    /// A source that nothing cites is a mistake: most often a fact that was left out.
    pub(super) fn finish(self) {
        for source in self.by_key.values().filter(|source| !source.used.get()) {
            source.node.wrong::<()>("is cited by no fact; cite it or remove it");
        }
    }
}

fn declaration(node: &Node<'_>) -> Option<Evidence> {
    let before = node.errors();
    let mut fields = node.fields()?;
    // A source without an address has a name.
    let address = fields.get("url").map_or_else(|| fields.get("name"), Some);
    if address.is_none() {
        node.wrong::<()>("needs \"url\", or \"name\" if it has no address");
    }
    let address = address.and_then(|address| address.text());
    let kind = fields.require("kind").and_then(|kind| kind.word::<SourceKind>());
    let date = fields.require("date").and_then(|date| values::instant(&date));
    let confidence = fields.get("confidence").and_then(|node| node.number());
    let note = fields.get("note").and_then(|note| note.text());
    fields.finish();
    let mut evidence = Evidence::new(kind?, address?, date?.0);
    evidence.confidence = confidence.unwrap_or(1.0);
    evidence.note = note.map(str::to_owned);
    for finding in evidence.findings() {
        node.clone()
            .named(format!("{}{}", node.path(), finding.pointer.replace('/', ".")))
            .wrong::<()>(finding.detail);
    }
    (node.errors() == before).then_some(evidence)
}

/// One fact from everything that says it, and `None` if nothing valid does.
pub(super) fn fact<T: Clone + PartialEq>(value: &T, cited: Vec<Evidence>) -> Option<Fact<T>> {
    cited.into_iter().map(|evidence| Fact::new(value.clone(), evidence)).reduce(Fact::merge)
}
