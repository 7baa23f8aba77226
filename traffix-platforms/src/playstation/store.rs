//! The store: categories, products and pages.

use bytes::Bytes;
use scraper::{Html, Selector};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use traffix_core::catalogue::Region;

use super::wire::{Answer, Container, Grid, GridData, PageData, Product, ProductData};
use super::{ID, observe};
use crate::embedded::must;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{ListingObservation, PlatformError};

/// The operations of the web store and the hashes of their texts as of August 2026. A deployment may change them:
/// then the store refuses with `PersistedQueryNotFound`.
const PRODUCT: (&str, &str) =
    ("metGetProductById", "a128042177bd93dd831164103d53b73ef790d56f51dae647064cb8f9d9fc9d1a");
const GRID: (&str, &str) =
    ("categoryGridRetrieve", "9845afc0dbaab4965f6563fffc703f588c8e76792000e8610843b8d3ee9c4c09");

/// Titles on one page of a category.
pub(super) const PAGE: u64 = 100;
/// The store gives no more of a category.
pub(super) const MAX_OFFSET: u64 = 10_000;

/// The categories that discovery reads, in this order, with their identifiers.
pub(super) const CATEGORIES: [(&str, &str); 2] =
    [("upcoming", "3bf499d7-7acf-4931-97dd-2667494ee2c9"), ("new", "e1699f77-77e1-43ca-a296-26d08abacb0f")];

/// The store's name of a country with its main language; English where both are spoken or nothing is known.
pub(super) fn locale(region: &Region) -> String {
    let language = match region.as_str() {
        "world" => return "en-us".into(),
        "DE" | "AT" | "CH" => "de",
        "FR" | "BE" | "LU" => "fr",
        "IT" => "it",
        "ES" | "MX" | "AR" | "CL" | "CO" | "PE" => "es",
        "BR" | "PT" => "pt",
        "JP" => "ja",
        "KR" => "ko",
        "NL" => "nl",
        "PL" => "pl",
        "TW" => return "zh-hant-tw".into(),
        _ => "en",
    };
    format!("{language}-{}", region.as_str().to_ascii_lowercase())
}

/// Runs an operation. `Ok(None)` if the store does not know the hash.
async fn operate<T: DeserializeOwned>(
    up: &dyn Upstream,
    (name, hash): (&'static str, &str),
    variables: &Value,
    locale: &str,
) -> Result<Option<Fetched<T>>, PlatformError> {
    let call = Call::new(ID, name, up);
    let extensions = json!({"persistedQuery": {"sha256Hash": hash, "version": 1}});
    let request = Request::get("https://web.np.playstation.com/api/graphql/v1/op")
        .query("operationName", name)
        .query("variables", variables)
        .query("extensions", extensions)
        .header("content-type", "application/json")
        .header("x-psn-store-locale-override", locale)
        .fresh_for(3_600);
    let answer: Fetched<Answer<T>> = call.json(request).await?;
    let refusal = answer.value.errors.iter().find_map(|refusal| refusal.message.as_deref());
    match (refusal, &answer.value.data) {
        (Some("PersistedQueryNotFound"), _) => Ok(None),
        (refusal, None) => Err(call.malformed("data", refusal.unwrap_or("nothing in it"))),
        (_, Some(_)) => {
            let Fetched { value, source, observed_at } = answer;
            Ok(value.data.map(|value| Fetched { value, source, observed_at }))
        }
    }
}

/// The product of an identifier, from the present interface.
pub(super) async fn product(up: &dyn Upstream, id: &str) -> Result<Option<Fetched<Product>>, PlatformError> {
    let found = operate::<ProductData>(up, PRODUCT, &json!({"productId": id}), "en-us").await?;
    let Some(found) = found else { return Ok(None) };
    let Fetched { value, source, observed_at } = found;
    let product = value.product_retrieve.filter(|product| product.id == id);
    let value = product.ok_or_else(|| Call::new(ID, PRODUCT.0, up).not_found(id))?;
    Ok(Some(Fetched { value, source, observed_at }))
}

/// Part of a category.
pub(super) async fn category(
    up: &dyn Upstream,
    id: &str,
    offset: u64,
    locale: &str,
) -> Result<Fetched<Grid>, PlatformError> {
    let call = Call::new(ID, GRID.0, up);
    // In the order of names, however the serialiser orders them: the same request has the same address.
    let variables = json!({
        "facetOptions": [],
        "filterBy": [],
        "id": id,
        "pageArgs": {"offset": offset, "size": PAGE},
        "sortBy": null,
    });
    let found = operate::<GridData>(up, GRID, &variables, locale).await?;
    let found =
        found.ok_or_else(|| call.malformed("errors", "the hash of the operation is no longer known"))?;
    let Fetched { value, source, observed_at } = found;
    let grid = value.category_grid_retrieve;
    let value = grid.ok_or_else(|| call.malformed("data.categoryGridRetrieve", "no such category here"))?;
    Ok(Fetched { value, source, observed_at })
}

/// The product of an identifier, from the older interface, which is being retired.
pub(super) async fn container(up: &dyn Upstream, id: &str) -> Result<Fetched<Container>, PlatformError> {
    let call = Call::new(ID, "chihiro", up);
    let request =
        Request::get("https://store.playstation.com/store/api/chihiro/00_09_000/container/US/en/999")
            .segment(id)
            .fresh_for(3_600);
    let found: Fetched<Container> = call.json(request).await?;
    if found.value.id == id { Ok(found) } else { Err(call.not_found(id)) }
}

/// The products on a page of the store such as `latest` or `deals`, seen from `region`: names, titles and pictures,
/// neither dates nor sizes.
///
/// # Errors
/// As every request; [`PlatformError::Malformed`] if the page has no data in it.
pub async fn store_page(
    up: &dyn Upstream,
    region: &Region,
    page: &str,
) -> Result<Vec<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "store page", up);
    let request =
        Request::get("https://store.playstation.com").segment(locale(region)).segment("pages").segment(page);
    let fetched = call.bytes(request.fresh_for(3_600)).await?;
    let script = next_data(&fetched.value).ok_or_else(|| call.malformed("page", "no __NEXT_DATA__ in it"))?;
    let data: PageData = call.parse_json(script.as_bytes())?;
    let evidence = fetched.evidence();
    let products = data.products().map(|product| call.parse_json::<Product>(product.get().as_bytes()));
    let products = products.collect::<Result<Vec<_>, _>>()?;
    let named = products.iter().filter(|product| !product.id.is_empty());
    Ok(named.map(|product| observe::product(product, &evidence)).collect())
}

/// The text of the script that holds a page's data.
pub(super) fn next_data(page: &Bytes) -> Option<String> {
    let selector =
        must("selector", Selector::parse("script#__NEXT_DATA__").map_err(|error| error.to_string()));
    let html = Html::parse_document(&String::from_utf8_lossy(page));
    let script = html.select(&selector).next()?;
    Some(script.text().collect())
}
