//! Who downloads how much and how fast: platforms, sizes, weights and rate classes of an input.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::audience::LogNormal;
use super::input::{ForecastInput, Item, RuKind};
use super::math::normal_quantile;
use super::output::Missing;
use super::plan::{Automatic, Platform};
use super::priors::{self, Device};
use super::size::Size;
use crate::num;

/// Rate classes made from a distribution of line rates.
const CLASSES: usize = 8;

pub(super) fn platforms(
    input: &ForecastInput,
    first: DateTime<Utc>,
    missing: &mut Vec<Missing>,
) -> Vec<Platform> {
    let weights = weights(input, missing);
    let items = &input.ru.items;
    let known: Vec<LogNormal> = items
        .iter()
        .filter(|i| !size_of(i).is_unknown())
        .map(|i| size_of(i).estimate(input.ru.kind))
        .collect();
    let mut result = Vec::new();
    for (i, (item, weight)) in items.iter().zip(weights).enumerate() {
        let unknown = size_of(item).is_unknown();
        let size =
            if unknown { unknown_size(input.ru.kind, &known) } else { size_of(item).estimate(input.ru.kind) };
        if unknown {
            missing.push(Missing {
                pointer: format!("/ru/items/{i}/bytes"),
                detail: format!("size unknown: {:.0} bytes taken, log-sd {:.2}", size.median, size.sigma),
            });
        } else if item.bytes.is_none() {
            missing.push(Missing {
                pointer: format!("/ru/items/{i}/bytes"),
                detail: format!("only the size on disk is known: {:.0} bytes on the wire taken", size.median),
            });
        }
        let device = Device::of(&item.platform);
        let media = input.ru.kind == RuKind::Media;
        result.push(Platform {
            id: item.platform.clone(),
            weight,
            size,
            class_size: unknown && known.is_empty(),
            automatic: if media { Automatic::Soon } else { Automatic::of(device, first) },
            ceiling_bps: item.max_bps.map_or(device.ceiling_bps(), |most| device.ceiling_bps().min(most)),
            stream_bps: media.then(|| item.bitrate_bps.unwrap_or(priors::STREAM_BPS)),
            peers: !media && matches!(device, Device::Pc | Device::Steam),
        });
    }
    result
}

const fn size_of(item: &Item) -> Size {
    Size { bytes: item.bytes, disk_bytes: item.disk_bytes, sigma: item.bytes_sigma }
}

/// Size of a platform of which no size is known: that of the others, else that of the kind.
fn unknown_size(kind: RuKind, known: &[LogNormal]) -> LogNormal {
    let positive: Vec<f64> = known.iter().map(|s| s.median).filter(|m| *m > 0.0).collect();
    if positive.is_empty() {
        return kind.unknown_size();
    }
    let mean = positive.iter().map(|m| libm::log(*m)).sum::<f64>() / num::of_usize(positive.len());
    let spread = known.iter().map(|s| s.sigma).fold(0.0, f64::max);
    LogNormal::new(libm::exp(mean), libm::hypot(spread, priors::SIZE_BORROWED_SIGMA))
}

/// Mean share of every item: from the network's mix, else from the items, else from the defaults of the devices.
fn weights(input: &ForecastInput, missing: &mut Vec<Missing>) -> Vec<f64> {
    let items = &input.ru.items;
    let default = |item: &Item| {
        let device = Device::of(&item.platform);
        let family = |d: Device| if d == Device::Steam { Device::Pc } else { d };
        let alike = items.iter().filter(|i| family(Device::of(&i.platform)) == family(device)).count();
        device.default_weight() / num::of_usize(alike.max(1))
    };
    let stated: Option<Vec<f64>> = items.iter().map(|item| item.weight).collect();
    let stated =
        stated.filter(|weights| input.network.platform_mix.is_none() && weights.iter().sum::<f64>() > 0.0);
    if input.network.platform_mix.is_none() && stated.is_none() && items.len() > 1 {
        missing.push(Missing {
            pointer: "/network/platform_mix".into(),
            detail: "platform mix not given: shares of a live shooter taken".into(),
        });
    }
    let mix = input.network.platform_mix.as_ref();
    let weight = |item: &Item| match mix {
        Some(mix) => mix.get(&item.platform).copied().unwrap_or_else(|| default(item)),
        None => default(item),
    };
    let weights: Vec<f64> = stated.unwrap_or_else(|| items.iter().map(weight).collect());
    let total: f64 = weights.iter().sum();
    let equal = 1.0 / num::of_usize(items.len().max(1));
    weights.iter().map(|w| if total > 0.0 { w / total } else { equal }).collect()
}

