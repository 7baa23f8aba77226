//! The display catalogue as it answers; fields that nobody reads are left out.

#![expect(clippy::struct_field_names, reason = "fields are named as the catalogue names them")]

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// The answer of `/v7.0/products` and of `/v7.0/products/lookup`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Products {
    pub(super) products: Vec<Product>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Product {
    pub(super) product_id: String,
    pub(super) product_kind: Option<String>,
    pub(super) last_modified_date: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) localized_properties: Vec<Texts>,
    #[serde(deserialize_with = "list")]
    pub(super) market_properties: Vec<Market>,
    pub(super) properties: Option<Properties>,
    #[serde(deserialize_with = "list")]
    pub(super) display_sku_availabilities: Vec<Sku>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Texts {
    pub(super) product_title: Option<String>,
    pub(super) developer_name: Option<String>,
    pub(super) publisher_name: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) images: Vec<Image>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Image {
    pub(super) image_purpose: Option<String>,
    pub(super) uri: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Market {
    pub(super) original_release_date: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) markets: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub(super) usage_data: Vec<Usage>,
    #[serde(deserialize_with = "list")]
    pub(super) related_products: Vec<Related>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Usage {
    pub(super) aggregate_time_span: Option<String>,
    pub(super) rating_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Related {
    pub(super) related_product_id: String,
    pub(super) relationship_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Properties {
    pub(super) package_family_name: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) xbox_console_gen_compatible: Vec<String>,
}

/// A SKU with its availabilities: the buyable full game, the pre-order, the trial.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Sku {
    pub(super) sku: Option<SkuBody>,
    #[serde(deserialize_with = "list")]
    pub(super) availabilities: Vec<Offer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SkuBody {
    pub(super) properties: Option<SkuProperties>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SkuProperties {
    #[serde(deserialize_with = "list")]
    pub(super) packages: Vec<Package>,
    #[serde(deserialize_with = "list")]
    pub(super) bundled_skus: Vec<Bundled>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Bundled {
    pub(super) big_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Package {
    pub(super) package_id: String,
    pub(super) package_format: Option<String>,
    pub(super) package_full_name: Option<String>,
    pub(super) max_download_size_in_bytes: Option<u64>,
    pub(super) max_install_size_in_bytes: Option<u64>,
    #[serde(deserialize_with = "list")]
    pub(super) platform_dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Dependency {
    pub(super) platform_name: Option<String>,
}

/// An availability: what may be done from when to when.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Offer {
    #[serde(deserialize_with = "list")]
    pub(super) actions: Vec<String>,
    pub(super) conditions: Option<Conditions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Conditions {
    pub(super) start_date: Option<String>,
}

/// The answer of `/v7.0/productFamilies/autosuggest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Suggestions {
    pub(super) results: Vec<SuggestedFamily>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SuggestedFamily {
    #[serde(deserialize_with = "list")]
    pub(super) products: Vec<Suggested>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Suggested {
    pub(super) product_id: String,
    pub(super) title: Option<String>,
    pub(super) r#type: Option<String>,
}

/// A list that may be `null`.
fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An instant of the catalogue; 1753 and 9998 are its words for "no limit".
pub(super) fn instant(text: Option<&str>) -> Option<DateTime<Utc>> {
    use chrono::Datelike;
    let at = DateTime::parse_from_rfc3339(text?).ok()?.to_utc();
    (1990..9000).contains(&at.year()).then_some(at)
}

#[cfg(test)]
mod tests {
    #[test]
    fn sentinels_are_no_instants() {
        let read = |text| super::instant(Some(text));
        assert_eq!(read("1753-01-01T00:00:00.0000000Z"), None);
        assert_eq!(read("9998-12-30T00:00:00.0000000Z"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(read("2010-10-18T20:04:26.4400000Z").unwrap().timestamp_subsec_millis(), 440);
    }
}
