//! What the store's documents say about a title, as an observation.

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{
    ByteRange, Content, DownloadSize, Phase, PhaseKind, PhaseStatus, Precision, Region, RuKind, Thumbnail,
    Window,
};
use traffix_core::{Evidence, Fact, SourceKind};
use url::Url;

use super::appinfo::AppInfo;
use super::dates::{coarse, may_be, release_date};
use super::wire::{Details, Item, Named, Release};
use crate::upstream::Fetched;
use crate::{ListingObservation, SEEN_OPEN_CONFIDENCE, phase};

/// Content descriptors of the store that make a title unfit to be shown at work: "adult only sexual content" and
/// "frequent nudity or sexual content" (Steamworks documentation, "Mature Content"). Violence is 2, 5 is "general".
const NSFW: [u32; 2] = [3, 4];
/// The kinds of store items (`EStoreAppType` of the protocol).
const ITEM_DLC: u32 = 4;
const ITEM_VIDEOS: [u32; 4] = [3, 7, 8, 9];
const ITEM_SOFTWARE: [u32; 2] = [6, 13];
/// Where the paths of pictures begin.
const ASSETS: &str = "https://shared.akamai.steamstatic.com/store_item_assets/";
/// How sure a requirement text is as a statement about the size on disk: rounded up, with room for patches. Assumed.
const REQUIREMENT_CONFIDENCE: f64 = 0.4;
/// How sure figures of the mirror of the product info are: what Steam says, through somebody else's server. Assumed.
const MIRROR_CONFIDENCE: f64 = 0.9;

/// Evidence of the mirror, which is not Steam itself.
pub(super) fn mirror_evidence<T>(fetched: &Fetched<T>) -> Evidence {
    let mut evidence = Evidence::new(SourceKind::Community, fetched.source.clone(), fetched.observed_at);
    evidence.confidence = MIRROR_CONFIDENCE;
    evidence
}

/// Adds what the store page says. Earlier words stand.
pub(super) fn add_details(seen: &mut ListingObservation, page: &Fetched<Details>) {
    let details = &page.value;
    fill(&mut seen.title, details.name.as_deref());
    fill_all(&mut seen.publishers, &details.publishers);
    fill_all(&mut seen.developers, &details.developers);
    if let Some(kind) = &details.kind {
        seen.content = content(kind);
        if kind == "dlc" {
            extends(seen, details.fullgame.as_ref().and_then(|game| game.appid));
        }
    }
    if let Some(descriptors) = &details.content_descriptors {
        seen.nsfw = Some(nsfw(&descriptors.ids));
    }
    if let Some(picture) = details.header_image.as_deref() {
        seen.thumbnails.extend(thumbnail(picture));
    }
}

/// Adds what the store item says.
pub(super) fn add_item(seen: &mut ListingObservation, item: &Item) {
    fill(&mut seen.title, item.name.as_deref());
    if let Some(info) = &item.basic_info {
        fill_all(&mut seen.publishers, &names(&info.publishers));
        fill_all(&mut seen.developers, &names(&info.developers));
    }
    match item.kind {
        Some(ITEM_DLC) => {
            extends(
                seen,
                item.related_items.as_ref().and_then(|related| related.parent_appid).map(u64::from),
            );
        }
        Some(kind) if ITEM_VIDEOS.contains(&kind) => seen.content = Content::Media,
        Some(kind) if ITEM_SOFTWARE.contains(&kind) => seen.content = Content::App,
        _ => {}
    }
    if let Some(descriptors) = &item.content_descriptorids {
        seen.nsfw = seen.nsfw.or(Some(nsfw(descriptors)));
    }
    if seen.thumbnails.is_empty() {
        seen.thumbnails.extend(item.picture());
    }
}

/// Adds what the product info says about the title; bytes and builds are read elsewhere.
pub(super) fn add_names(seen: &mut ListingObservation, info: &AppInfo) {
    fill(&mut seen.title, info.common.name.as_deref());
    fill_all(&mut seen.publishers, &info.common.publishers());
    fill_all(&mut seen.developers, &info.common.developers());
    if let Some(kind) = info.common.kind.as_deref().map(str::to_ascii_lowercase) {
        if seen.content == Content::Game {
            seen.content = content(&kind);
        }
        if kind == "dlc" {
            extends(seen, info.common.parent);
        }
    }
}

impl Item {
    /// The picture at the head of the store page.
    fn picture(&self) -> Option<Thumbnail> {
        let assets = self.assets.as_ref()?;
        let path = assets.asset_url_format.as_deref()?.replace("${FILENAME}", assets.header.as_deref()?);
        let url = Url::parse(ASSETS).ok()?.join(&path).ok()?;
        url.as_str().starts_with(ASSETS).then(|| thumbnail(url.as_str())).flatten()
    }
}

impl Release {
    /// The announced instant, told as precisely as the store shows it: before the release the date of a title that is
    /// announced for a quarter is a placeholder inside it.
    pub(super) fn window(&self, text: Option<&Window>) -> Option<Window> {
        let at = self.steam_release_date?;
        if !self.is_coming_soon {
            return coarse(at, Precision::Minute);
        }
        match self.coming_soon_display.as_deref() {
            Some("date_full") => coarse(at, Precision::Minute),
            Some("date_month") => coarse(at, Precision::Month),
            Some("date_quarter") => coarse(at, Precision::Quarter),
            Some("date_year") => coarse(at, Precision::Year),
            Some(_) => None,
            None => text.filter(|text| may_be(text, at)).and_then(|text| coarse(at, text.precision)),
        }
    }
}

