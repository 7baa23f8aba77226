//! The store: its present operations, its pages and its older interface; fields that nobody reads are left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The envelope of an operation.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) data: Option<T>,
    #[serde(default)]
    pub(super) errors: Vec<Refusal>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ProductData {
    pub(super) product_retrieve: Option<Product>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GridData {
    pub(super) category_grid_retrieve: Option<Grid>,
}

/// Part of a category: products, or concepts that hold them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Grid {
    #[serde(deserialize_with = "list")]
    pub(super) products: Vec<Product>,
    #[serde(deserialize_with = "list")]
    pub(super) concepts: Vec<Concept>,
    pub(super) page_info: PageInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Concept {
    #[serde(deserialize_with = "list")]
    pub(super) products: Vec<Product>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PageInfo {
    #[serde(deserialize_with = "crate::wire::count")]
    pub(super) total_count: Option<u64>,
    pub(super) is_last: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) np_title_id: Option<String>,
    pub(super) publisher_name: Option<String>,
    pub(super) release_date: Option<String>,
    pub(super) store_display_classification: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) media: Vec<Media>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Media {
    pub(super) r#type: Option<String>,
    pub(super) role: Option<String>,
    pub(super) url: Option<String>,
}

/// The script `__NEXT_DATA__` of a page: objects by `Type:id:locale`.
#[derive(Deserialize)]
pub(super) struct PageData {
    props: PageProps,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageProps {
    apollo_state: BTreeMap<String, Box<RawValue>>,
}

impl PageData {
    /// The products in it, as they are written.
    pub(super) fn products(&self) -> impl Iterator<Item = &RawValue> {
        let state = self.props.apollo_state.iter();
        state.filter(|(key, _)| key.starts_with("Product:")).map(|(_, value)| &**value)
    }
}

/// A product of the older interface.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) provider_name: Option<String>,
    pub(super) release_date: Option<String>,
    /// Milliseconds since 1970 of the last change.
    #[serde(deserialize_with = "crate::wire::count")]
    pub(super) timestamp: Option<u64>,
}

/// A list that may be `null`, as may its members.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list: Option<Vec<Option<T>>> = Option::deserialize(deserializer)?;
    Ok(list.unwrap_or_default().into_iter().flatten().collect())
}
