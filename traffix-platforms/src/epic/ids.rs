//! The identifiers under which a catalogue keeps Epic's titles.

use chrono::{DateTime, Utc};

/// What an external identifier names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EpicId {
    /// `<namespace>/<catalogue item>/<application>`: something that the launcher installs.
    Item(LauncherItem),
    /// 32 hexadecimal digits: something that the store sells.
    Offer(String),
    /// `<offer>:giveaway:<day>`: the days on which an offer costs nothing.
    Giveaway(String),
    /// A product's page of the store, by the last part of its address.
    Page(String),
}

/// Something that the launcher installs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LauncherItem {
    /// The product's namespace: `fn`.
    pub namespace: String,
    /// The item of the catalogue: 32 hexadecimal digits.
    pub catalog_item: String,
    /// The application: `Fortnite`.
    pub app: String,
}

impl LauncherItem {
    /// Reads `fn/4fe75bbc5a674f4f9b356b5c90567da5/Fortnite`.
    ///
    /// ```
    /// use traffix_platforms::epic::LauncherItem;
    /// let item = LauncherItem::parse("fn/4fe75bbc5a674f4f9b356b5c90567da5/Fortnite").unwrap();
    /// assert_eq!(item.app, "Fortnite");
    /// assert_eq!(LauncherItem::parse("Fortnite"), None);
    /// ```
    pub fn parse(external_id: &str) -> Option<Self> {
        let mut words =
            external_id.split('/').filter(|word| !word.is_empty() && *word != "." && *word != "..");
        let (namespace, item, app) = (words.next()?, words.next()?, words.next()?);
        let complete = words.next().is_none() && external_id.matches('/').count() == 2;
        complete.then(|| Self { namespace: namespace.into(), catalog_item: item.into(), app: app.into() })
    }

    /// The identifier as a catalogue keeps it.
    pub fn external_id(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.catalog_item, self.app)
    }
}

impl EpicId {
    pub(super) fn parse(external_id: &str) -> Option<Self> {
        if let Some((offer, _)) = external_id.split_once(":giveaway:") {
            return is_offer(offer).then(|| Self::Giveaway(offer.to_owned()));
        }
        if external_id.contains('/') {
            return LauncherItem::parse(external_id).map(Self::Item);
        }
        if is_offer(external_id) {
            return Some(Self::Offer(external_id.to_owned()));
        }
        let slug = external_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (slug && !external_id.is_empty()).then(|| Self::Page(external_id.to_owned()))
    }
}

/// The identifier of the days from `start` on which `offer` costs nothing.
pub(super) fn giveaway(offer: &str, start: DateTime<Utc>) -> String {
    format!("{offer}:giveaway:{}", start.date_naive())
}

fn is_offer(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let offer = "be5600439b434624802764f704755cde";
        assert_eq!(EpicId::parse(offer), Some(EpicId::Offer(offer.into())));
        assert_eq!(EpicId::parse("ghostrunner-2"), Some(EpicId::Page("ghostrunner-2".into())));
        let giveaway = giveaway(offer, "2026-09-10T17:00:00Z".parse().unwrap());
        assert_eq!(giveaway, "be5600439b434624802764f704755cde:giveaway:2026-09-10");
        assert_eq!(EpicId::parse(&giveaway), Some(EpicId::Giveaway(offer.into())));
        for bad in ["", "a b", "fn/1", "fn//1/App", "fn/../App", "fn/1/App/", "x:giveaway:2026-09-10"] {
            assert_eq!(EpicId::parse(bad), None, "{bad:?}");
        }
    }
}
