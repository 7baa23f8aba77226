//! One title from all sources.
//!
//! Three interfaces know titles: the store page, the store item and the product info. One of them is enough; whichever
//! fails leaves its part of the observation empty and a line in the log. Patch notes and update sizes come on top.

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{Build, ByteRange, DownloadSize};
use traffix_core::{Bytes, Fact};

use super::appinfo::{AppInfo, DepotTree, Device, Os};
use super::store::{Dated, add_details, add_item, add_names, mirror_evidence, required_room};
use super::{ID, api, app_id, news};
use crate::upstream::{Fetched, Upstream};
use crate::{BuildObservation, ListingObservation, ListingRef, PlatformError, UpdateSize};

/// The branch that players have.
const PUBLIC: &str = "public";
/// Most depots whose difference is asked for; games have a handful.
const MAX_PATCHES: usize = 32;

/// What the interfaces did not answer.
#[derive(Default)]
struct Unheard(Vec<PlatformError>);

impl Unheard {
    fn hear<T>(&mut self, answer: Result<T, PlatformError>) -> Option<T> {
        answer
            .inspect_err(|error| tracing::debug!(%error, "one source of a listing is missing"))
            .map_err(|error| self.0.push(error))
            .ok()
    }

    /// Why nobody knows the title: a failure that may pass outweighs that it is unknown, which outweighs the rest.
    fn verdict(self, app: &str) -> PlatformError {
        let unknown = PlatformError::NotFound { platform: ID, id: app.to_owned() };
        let mut errors = self.0;
        if let Some(index) = errors.iter().position(PlatformError::is_retryable) {
            return errors.swap_remove(index);
        }
        let found = errors.iter().any(|error| matches!(error, PlatformError::NotFound { .. }));
        if found || errors.is_empty() { unknown } else { errors.swap_remove(0) }
    }
}

/// Everything that is known about one title.
pub(super) async fn refresh(
    up: &dyn Upstream,
    listing: &ListingRef,
) -> Result<ListingObservation, PlatformError> {
    let app = app_id(&listing.external_id)?;
    let mut unheard = Unheard::default();
    let page = unheard.hear(api::details(up, app).await);
    let item = unheard.hear(api::item(up, app).await);
    let info = unheard.hear(api::product_info(up, app).await);
    let official = page.as_ref().map(Fetched::evidence).or_else(|| item.as_ref().map(Fetched::evidence));
    let Some(evidence) = official.or_else(|| info.as_ref().map(mirror_evidence)) else {
        return Err(unheard.verdict(&listing.external_id));
    };
    let mut seen = ListingObservation::new(ID, &listing.external_id, evidence);
    seen.listing.url = Some(format!("https://store.steampowered.com/app/{app}/"));
    if let Some(page) = &page {
        add_details(&mut seen, page);
    }
    if let Some(item) = &item {
        add_item(&mut seen, &item.value);
    }
    if let Some(info) = &info {
        add_names(&mut seen, &info.value);
        seen.listing.sizes = sizes(info, None);
        add_build(&mut seen, up, info, listing).await;
    }
    let dated = Dated { page: page.as_ref(), item: item.as_ref(), info: info.as_ref() };
    add_phases(&mut seen, &dated);
    if let Some(parent) = seen.updates.as_deref().filter(|_| seen.listing.sizes.is_empty())
        && let Some(info) = unheard.hear(parent_info(up, parent).await)
    {
        seen.listing.sizes = sizes(&info, Some(app));
    }
    if seen.listing.sizes.is_empty() {
        seen.listing.sizes.extend(page.as_ref().and_then(required_room));
    }
    Ok(seen)
}

/// The files of an extension lie in the tree of what it extends.
async fn parent_info(up: &dyn Upstream, parent: &str) -> Result<Fetched<AppInfo>, PlatformError> {
    api::product_info(up, app_id(parent)?).await
}

fn add_phases(seen: &mut ListingObservation, dated: &Dated<'_>) {
    let live_at = seen.listing.build.as_ref().and_then(|build| build.value.live_at);
    let unlock = dated.unlock();
    if let Some(mut preload) = dated.preload(live_at) {
        preload.window.value.end = unlock
            .as_ref()
            .map(|unlock| unlock.window.value.start)
            .filter(|end| *end > preload.window.value.start);
        if let Some(observed) = seen.builds.last_mut() {
            observed.preload_at = Some(preload.window.value.start);
        }
        seen.listing.phases.push(preload);
    }
    seen.listing.phases.extend(unlock);
}