/// Strength of the belief in the shares of platforms, in pseudo-observations.
pub(super) const fn platform_strength(input: &ForecastInput) -> f64 {
    if input.network.platform_mix.is_some() {
        priors::PLATFORM_STRENGTH
    } else {
        priors::PLATFORM_STRENGTH_DEFAULT
    }
}

/// Platforms of a question without notes of what is missing.
fn quiet(input: &ForecastInput) -> Vec<Platform> {
    platforms(input, DateTime::default(), &mut Vec::new())
}

/// Mean shares of the platforms, and the strength of the belief in them.
pub(crate) fn platform_belief(input: &ForecastInput) -> (BTreeMap<String, f64>, f64) {
    (quiet(input).into_iter().map(|p| (p.id, p.weight)).collect(), platform_strength(input))
}

/// Median bytes of one download, by platform.
pub(crate) fn median_sizes(input: &ForecastInput) -> BTreeMap<String, f64> {
    quiet(input).into_iter().map(|p| (p.id, p.size.median)).collect()
}

/// Share of the bytes by platform at the medians; by downloads if there are no bytes.
pub(crate) fn byte_shares(input: &ForecastInput) -> Vec<(String, f64)> {
    let platforms = quiet(input);
    let bytes: f64 = platforms.iter().map(|p| p.weight * p.size.median).sum();
    let share = |p: Platform| {
        let share = if bytes > 0.0 { p.weight * p.size.median / bytes } else { p.weight };
        (p.id, share)
    };
    platforms.into_iter().map(share).collect()
}

/// Median bytes of one download over all platforms.
pub(super) fn mean_bytes(input: &ForecastInput) -> f64 {
    mean_size(&quiet(input)).median
}

pub(super) fn mean_size(platforms: &[Platform]) -> LogNormal {
    let median = platforms.iter().map(|p| p.weight * p.size.median).sum();
    let sigma = platforms.iter().map(|p| p.weight * p.size.sigma).sum();
    LogNormal::new(median, sigma)
}

/// Weights and line rates of the classes, and the log-scale spread of all rates together.
pub(super) fn line_classes(input: &ForecastInput, missing: &mut Vec<Missing>) -> (Vec<(f64, f64)>, f64) {
    let network = &input.network;
    if let Some(classes) = &network.classes {
        return (classes.iter().map(|c| (c.weight, c.bps)).collect(), priors::DEVICE_FACTOR.sigma);
    }
    let (rate, extra) = if let Some(rate) = &network.line_rate_bps {
        (LogNormal::new(rate.median, rate.sigma), 0.0)
    } else {
        missing.push(Missing {
            pointer: "/network/line_rate_bps".into(),
            detail: "line rates not given: median 69 Mbit/s, log-sd 0.9 taken".into(),
        });
        (priors::LINE_RATE_BPS, priors::LINE_RATE_UNKNOWN_SIGMA)
    };
    let class = |i: usize| {
        let z = normal_quantile((num::of_usize(i) + 0.5) / num::of_usize(CLASSES));
        (1.0 / num::of_usize(CLASSES), rate.at(z))
    };
    ((0..CLASSES).map(class).collect(), libm::hypot(priors::DEVICE_FACTOR.sigma, extra))
}