/// The sources of a release date.
pub(super) struct Dated<'a> {
    pub(super) page: Option<&'a Fetched<Details>>,
    pub(super) item: Option<&'a Fetched<Item>>,
    pub(super) info: Option<&'a Fetched<AppInfo>>,
}

impl Dated<'_> {
    /// When everybody may start: the store item's instant, else that of the product info if the store page's text
    /// does not contradict it, else what the text says.
    pub(super) fn unlock(&self) -> Option<Phase> {
        let text = self
            .page
            .and_then(|page| page.value.release_date.as_ref())
            .and_then(|date| release_date(&date.date));
        let (window, evidence) = self
            .of_item(text.as_ref())
            .or_else(|| self.of_info(text.as_ref()))
            .or_else(|| Some((text?, self.page?.evidence())))?;
        Some(unlock(window, evidence, self.coming_soon()))
    }

    fn of_item(&self, text: Option<&Window>) -> Option<(Window, Evidence)> {
        let item = self.item?;
        Some((item.value.release.as_ref()?.window(text)?, item.evidence()))
    }

    fn of_info(&self, text: Option<&Window>) -> Option<(Window, Evidence)> {
        let info = self.info?;
        let common = &info.value.common;
        let at = common.released_at?;
        let certain = match text {
            Some(text) => text.precision == Precision::Day && may_be(text, at),
            None => common.release_state.as_deref() == Some("released"),
        };
        if !certain {
            return None;
        }
        Some((coarse(at, Precision::Minute)?, mirror_evidence(info)))
    }

    fn coming_soon(&self) -> bool {
        let item = self.item.and_then(|item| item.value.release.as_ref());
        let page = self.page.and_then(|page| page.value.release_date.as_ref());
        item.map(|release| release.is_coming_soon).or(page.map(|date| date.coming_soon)).unwrap_or(false)
    }

    /// That it can be downloaded ahead now. Nobody states since when: at the latest since it was seen, at the
    /// earliest since the public branch was pointed at the content.
    pub(super) fn preload(&self, branch_at: Option<DateTime<Utc>>) -> Option<Phase> {
        let item =
            self.item.filter(|item| item.value.release.as_ref().is_some_and(|release| release.is_preload));
        let info = self.info.filter(|info| info.value.common.preloads());
        let mut evidence = match (item, info) {
            (Some(item), _) => item.evidence(),
            (None, Some(info)) => mirror_evidence(info),
            (None, None) => return None,
        };
        evidence.confidence = SEEN_OPEN_CONFIDENCE;
        evidence.note = Some(
            "seen open; the start is when the public branch was last set, else when it was seen".to_owned(),
        );
        let start = branch_at.filter(|at| *at <= evidence.observed_at).unwrap_or(evidence.observed_at);
        let window = coarse(start, Precision::Day)?;
        Some(phase(PhaseKind::Preload, Region::WORLD, (window.start, window.precision), evidence))
    }
}

/// The phase of a release date. A month, quarter or year that is still to come is a plan.
pub(super) fn unlock(window: Window, evidence: Evidence, coming_soon: bool) -> Phase {
    let plan = coming_soon && window.precision > Precision::Day;
    let mut unlock = phase(PhaseKind::Unlock, Region::WORLD, (window.start, window.precision), evidence);
    if plan {
        unlock.status = PhaseStatus::Tentative;
    }
    unlock
}

/// The room that the store page asks for, as a hint of the size on disk. It is concluded, not stated, so that it never
/// outweighs a figure.
pub(super) fn required_room(page: &Fetched<Details>) -> Option<DownloadSize> {
    let details = &page.value;
    let texts = [&details.pc_requirements, &details.mac_requirements, &details.linux_requirements];
    let bytes = texts.into_iter().flatten().find_map(super::wire::Requirements::storage)?;
    let mut evidence = page.evidence();
    evidence.kind = SourceKind::Inferred;
    evidence.confidence = REQUIREMENT_CONFIDENCE;
    evidence.note = Some("storage requirement of the store page, rounded up by the publisher".to_owned());
    let disk_bytes = Some(Fact::new(ByteRange::exactly(bytes), evidence));
    Some(DownloadSize { variant: None, wire_bytes: None, disk_bytes })
}

fn content(kind: &str) -> Content {
    match kind {
        "application" | "software" | "tool" => Content::App,
        "movie" | "video" | "series" | "episode" => Content::Media,
        _ => Content::Game,
    }
}

/// An extension updates what it extends; one that does not say what stays a release.
fn extends(seen: &mut ListingObservation, app: Option<u64>) {
    if let Some(app) = app.filter(|app| *app > 0 && seen.updates.is_none()) {
        seen.kind = RuKind::Update;
        seen.updates = Some(app.to_string());
    }
}

fn nsfw(descriptors: &[u32]) -> bool {
    descriptors.iter().any(|id| NSFW.contains(id))
}

fn thumbnail(url: &str) -> Option<Thumbnail> {
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    Some(Thumbnail { url: url.into(), width_px: None, height_px: None })
}

fn names(named: &[Named]) -> Vec<String> {
    named.iter().map(|one| one.name.clone()).collect()
}

fn fill(title: &mut Option<String>, new: Option<&str>) {
    if title.is_none() {
        *title = new.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    }
}

fn fill_all(known: &mut Vec<String>, new: &[String]) {
    if known.is_empty() {
        known.extend(new.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).map(str::to_owned));
    }
}
