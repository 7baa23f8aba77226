//! Publishers and developers.

use crate::catalogue::{Company, CompanyId};

use super::Document;
use super::node::Node;
use super::place::Places;
use super::sources::Sources;

pub(super) fn read<'a>(table: &Node<'a>, sources: &Sources<'a>, document: &mut Document) {
    let Some(fields) = table.fields() else { return };
    for (node, key) in fields.entries() {
        let id = key.parse::<CompanyId>().map_err(|error| node.wrong::<()>(error.to_string())).ok();
        if let Some((company, places)) = id.and_then(|id| company(&node, id, sources)) {
            document.companies.push(company);
            document.company_places.push(places);
        }
    }
}

fn company<'a>(node: &Node<'a>, id: CompanyId, sources: &Sources<'a>) -> Option<(Company, Places)> {
    let before = node.errors();
    let mut places = Places::default();
    places.mark("", node.place());
    let mut fields = node.fields()?;
    let name = fields.require("name");
    let url = fields.get("url").and_then(|url| url.text());
    let evidence = sources.cited(&mut fields);
    fields.finish();
    if let Some(name) = &name {
        places.mark("/name", name.place());
    }
    let company = Company { id, name: name?.text()?.to_owned(), url: url.map(str::to_owned), evidence };
    (node.errors() == before).then_some((company, places))
}
