//! GOG's documents, as they are sent.

use serde::Deserialize;

use crate::wire::{count, unix};

#[derive(Deserialize)]
pub(super) struct Product {
    pub(super) title: Option<String>,
    pub(super) game_type: Option<String>,
    pub(super) release_date: Option<String>,
    pub(super) content_system_compatibility: Option<Systems>,
    pub(super) links: Option<Links>,
    pub(super) images: Option<Images>,
    pub(super) downloads: Option<Downloads>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Systems {
    pub(super) windows: bool,
    pub(super) osx: bool,
}

#[derive(Deserialize)]
pub(super) struct Links {
    pub(super) product_card: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Images {
    pub(super) logo: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Downloads {
    pub(super) installers: Option<Vec<Installer>>,
}

#[derive(Deserialize)]
pub(super) struct Installer {
    pub(super) os: Option<String>,
    pub(super) language: Option<String>,
    #[serde(default, deserialize_with = "count")]
    pub(super) total_size: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Builds {
    pub(super) items: Vec<BuildItem>,
}

#[derive(Deserialize)]
pub(super) struct BuildItem {
    pub(super) build_id: String,
    pub(super) branch: Option<String>,
    pub(super) version_name: Option<String>,
    pub(super) public: Option<bool>,
    pub(super) date_published: Option<String>,
    #[serde(default, deserialize_with = "count")]
    pub(super) generation: Option<u64>,
    pub(super) link: Option<String>,
}

/// A build of generation 2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetaBuild {
    pub(super) base_product_id: Option<String>,
    #[serde(default)]
    pub(super) depots: Vec<Depot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Depot {
    pub(super) manifest: String,
    pub(super) product_id: Option<String>,
    #[serde(default)]
    pub(super) languages: Vec<String>,
    pub(super) os_bitness: Option<Vec<String>>,
    #[serde(default, deserialize_with = "count")]
    pub(super) size: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) compressed_size: Option<u64>,
}

/// The files of a depot of generation 2.
#[derive(Deserialize)]
pub(super) struct DepotManifest {
    pub(super) depot: DepotItems,
}

#[derive(Deserialize)]
pub(super) struct DepotItems {
    #[serde(default)]
    pub(super) items: Vec<DepotItem>,
}

#[derive(Deserialize)]
pub(super) struct DepotItem {
    #[serde(default)]
    pub(super) chunks: Vec<DepotChunk>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DepotChunk {
    pub(super) compressed_md5: String,
    #[serde(default, deserialize_with = "count")]
    pub(super) compressed_size: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) size: Option<u64>,
}

/// A build of generation 1.
#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) product: RepositoryProduct,
}

#[derive(Deserialize)]
pub(super) struct RepositoryProduct {
    #[serde(default)]
    pub(super) depots: Vec<RepositoryDepot>,
}

/// A depot of generation 1, or a package of a third party, which has no languages.
#[derive(Deserialize)]
pub(super) struct RepositoryDepot {
    pub(super) languages: Option<Vec<String>>,
    pub(super) systems: Option<Vec<String>>,
    #[serde(default, deserialize_with = "count")]
    pub(super) size: Option<u64>,
}

/// The files of a depot of generation 1.
#[derive(Deserialize)]
pub(super) struct OldManifest {
    pub(super) depot: OldFiles,
}

#[derive(Deserialize)]
pub(super) struct OldFiles {
    #[serde(default)]
    pub(super) files: Vec<OldFile>,
}

#[derive(Deserialize)]
pub(super) struct OldFile {
    #[serde(default, deserialize_with = "count")]
    pub(super) size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    pub(super) products: Vec<ListItem>,
    #[serde(default, deserialize_with = "count")]
    pub(super) total_pages: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListItem {
    pub(super) id: u64,
    pub(super) title: Option<String>,
    pub(super) url: Option<String>,
    pub(super) image: Option<String>,
    pub(super) developer: Option<String>,
    pub(super) publisher: Option<String>,
    #[serde(default, deserialize_with = "unix")]
    pub(super) release_date: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default, deserialize_with = "unix")]
    pub(super) global_release_date: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default, rename = "isTBA")]
    pub(super) is_tba: Option<bool>,
    pub(super) is_movie: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Catalogue {
    pub(super) products: Vec<CatalogueItem>,
    #[serde(default, deserialize_with = "count")]
    pub(super) pages: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CatalogueItem {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) store_link: Option<String>,
    pub(super) store_release_date: Option<String>,
    pub(super) release_date: Option<String>,
    pub(super) developers: Option<Vec<String>>,
    pub(super) publishers: Option<Vec<String>>,
}

/// What the client is told when it starts.
#[derive(Deserialize)]
pub(super) struct ClientConfig {
    pub(super) end_points: EndPoints,
}

#[derive(Deserialize)]
pub(super) struct EndPoints {
    pub(super) cdn: Option<String>,
    pub(super) files: Option<String>,
}
