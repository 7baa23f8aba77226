//! What the codes of products stand for: the service lists codes only.
//!
//! Sources, reviewed 2026-11-21: <https://wowdev.wiki/TACT#Products>; the list of products in the documentation of
//! <https://github.com/wowemulation-dev/cascette-rs>, 2026-02. Codes of tests, tournaments and vendors are left out: they
//! are listed without a title.

use traffix_core::catalogue::Content;

/// A product whose title is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Code of the service.
    pub code: &'static str,
    /// Title as it is sold.
    pub title: &'static str,
    /// A game, or software of the launcher.
    pub content: Content,
}

/// Products whose titles are known, by code.
pub const PRODUCTS: &[Product] = &[
    app("agent", "Battle.net Update Agent"),
    game("anbs", "Diablo Immortal"),
    game("auks", "Call of Duty"),
    app("bna", "Battle.net"),
    app("bts", "Battle.net Bootstrapper"),
    app("catalogs", "Battle.net Catalogue"),
    game("d3", "Diablo III"),
    game("fenris", "Diablo IV"),
    game("fore", "Call of Duty: Vanguard"),
    game("hero", "Heroes of the Storm"),
    game("hsb", "Hearthstone"),
    game("lazr", "Call of Duty: Modern Warfare 2 Campaign Remastered"),
    game("odin", "Call of Duty: Modern Warfare"),
    game("osi", "Diablo II: Resurrected"),
    game("pro", "Overwatch 2"),
    game("rtro", "Blizzard Arcade Collection"),
    game("s1", "StarCraft: Remastered"),
    game("s2", "StarCraft II"),
    game("viper", "Call of Duty: Black Ops 4"),
    game("w1r", "Warcraft I: Remastered"),
    game("w2r", "Warcraft II: Remastered"),
    game("w3", "Warcraft III: Reforged"),
    game("wow", "World of Warcraft"),
    game("wow_anniversary", "World of Warcraft Classic: 20th Anniversary Edition"),
    game("wow_classic", "World of Warcraft Classic"),
    game("wow_classic_era", "World of Warcraft Classic Era"),
    game("wow_classic_titan", "World of Warcraft Classic Titan"),
    game("zeus", "Call of Duty: Black Ops Cold War"),
];

/// The product of this code, if its title is known.
pub(super) fn find(code: &str) -> Option<&'static Product> {
    let index = PRODUCTS.binary_search_by_key(&code, |product| product.code).ok()?;
    PRODUCTS.get(index)
}

const fn game(code: &'static str, title: &'static str) -> Product {
    Product { code, title, content: Content::Game }
}

const fn app(code: &'static str, title: &'static str) -> Product {
    Product { code, title, content: Content::App }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_so_that_they_are_found() {
        assert!(PRODUCTS.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(PRODUCTS.iter().all(|product| find(product.code) == Some(product)));
        assert_eq!(find("wowt"), None);
    }
}
