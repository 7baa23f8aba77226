//! Origin's documents, as they are sent.

use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    #[serde(rename = "offerId")]
    pub(super) id: String,
    pub(super) localizable_attributes: Option<Localizable>,
    pub(super) custom_attributes: Option<Custom>,
    pub(super) publishing: Option<Publishing>,
    pub(super) updated_date: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Localizable {
    pub(super) display_name: Option<String>,
    pub(super) pack_art_large: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Custom {
    pub(super) image_server: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Publishing {
    pub(super) software_control_dates: Option<ControlDates>,
    pub(super) software_list: Option<SoftwareList>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ControlDates {
    pub(super) software_control_date: Option<Vec<ControlDate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ControlDate {
    pub(super) platform: Option<String>,
    pub(super) download_start_date: Option<DateTime<Utc>>,
    pub(super) release_date: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct SoftwareList {
    pub(super) software: Option<Vec<Software>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Software {
    pub(super) software_platform: Option<String>,
    #[serde(rename = "downloadURLs")]
    pub(super) download_urls: Option<DownloadUrls>,
}

#[derive(Deserialize)]
pub(super) struct DownloadUrls {
    #[serde(rename = "downloadURL")]
    pub(super) download_url: Option<Vec<Download>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Download {
    pub(super) build_release_version: Option<String>,
    #[serde(rename = "downloadURL")]
    pub(super) address: Option<String>,
    #[serde(rename = "downloadURLType")]
    pub(super) kind: Option<String>,
    pub(super) effective_date: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct Supercat {
    pub(super) offers: Vec<SupercatOffer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SupercatOffer {
    pub(super) offer_id: String,
    pub(super) item_name: Option<String>,
    pub(super) origin_display_type: Option<String>,
    pub(super) i18n: Option<SupercatNames>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SupercatNames {
    pub(super) display_name: Option<String>,
}
