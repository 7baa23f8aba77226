//! One release or update.

use std::fmt::Display;
use std::str::FromStr;

use crate::catalogue::{Content, Listing, Ru, RuId, RuKind, Thumbnail};

use super::listings::{self, Common};
use super::node::{Fields, Node};
use super::place::Places;
use super::sources::Sources;

/// What `[defaults]` may hold.
const DEFAULTS: [&str; 6] = ["content", "franchise", "publishers", "developers", "categories", "platforms"];

/// Refuses what cannot be a default.
pub(super) fn check_defaults(defaults: Option<&Node<'_>>) {
    let Some(mut fields) = defaults.and_then(Node::fields) else { return };
    for key in DEFAULTS {
        fields.get(key);
    }
    fields.finish();
}

/// An RU's fields, those of the file's `[defaults]` behind them.
struct Scope<'a, 'd> {
    fields: Fields<'a>,
    defaults: Option<&'d Node<'a>>,
    places: Places,
}

/// The RU and where its parts stand, or `None` if something in it is wrong.
pub(super) fn read<'a>(
    node: &Node<'a>,
    defaults: Option<&Node<'a>>,
    sources: &Sources<'a>,
) -> Option<(Ru, Places)> {
    let before = node.errors();
    let node = node.clone().named(name(node));
    let mut scope = Scope { fields: node.fields()?, defaults, places: Places::default() };
    scope.places.mark("", node.place());
    let id = scope.require("id").and_then(|n| n.parsed::<RuId>());
    let title = scope.require("title").and_then(|n| n.text());
    let kind = scope.require("kind").and_then(|n| n.word::<RuKind>());
    let release = scope.fields.get("release");
    scope.places.mark("/release", release.as_ref().unwrap_or(&node).place());
    let content = scope.get("content").and_then(|n| n.word::<Content>()).unwrap_or_default();
    let franchise = scope.get("franchise").and_then(|n| n.parsed());
    let publishers = scope.slugs("publishers");
    let developers = scope.slugs("developers");
    let categories = scope.slugs("categories");
    let nsfw = scope.fields.get("nsfw").and_then(|n| n.flag()).unwrap_or(false);
    let thumbnails = scope.thumbnails();
    let evidence = sources.cited(&mut scope.fields);
    let listings = scope.listings(sources);
    scope.fields.finish();
    let ru = Ru {
        id: id?,
        title: title?.to_owned(),
        kind: kind?,
        release: release.as_ref().and_then(Node::parsed),
        content,
        franchise,
        publishers,
        developers,
        categories,
        nsfw,
        thumbnails,
        listings,
        evidence,
    };
    (node.errors() == before).then_some((ru, scope.places))
}

/// `ru[fortnite-og]`, or the position if there is no identifier yet.
fn name(node: &Node<'_>) -> String {
    let id = node.peek("id").filter(Node::is_text).and_then(|id| id.text());
    id.filter(|id| id.len() <= 100).map_or_else(|| node.path().to_owned(), |id| format!("ru[{id}]"))
}

impl<'a> Scope<'a, '_> {
    fn require(&mut self, key: &'static str) -> Option<Node<'a>> {
        let node = self.fields.require(key)?;
        self.places.mark(format!("/{key}"), node.place());
        Some(node)
    }

    /// The RU's own value, else the file's default.
    fn get(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.fields.get(key).or_else(|| self.defaults?.peek(key))
    }

    fn slugs<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Vec<T> {
        let Some(list) = self.get(key) else { return Vec::new() };
        self.places.mark(format!("/{key}"), list.place());
        let items = list.list();
        for (i, item) in items.iter().enumerate() {
            self.places.mark(format!("/{key}/{i}"), item.place());
        }
        items.iter().filter_map(Node::parsed).collect()
    }

    fn thumbnails(&mut self) -> Vec<Thumbnail> {
        let Some(list) = self.fields.get("thumbnails") else { return Vec::new() };
        let items = list.list();
        for (i, item) in items.iter().enumerate() {
            self.places.mark(format!("/thumbnails/{i}"), item.place());
        }
        items.iter().filter_map(thumbnail).collect()
    }

    fn listings(&mut self, sources: &Sources<'a>) -> Vec<Listing> {
        let common = Common::read(&mut self.fields, sources);
        let bare = self.get("platforms").map(|list| list.list()).unwrap_or_default();
        let table = self.fields.get("listings");
        let listings = listings::read(&bare, table.as_ref(), &common, sources, &mut self.places);
        if listings.is_empty() {
            for node in listings::COMMON.iter().filter_map(|key| self.fields.get(key)) {
                node.wrong::<()>("holds for no listing; name a platform in \"platforms\" or \"listings\"");
            }
        }
        listings
    }
}

fn thumbnail(node: &Node<'_>) -> Option<Thumbnail> {
    if node.is_text() {
        return Some(Thumbnail { url: node.text()?.to_owned(), width_px: None, height_px: None });
    }
    let mut fields = node.fields()?;
    let url = fields.require("url").and_then(|n| n.text());
    let pixels = |n: Node<'_>| {
        let count = n.count()?;
        u32::try_from(count).map_err(|_| n.wrong::<()>("must be at most 4294967295 pixels")).ok()
    };
    let width_px = fields.get("width_px").and_then(pixels);
    let height_px = fields.get("height_px").and_then(pixels);
    fields.finish();
    Some(Thumbnail { url: url?.to_owned(), width_px, height_px })
}
