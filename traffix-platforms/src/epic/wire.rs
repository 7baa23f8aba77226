//! The store's and the launcher's documents, as they are sent.

use serde::Deserialize;

/// Answer of the store's catalogue, both of the list of promotions and of the search.
#[derive(Deserialize)]
pub(super) struct StoreAnswer {
    pub(super) data: Option<StoreData>,
    pub(super) errors: Option<Vec<StoreProblem>>,
}

#[derive(Deserialize)]
pub(super) struct StoreProblem {
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct StoreData {
    #[serde(rename = "Catalog")]
    pub(super) catalog: Option<StoreCatalog>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoreCatalog {
    pub(super) search_store: Option<SearchStore>,
}

#[derive(Deserialize)]
pub(super) struct SearchStore {
    pub(super) elements: Option<Vec<Option<Offer>>>,
    pub(super) paging: Option<Paging>,
}

#[derive(Deserialize)]
pub(super) struct Paging {
    pub(super) total: Option<u64>,
}

/// An offer. Dates are texts: placeholders in them must not break the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    pub(super) id: String,
    pub(super) title: Option<String>,
    #[serde(rename = "offerType")]
    pub(super) kind: Option<String>,
    pub(super) effective_date: Option<String>,
    pub(super) release_date: Option<String>,
    pub(super) pc_release_date: Option<String>,
    pub(super) seller: Option<Seller>,
    pub(super) publisher_display_name: Option<String>,
    pub(super) developer_display_name: Option<String>,
    pub(super) product_slug: Option<String>,
    pub(super) catalog_ns: Option<CatalogNs>,
    pub(super) key_images: Option<Vec<KeyImage>>,
    pub(super) categories: Option<Vec<Category>>,
    pub(super) promotions: Option<Promotions>,
}

#[derive(Deserialize)]
pub(super) struct Seller {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CatalogNs {
    pub(super) mappings: Option<Vec<Mapping>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mapping {
    pub(super) page_slug: Option<String>,
    pub(super) page_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct KeyImage {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Promotions {
    pub(super) promotional_offers: Option<Vec<PromotionGroup>>,
    pub(super) upcoming_promotional_offers: Option<Vec<PromotionGroup>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromotionGroup {
    pub(super) promotional_offers: Option<Vec<Promotion>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Promotion {
    pub(super) start_date: Option<String>,
    pub(super) end_date: Option<String>,
    pub(super) discount_setting: Option<DiscountSetting>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiscountSetting {
    /// The share that is still to pay, in percent.
    #[serde(default, deserialize_with = "crate::wire::count")]
    pub(super) discount_percentage: Option<u64>,
}

/// The content of a product's page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Product {
    pub(super) product_name: Option<String>,
    pub(super) pages: Option<Vec<ProductPage>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductPage {
    pub(super) last_modified: Option<String>,
    pub(super) item: Option<ProductItem>,
    pub(super) data: Option<ProductData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductItem {
    pub(super) catalog_id: Option<String>,
    pub(super) app_name: Option<String>,
    pub(super) namespace: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ProductData {
    pub(super) requirements: Option<Requirements>,
}

#[derive(Deserialize)]
pub(super) struct Requirements {
    pub(super) systems: Option<Vec<System>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct System {
    pub(super) system_type: Option<String>,
    pub(super) details: Option<Vec<Requirement>>,
}

#[derive(Deserialize)]
pub(super) struct Requirement {
    pub(super) title: Option<String>,
    pub(super) minimum: Option<String>,
}

/// The launcher's builds of an item.
#[derive(Deserialize)]
pub(super) struct ItemBuilds {
    pub(super) elements: Option<Vec<ItemBuild>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemBuild {
    pub(super) build_version: String,
    pub(super) manifests: Option<Vec<SignedUri>>,
    pub(super) is_preloaded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedUri {
    pub(super) uri: String,
    pub(super) query_params: Option<Vec<QueryParam>>,
}

#[derive(Deserialize)]
pub(super) struct QueryParam {
    pub(super) name: String,
    pub(super) value: String,
}

/// The older answer about a build.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asset {
    pub(super) build_version: String,
    pub(super) items: Option<AssetItems>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) struct AssetItems {
    pub(super) manifest: Option<AssetItem>,
}

#[derive(Deserialize)]
pub(super) struct AssetItem {
    pub(super) distribution: String,
    pub(super) path: String,
    pub(super) signature: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DistributionPoints {
    pub(super) distributions: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct AndroidAnswer {
    pub(super) results: Option<Vec<AndroidResult>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AndroidResult {
    pub(super) namespace: String,
    pub(super) catalog_item_id: String,
    pub(super) metadata: Option<AndroidMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AndroidMetadata {
    pub(super) build_version: Option<String>,
    #[serde(default, deserialize_with = "crate::wire::count")]
    pub(super) download_size_bytes: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Maintenances {
    pub(super) scheduled_maintenances: Vec<WireMaintenance>,
}

#[derive(Deserialize)]
pub(super) struct WireMaintenance {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) scheduled_for: Option<String>,
    pub(super) scheduled_until: Option<String>,
    pub(super) components: Option<Vec<Component>>,
}

#[derive(Deserialize)]
pub(super) struct Component {
    pub(super) name: Option<String>,
}
