//! The interfaces that are asked, each as one function from arguments to document.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::json;
use traffix_core::catalogue::Region;

use super::ID;
use super::appinfo::AppInfo;
use super::wire::{Details, DetailsEntry, Enveloped, Item, Items, PatchInfo};
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Placement, Request, Response, Upstream, UpstreamError};

/// Name under which the operator configures the key of the web API.
pub(super) const CREDENTIAL: &str = "steam";
/// The store answers about 200 requests in five minutes: its pages are kept for hours.
const PAGE_FRESH_SECS: u32 = 6 * 3600;
/// Builds change without notice; the mirror is run by volunteers and publishes no limit.
const INFO_FRESH_SECS: u32 = 900;

/// One method of the web API.
pub(super) fn web_api(path: &str) -> Request {
    let host = Request::get("https://api.steampowered.com/");
    // An empty segment makes the final slash.
    path.split('/').chain([""]).fold(host, Request::segment)
}

/// The same asked by its single JSON argument. Write its members in alphabetical order: then the address is the same
/// whether or not the program's JSON objects keep the order in which they were written.
pub(super) fn web_api_json(path: &str, input: &serde_json::Value) -> Request {
    web_api(path).query("input_json", input)
}

/// The country that `region` is for the store; the largest one where it is none.
pub(super) fn country(region: &Region) -> &str {
    let code = region.as_str();
    if code.len() == 2 && code != "EU" { code } else { "US" }
}

/// The store page of `app`.
///
/// # Errors
/// [`PlatformError::NotFound`] if the store hides it.
pub(super) async fn details(up: &dyn Upstream, app: u32) -> Result<Fetched<Details>, PlatformError> {
    let call = Call::new(ID, "appdetails", up);
    let request = Request::get("https://store.steampowered.com/api/appdetails");
    let request =
        request.query("appids", app).query("cc", "US").query("l", "english").fresh_for(PAGE_FRESH_SECS);
    let mut answer = call.json::<BTreeMap<String, DetailsEntry>>(request).await?;
    let entry = answer.value.remove(&app.to_string());
    match entry.filter(|entry| entry.success).and_then(|entry| entry.data) {
        Some(details) => Ok(answer.map(|_| details)),
        None => Err(call.not_found(app.to_string())),
    }
}

/// The store items of `apps`, at most a hundred; those that are not found are left out.
pub(super) async fn items(
    up: &dyn Upstream,
    apps: &[u32],
    country: &str,
) -> Result<Fetched<Vec<Item>>, PlatformError> {
    let ids: Vec<_> = apps.iter().map(|app| json!({ "appid": app })).collect();
    let input = json!({
        "context": { "country_code": country, "language": "english", "steam_realm": 1 },
        "data_request": { "include_assets": true, "include_basic_info": true, "include_release": true },
        "ids": ids,
    });
    let request = web_api_json("IStoreBrowseService/GetItems/v1", &input).fresh_for(PAGE_FRESH_SECS / 6);
    let answer = Call::new(ID, "GetItems", up).json::<Enveloped<Items>>(request).await?;
    Ok(answer.map(|answer| {
        let mut found = answer.response.store_items;
        found.retain(|item| item.success == Some(1));
        found
    }))
}

/// The store item of one app.
///
/// # Errors
/// [`PlatformError::NotFound`] if the store has none.
pub(super) async fn item(up: &dyn Upstream, app: u32) -> Result<Fetched<Item>, PlatformError> {
    let mut answer = items(up, &[app], "US").await?;
    match answer.value.iter().position(|item| item.id == app) {
        Some(index) => {
            let item = answer.value.swap_remove(index);
            Ok(answer.map(|_| item))
        }
        None => Err(Call::new(ID, "GetItems", up).not_found(app.to_string())),
    }
}

/// What Steam's client knows about `app`, from the mirror `api.steamcmd.net`, which volunteers run.
///
/// # Errors
/// [`PlatformError::NotFound`] if there is no such app, else as every request.
pub async fn product_info(up: &dyn Upstream, app: u32) -> Result<Fetched<AppInfo>, PlatformError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        data: BTreeMap<String, AppInfo>,
    }
    let call = Call::new(ID, "product info", up);
    let request = Request::get("https://api.steamcmd.net/v1/info").segment(app).fresh_for(INFO_FRESH_SECS);
    let mut answer = call.json::<Answer>(request).await?;
    // An app that does not exist is an empty object.
    match answer.value.data.remove(&app.to_string()).filter(|info| *info != AppInfo::default()) {
        Some(info) => Ok(answer.map(|_| info)),
        None => Err(call.not_found(app.to_string())),
    }
}

/// Bytes on the wire that a client transfers to get `depot` from one manifest to another, where Steam has prepared
/// the difference; nothing where it has not, and clients fetch whole chunks.
///
/// Chunks without a predecessor come on top. The interface is documented by its protocol definition only.
///
/// # Errors
/// Those of the request.
pub async fn depot_patch_size(
    up: &dyn Upstream,
    app: u32,
    depot: u32,
    (from, to): (u64, u64),
) -> Result<Option<u64>, PlatformError> {
    let request = web_api("IContentServerDirectoryService/GetDepotPatchInfo/v1")
        .query("appid", app)
        .query("depotid", depot)
        .query("source_manifestid", from)
        .query("target_manifestid", to)
        .fresh_for(24 * 3600);
    let answer = Call::new(ID, "GetDepotPatchInfo", up).json::<Enveloped<PatchInfo>>(request).await?;
    let info = answer.value.response;
    Ok(info.patch_size.filter(|_| info.is_available))
}

/// The answer to a method that needs the operator's key.
///
/// # Errors
/// Besides those of every request: [`UpstreamError::MissingCredential`] without a key,
/// [`UpstreamError::RefusedCredential`] if Steam does not accept it for this.
pub(super) async fn keyed<T: DeserializeOwned>(
    up: &dyn Upstream,
    operation: &'static str,
    request: Request,
) -> Result<Fetched<T>, PlatformError> {
    let call = Call::new(ID, operation, up);
    let (response, source) = keyed_response(up, operation, request).await?;
    let value = call.parse_json(&response.body)?;
    Ok(Fetched { value, source, observed_at: response.observed_at })
}

/// As [`keyed`], before anybody reads the body.
pub(super) async fn keyed_response(
    up: &dyn Upstream,
    operation: &'static str,
    request: Request,
) -> Result<(Response, String), PlatformError> {
    let call = Call::new(ID, operation, up);
    let request = request.credential(CREDENTIAL, Placement::Query("key"));
    let response = call.response(&request).await?;
    let upstream = |source| PlatformError::Upstream { platform: ID, operation, source };
    match response.status {
        200..300 => Ok((response, request.url.to_string())),
        400 if mentions_key(&response.body) => Err(upstream(UpstreamError::MissingCredential(CREDENTIAL))),
        401 | 403 => Err(upstream(UpstreamError::RefusedCredential(CREDENTIAL))),
        // Without the query: it may name people.
        404 => Err(call.not_found(request.url.path())),
        status => Err(call.malformed("status", status.to_string())),
    }
}

/// Whether a page of HTML, which is how the web API says what is wrong, complains about the key.
fn mentions_key(body: &[u8]) -> bool {
    body.windows(b"'key'".len()).any(|part| part == b"'key'")
}
