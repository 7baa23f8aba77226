//! The listings of an RU, with what the RU says for all of them.

use crate::catalogue::{
    Audience, ByteRange, DownloadSize, Listing, ParseSlugError, Phase, PhaseKind, PlatformId, Region,
    RegionalWeight, Window,
};
use crate::evidence::merge_options;
use crate::{Evidence, Fact};

use super::node::{Fields, Node};
use super::place::{Place, Places};
use super::sources::{Sources, fact};
use super::values;

const PHASES: [(&str, PhaseKind); 4] = [
    ("preload", PhaseKind::Preload),
    ("early_access", PhaseKind::EarlyAccess),
    ("unlock", PhaseKind::Unlock),
    ("wave", PhaseKind::Wave),
];

/// The fields that hold for every listing that does not say otherwise.
pub(super) const COMMON: [&str; 5] = ["preload", "early_access", "unlock", "wave", "size"];

/// What they say.
pub(super) struct Common {
    phases: Vec<Placed<Phase>>,
    sizes: Vec<Placed<DownloadSize>>,
}

/// A part of a listing and where it and its parts stand.
#[derive(Clone)]
struct Placed<T> {
    part: T,
    marks: Vec<(&'static str, Place)>,
}

impl Common {
    pub(super) fn read<'a>(fields: &mut Fields<'a>, sources: &Sources<'a>) -> Self {
        Self { phases: phases(fields, sources).1, sizes: sizes(fields, sources).unwrap_or_default() }
    }
}

/// The listings that `bare` only names and those that `table` describes, in the order of their platforms.
pub(super) fn read<'a>(
    bare: &[Node<'a>],
    table: Option<&Node<'a>>,
    common: &Common,
    sources: &Sources<'a>,
    places: &mut Places,
) -> Vec<Listing> {
    let described = table.and_then(Node::fields).map(|fields| fields.entries()).unwrap_or_default();
    let described = described.into_iter().filter_map(|(node, key)| {
        let platform = key.parse().map_err(|error: ParseSlugError| node.wrong::<()>(error.to_string())).ok();
        Some((platform?, Some(node.clone()), node))
    });
    let named = bare.iter().filter_map(|node| Some((node.parsed::<PlatformId>()?, None, node.clone())));
    let mut all: Vec<(PlatformId, Option<Node<'a>>, Node<'a>)> = described.collect();
    for (platform, described, node) in named {
        if all.iter().all(|(known, ..)| *known != platform) {
            all.push((platform, described, node));
        }
    }
    all.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    let listings = all.into_iter().enumerate().filter_map(|(i, (platform, described, node))| {
        let mut mark = |suffix: &str, place: Place| places.mark(format!("/listings/{i}{suffix}"), place);
        mark("", node.place());
        listing(described.as_ref(), platform, common, sources, &mut mark)
    });
    listings.collect()
}

fn listing<'a>(
    node: Option<&Node<'a>>,
    platform: PlatformId,
    common: &Common,
    sources: &Sources<'a>,
    mark: &mut impl FnMut(&str, Place),
) -> Option<Listing> {
    let mut listing = Listing::new(platform);
    let Some(node) = node else {
        listing.sizes = placed(common.sizes.clone(), "/sizes", mark);
        listing.phases = placed(common.phases.clone(), "/phases", mark);
        return Some(listing);
    };
    let mut fields = node.fields()?;
    listing.external_id = fields.get("external_id").and_then(|n| n.text()).map(str::to_owned);
    listing.aliases = fields.get("aliases").map(|n| texts(&n)).unwrap_or_default();
    listing.url = fields.get("url").and_then(|n| n.text()).map(str::to_owned);
    let sizes = sizes(&mut fields, sources).unwrap_or_else(|| common.sizes.clone());
    listing.sizes = placed(sizes, "/sizes", mark);
    let (said, mut own) = phases(&mut fields, sources);
    own.extend(common.phases.iter().filter(|phase| !said.contains(&phase.part.kind)).cloned());
    own.sort_by_key(|phase| phase.part.kind);
    listing.phases = placed(own, "/phases", mark);
    listing.weights = placed(weights(&mut fields, sources), "/weights", mark);
    listing.audience = audience(&mut fields, sources, mark);
    fields.finish();
    Some(listing)
}

fn texts(node: &Node<'_>) -> Vec<String> {
    let mut texts: Vec<_> = node.one_or_more().iter().filter_map(Node::text).map(str::to_owned).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn placed<T>(parts: Vec<Placed<T>>, pointer: &str, mark: &mut impl FnMut(&str, Place)) -> Vec<T> {
    let marked = parts.into_iter().enumerate().map(|(i, placed)| {
        for (suffix, place) in placed.marks {
            mark(&format!("{pointer}/{i}{suffix}"), place);
        }
        placed.part
    });
    marked.collect()
}

/// The kinds that have a field, if only an empty list, and the phases.
fn phases<'a>(fields: &mut Fields<'a>, sources: &Sources<'a>) -> (Vec<PhaseKind>, Vec<Placed<Phase>>) {
    let mut said = Vec::new();
    let mut phases: Vec<Placed<Phase>> = Vec::new();
    for (key, kind) in PHASES {
        let Some(field) = fields.get(key) else { continue };
        said.push(kind);
        for new in field.one_or_more().iter().filter_map(|node| phase(node, kind, sources)) {
            let key = |phase: &Phase| (phase.kind, phase.region.clone());
            match phases.iter_mut().find(|old| key(&old.part) == key(&new.part)) {
                Some(old) => old.part.window = old.part.window.clone().merge(new.part.window),
                None => phases.push(new),
            }
        }
    }
    (said, phases)
}