/// The download of an ordinary device first, then those of other systems and languages.
fn sizes(info: &Fetched<AppInfo>, dlc: Option<u32>) -> Vec<DownloadSize> {
    let tree = &info.value.depots;
    let Some(usual) = tree.usual_os(PUBLIC, dlc) else { return Vec::new() };
    let device = |os, language| Device { os, language, dlc };
    let mut variants = vec![(None, device(usual, "english"))];
    for os in Os::ALL.into_iter().filter(|os| *os != usual) {
        variants.push((Some(os.as_str().to_owned()), device(os, "english")));
    }
    for language in tree.languages().into_iter().filter(|language| !language.eq_ignore_ascii_case("english"))
    {
        variants.push((Some(language.to_lowercase()), device(usual, language)));
    }
    variants.into_iter().filter_map(|(variant, device)| size(info, variant, &device)).collect()
}

fn size(info: &Fetched<AppInfo>, variant: Option<String>, device: &Device<'_>) -> Option<DownloadSize> {
    let transfer = info.value.depots.transfer(PUBLIC, device)?;
    let fact = |bytes| Fact::new(ByteRange::exactly(Bytes(bytes)), mirror_evidence(info));
    let size = DownloadSize {
        variant,
        wire_bytes: transfer.wire_bytes.map(fact),
        disk_bytes: transfer.disk_bytes.map(fact),
    };
    (size.wire_bytes.is_some() || size.disk_bytes.is_some()).then_some(size)
}

/// The build that players have, with what changed in it. Other branches are for testers and are no updates.
async fn add_build(
    seen: &mut ListingObservation,
    up: &dyn Upstream,
    info: &Fetched<AppInfo>,
    listing: &ListingRef,
) {
    let Some(branch) = info.value.depots.branches.get(PUBLIC) else { return };
    let Some(id) = branch.build.clone() else { return };
    let build = Build { id, version: None, live_at: branch.live_at };
    let known = listing.build.as_ref().filter(|known| known.id != build.id);
    let update = match known {
        Some(known) => update_size(up, &listing.external_id, &info.value.depots, &known.id).await,
        None => None,
    };
    let evidence = mirror_evidence(info);
    seen.listing.build = Some(Fact::new(build.clone(), evidence.clone()));
    let notes = match (app_id(&listing.external_id), branch.live_at) {
        (Ok(app), Some(live_at)) => notes(up, app, live_at).await,
        _ => None,
    };
    seen.builds.push(BuildObservation { update, notes, ..BuildObservation::new(build, evidence) });
}

async fn notes(up: &dyn Upstream, app: u32, live_at: DateTime<Utc>) -> Option<crate::Notes> {
    let posts = news::news(up, app).await.inspect_err(|error| tracing::debug!(%error, "no patch notes"));
    news::about(&posts.ok()?, live_at).cloned()
}

/// Bytes from the build `from` to the public one, for an ordinary device.
///
/// A build's number does not tell its manifests, but a branch that still delivers it does: publishers keep the
/// previous version on one. Without such a branch nothing is known.
async fn update_size(
    up: &dyn Upstream,
    external_id: &str,
    tree: &DepotTree,
    from: &str,
) -> Option<UpdateSize> {
    let app = app_id(external_id).ok()?;
    let old_branch = tree.branch_of(from)?;
    let device = Device { os: tree.usual_os(PUBLIC, None)?, language: "english", dlc: None };
    let mut sum = ByteRange::exactly(Bytes(0));
    for (asked, (depot, new)) in tree.content(PUBLIC, &device).enumerate() {
        let old = tree.depots.get(&depot).and_then(|depot| depot.manifests.get(old_branch));
        let mut bytes = new.update_bounds(old);
        if let Some(old) = old.filter(|old| old.gid != new.gid && asked < MAX_PATCHES) {
            let exact = api::depot_patch_size(up, app, depot, (old.gid, new.gid)).await;
            let exact =
                exact.inspect_err(|error| tracing::debug!(%error, "no difference of a depot")).ok().flatten();
            bytes = exact.map(|exact| ByteRange::exactly(Bytes(exact))).or(bytes);
        }
        let bytes = bytes?;
        sum = ByteRange::new(
            Bytes(sum.low.0.checked_add(bytes.low.0)?),
            Bytes(sum.high.0.checked_add(bytes.high.0)?),
        );
    }
    Some(UpdateSize { from: from.to_owned(), wire_bytes: sum })
}
