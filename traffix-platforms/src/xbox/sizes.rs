//! Which of a product's packages a device downloads.

use std::collections::BTreeMap;

use traffix_core::catalogue::{ByteRange, DownloadSize};
use traffix_core::{Bytes, Evidence, Fact};

use super::wire::{Package, Product};

/// The console: the platform is named after it, so its package is the ordinary one.
pub(super) const XBOX: &str = "Windows.Xbox";
/// The PC.
const DESKTOP: &str = "Windows.Desktop";

/// The packages of `platform`, each once though every SKU repeats them. Where a game has packages in the format of
/// games (`XVC` on consoles, `MSIXVC` on PCs) others are leftovers of older releases and do not count.
pub(super) fn packages<'a>(product: &'a Product, platform: &str) -> Vec<&'a Package> {
    let skus = product.display_sku_availabilities.iter();
    let all = skus.filter_map(|sku| sku.sku.as_ref()?.properties.as_ref()).flat_map(|sku| &sku.packages);
    let runs_on = |package: &Package| {
        let mut names = package.platform_dependencies.iter().filter_map(|on| on.platform_name.as_deref());
        names.any(|name| name == platform)
    };
    let by_id: BTreeMap<_, _> = all
        .filter(|package| runs_on(package))
        .map(|package| (package.package_id.as_str(), package))
        .collect();
    let game = if platform == XBOX { "XVC" } else { "MSIXVC" };
    let is_game = |package: &Package| package.package_format.as_deref() == Some(game);
    let has_game = by_id.values().any(|package| is_game(package));
    by_id.into_values().filter(|package| !has_game || is_game(package)).collect()
}

/// Download and install bytes of one kind of device; an interval where consoles of different generations get
/// different packages.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) struct Sizes {
    pub(super) wire: Option<ByteRange>,
    pub(super) disk: Option<ByteRange>,
}

impl Sizes {
    fn of(product: &Product, platform: &str) -> Self {
        let packages = packages(product, platform);
        Self {
            wire: range(packages.iter().filter_map(|package| package.max_download_size_in_bytes)),
            disk: range(packages.iter().filter_map(|package| package.max_install_size_in_bytes)),
        }
    }

    /// What somebody downloads who gets both. A part without packages (game money, a licence) adds nothing.
    fn and(self, other: Self) -> Self {
        Self { wire: add(self.wire, other.wire), disk: add(self.disk, other.disk) }
    }
}

fn range(bytes: impl Iterator<Item = u64>) -> Option<ByteRange> {
    let known: Vec<u64> = bytes.filter(|bytes| *bytes > 0).collect();
    let (low, high) = (known.iter().min()?, known.iter().max()?);
    Some(ByteRange::new(Bytes(*low), Bytes(*high)))
}

fn add(a: Option<ByteRange>, b: Option<ByteRange>) -> Option<ByteRange> {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    let sum = |a: Bytes, b: Bytes| Bytes(a.0.saturating_add(b.0));
    Some(ByteRange::new(sum(a.low, b.low), sum(a.high, b.high)))
}

/// The sizes of all of `products` together: of one product, or of the parts of a bundle.
pub(super) fn download_sizes(products: &[Product], evidence: &Evidence) -> Vec<DownloadSize> {
    let variants = [(None, XBOX), (Some("pc".to_owned()), DESKTOP)];
    let sized = variants.into_iter().filter_map(|(variant, platform)| {
        let sizes = products.iter().map(|p| Sizes::of(p, platform)).fold(Sizes::default(), Sizes::and);
        let fact = |range| Fact::new(range, evidence.clone());
        let size =
            DownloadSize { variant, wire_bytes: sizes.wire.map(fact), disk_bytes: sizes.disk.map(fact) };
        (size.wire_bytes.is_some() || size.disk_bytes.is_some()).then_some(size)
    });
    sized.collect()
}
