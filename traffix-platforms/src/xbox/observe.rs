//! From a product of the display catalogue to an observation.

use chrono::{DateTime, NaiveTime, Utc};
use traffix_core::catalogue::{Build, Content, Phase, PhaseKind, Precision, Region, RuKind, Thumbnail};
use traffix_core::{Evidence, Fact};

use super::ID;
use super::sizes::{XBOX, download_sizes, packages};
use super::wire::{Image, Market, Product, instant};
use crate::{BuildObservation, ListingObservation, phase};

/// Pictures that stand for the title; screenshots do not.
const COVERS: [&str; 4] = ["BoxArt", "Poster", "SuperHeroArt", "TitledHeroArt"];

/// What the catalogue says about `product`; of a bundle the sizes are still missing.
pub(super) fn observation(product: &Product, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, product.product_id.clone(), evidence.clone());
    let texts = product.localized_properties.first();
    seen.title = texts.and_then(|texts| text(texts.product_title.as_ref()));
    seen.publishers = texts.and_then(|texts| text(texts.publisher_name.as_ref())).into_iter().collect();
    seen.developers = texts.and_then(|texts| text(texts.developer_name.as_ref())).into_iter().collect();
    seen.thumbnails =
        texts.into_iter().flat_map(|texts| &texts.images).filter_map(thumbnail).take(3).collect();
    seen.content = content(product.product_kind.as_deref());
    if product.product_kind.as_deref() == Some("Durable") {
        seen.updates = parent(product);
        seen.kind = if seen.updates.is_some() { RuKind::Update } else { RuKind::Release };
    }
    seen.changed_at = instant(product.last_modified_date.as_deref());
    seen.listing.url = url(&product.product_id);
    seen.listing.aliases = aliases(product);
    seen.listing.sizes = download_sizes(std::slice::from_ref(product), &with_generations(product, evidence));
    seen.listing.phases = phases(product, evidence);
    seen.builds = build(product, evidence).into_iter().collect();
    seen.listing.build = seen.builds.last().map(|seen| Fact::new(seen.build.clone(), seen.evidence.clone()));
    seen
}

/// Add-ons change a game; everything that is neither an application nor an add-on of one is one.
pub(super) fn content(kind: Option<&str>) -> Content {
    if kind == Some("Application") { Content::App } else { Content::Game }
}

pub(super) fn text(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn thumbnail(image: &Image) -> Option<Thumbnail> {
    let purpose = image.image_purpose.as_deref()?;
    let address = image.uri.as_deref()?;
    // The catalogue leaves the scheme out.
    let url = address.strip_prefix("//").map(|rest| format!("https://{rest}"))?;
    COVERS.contains(&purpose).then_some(Thumbnail { url, width_px: image.width, height_px: image.height })
}

fn url(id: &str) -> Option<String> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| format!("https://www.microsoft.com/store/productId/{id}"))
}

fn aliases(product: &Product) -> Vec<String> {
    let family = product.properties.as_ref().and_then(|known| text(known.package_family_name.as_ref()));
    family.into_iter().collect()
}

fn parent(product: &Product) -> Option<String> {
    let mut related = product.market_properties.iter().flat_map(|market| &market.related_products);
    let parent = related.find(|other| other.relationship_type.as_deref() == Some("Parent"))?;
    (!parent.related_product_id.is_empty()).then(|| parent.related_product_id.clone())
}

/// The console generations belong to the size: a reader sees whose package it is.
fn with_generations(product: &Product, evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    let generations = product.properties.iter().flat_map(|known| &known.xbox_console_gen_compatible);
    let generations: Vec<_> = generations.take(8).map(String::as_str).collect();
    if !generations.is_empty() {
        evidence.note = Some(format!("for {}", generations.join(", ")));
    }
    evidence
}

/// Unlock, and preload where the package could be fetched before it.
fn phases(product: &Product, evidence: &Evidence) -> Vec<Phase> {
    let market = product.market_properties.iter().find(|market| market.original_release_date.is_some());
    let Some(market) = market else { return Vec::new() };
    let Some(release) = instant(market.original_release_date.as_deref()) else { return Vec::new() };
    let region = region(market);
    let unlock = phase(PhaseKind::Unlock, region.clone(), (release, precision(release)), evidence.clone());
    let Some(from) = preload(product).filter(|from| *from < release) else { return vec![unlock] };
    let mut hint = evidence.clone();
    hint.confidence = 0.6;
    hint.note = Some("the package could be fulfilled from here on; all of it may have come later".into());
    vec![phase(PhaseKind::Preload, region, (from, precision(from)), hint), unlock]
}

/// The first instant from which a package can be fetched.
fn preload(product: &Product) -> Option<DateTime<Utc>> {
    let offers = product.display_sku_availabilities.iter().flat_map(|sku| &sku.availabilities);
    let open = offers.filter(|offer| offer.actions.iter().any(|action| action == "Fulfill"));
    open.filter_map(|offer| instant(offer.conditions.as_ref()?.start_date.as_deref())).min()
}

/// Publishers who give only a day leave midnight.
fn precision(at: DateTime<Utc>) -> Precision {
    if at.time() == NaiveTime::MIN { Precision::Day } else { Precision::Minute }
}

fn region(market: &Market) -> Region {
    match market.markets.as_slice() {
        [only] => only.parse().unwrap_or(Region::WORLD),
        _ => Region::WORLD,
    }
}

/// The version in the full name of the console's package: `name_version_architecture_resource_publisher`. Packages
/// of games often have no full name, and then there is no build.
fn build(product: &Product, evidence: &Evidence) -> Option<BuildObservation> {
    let full_name = |package: &&crate::xbox::wire::Package| text(package.package_full_name.as_ref());
    let name = packages(product, XBOX).iter().find_map(full_name)?;
    let version = name.split('_').nth(1).filter(|version| !version.is_empty())?.to_owned();
    let build = Build { id: version.clone(), version: Some(version), live_at: None };
    Some(BuildObservation::new(build, evidence.clone()))
}