fn phase<'a>(node: &Node<'a>, kind: PhaseKind, sources: &Sources<'a>) -> Option<Placed<Phase>> {
    let mut fields = node.fields()?;
    let mut marks = vec![("", node.place())];
    let at = fields.require("at");
    let start = at.as_ref().and_then(values::instant);
    if let Some(at) = &at {
        marks.push(("/window/value/start", at.place()));
    }
    let until = fields.get("until");
    let end = until.as_ref().and_then(values::instant).map(|(end, _)| end);
    if let Some(until) = &until {
        marks.push(("/window/value/end", until.place()));
    }
    let precision = fields.get("precision").and_then(|n| n.word());
    let region = fields.get("region").map_or(Some(Region::WORLD), |n| n.parsed());
    let status = fields.get("status").and_then(|n| n.word()).unwrap_or_default();
    let share = fields.get("share");
    if let Some(share) = &share {
        marks.push(("/share", share.place()));
    }
    let share = share.and_then(|n| n.number());
    let cited = sources.cited(&mut fields);
    fields.finish();
    let (start, implied) = start?;
    let window = Window { start, end, precision: precision.unwrap_or(implied) };
    let part = Phase { kind, region: region?, window: fact(&window, cited)?, status, share };
    Some(Placed { part, marks })
}

/// The sizes, `None` if there is no such field.
fn sizes<'a>(fields: &mut Fields<'a>, sources: &Sources<'a>) -> Option<Vec<Placed<DownloadSize>>> {
    let field = fields.get("size")?;
    let mut sizes: Vec<Placed<DownloadSize>> = Vec::new();
    for new in field.one_or_more().iter().filter_map(|node| size(node, sources)) {
        match sizes.iter_mut().find(|old| old.part.variant == new.part.variant) {
            Some(old) => {
                let part = old.part.clone();
                old.part.wire_bytes = merge_options(part.wire_bytes, new.part.wire_bytes);
                old.part.disk_bytes = merge_options(part.disk_bytes, new.part.disk_bytes);
                old.marks.extend(new.marks);
            }
            None => sizes.push(new),
        }
    }
    Some(sizes)
}

fn size<'a>(node: &Node<'a>, sources: &Sources<'a>) -> Option<Placed<DownloadSize>> {
    let mut fields = node.fields()?;
    let mut marks = vec![("", node.place())];
    let mut range = |key, pointer| {
        let node: Option<Node<'a>> = fields.get(key);
        marks.extend(node.as_ref().map(|n| (pointer, n.place())));
        node.as_ref().and_then(values::bytes)
    };
    let wire = range("wire", "/wire_bytes");
    let disk = range("disk", "/disk_bytes");
    if wire.is_none() && disk.is_none() && marks.len() == 1 {
        return node.wrong("needs \"wire\" or \"disk\"; leave the size out if neither is known");
    }
    let variant = fields.get("variant").and_then(|n| n.text()).map(str::to_owned);
    let cited: Vec<Evidence> = sources.cited(&mut fields);
    fields.finish();
    let fact_of = |range: Option<ByteRange>| range.and_then(|range| fact(&range, cited.clone()));
    let part = DownloadSize { variant, wire_bytes: fact_of(wire), disk_bytes: fact_of(disk) };
    Some(Placed { part, marks })
}

fn weights<'a>(fields: &mut Fields<'a>, sources: &Sources<'a>) -> Vec<Placed<RegionalWeight>> {
    let nodes = fields.get("weight");
    nodes.iter().flat_map(Node::one_or_more).filter_map(|node| weight(&node, sources)).collect()
}

fn weight<'a>(node: &Node<'a>, sources: &Sources<'a>) -> Option<Placed<RegionalWeight>> {
    let mut fields = node.fields()?;
    let share = fields.require("share").and_then(|n| n.number());
    let region = fields.get("region").map_or(Some(Region::WORLD), |n| n.parsed());
    let cited = sources.cited(&mut fields);
    fields.finish();
    let part = RegionalWeight { region: region?, share: fact(&share?, cited)? };
    Some(Placed { part, marks: vec![("", node.place())] })
}

fn audience<'a>(
    fields: &mut Fields<'a>,
    sources: &Sources<'a>,
    mark: &mut impl FnMut(&str, Place),
) -> Audience {
    let mut signal = |key: &'static str| {
        let node = fields.get(key)?;
        mark(&format!("/audience/{key}"), node.place());
        let counts = node.one_or_more().into_iter().filter_map(|node| people(&node, sources));
        counts.reduce(Fact::merge)
    };
    Audience {
        concurrent_peak: signal("concurrent_peak"),
        mau: signal("mau"),
        wishlists: signal("wishlists"),
        followers: signal("followers"),
        rank: signal("rank"),
        popularity: None,
    }
}

fn people<'a>(node: &Node<'a>, sources: &Sources<'a>) -> Option<Fact<u64>> {
    let mut fields = node.fields()?;
    let count = fields.require("count").and_then(|n| n.count());
    let cited = sources.cited(&mut fields);
    fields.finish();
    fact(&count?, cited)
}
