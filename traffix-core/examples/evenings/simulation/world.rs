//! The network and what may come to it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::forecast::{ForecastInput, Item, Moment, Options, RuInput, RuKind, Signals};
use traffix_core::network::{LineRate, Network};

use super::chance::Chance;

/// Share of the usual traffic by CDN.
pub(crate) const CDNS: [(&str, f64); 8] = [
    ("akamai", 0.22),
    ("cloudflare", 0.08),
    ("cloudfront", 0.10),
    ("fastly", 0.08),
    ("google", 0.24),
    ("microsoft", 0.06),
    ("other", 0.18),
    ("valve", 0.04),
];

/// CDNs of each platform in the mean.
const PLATFORMS: [(&str, &[(&str, f64)]); 5] = [
    ("playstation", &[("akamai", 0.6), ("fastly", 0.15), ("cloudfront", 0.25)]),
    ("xbox", &[("akamai", 0.45), ("microsoft", 0.55)]),
    ("steam", &[("valve", 0.5), ("akamai", 0.2), ("fastly", 0.3)]),
    ("epic", &[("akamai", 0.3), ("cloudfront", 0.3), ("fastly", 0.4)]),
    ("battlenet", &[("akamai", 0.5), ("other", 0.5)]),
];

/// Which platforms a title is on.
const MIXES: [&[usize]; 6] = [&[0, 1, 2], &[0, 1], &[2], &[3], &[0, 1, 4], &[0, 1, 2, 3]];

/// Usual traffic by local hour, of the evening's peak.
const DAY: [f64; 24] = [
    0.5, 0.37, 0.29, 0.24, 0.22, 0.23, 0.28, 0.37, 0.45, 0.5, 0.54, 0.58, 0.62, 0.63, 0.65, 0.7, 0.76, 0.82,
    0.88, 0.95, 1.0, 0.98, 0.87, 0.69,
];

/// Evening peak of a line, bit/s.
const LINE_PEAK_BPS: f64 = 2.9e6;
const LINES: f64 = 1e6;

/// Usual traffic at an instant of a winter day in London, bit/s.
pub(crate) fn usual_bps(hour_of_day: f64) -> f64 {
    let (hour, rest) = (hour_of_day.floor(), hour_of_day.fract());
    let at = |hour: f64| DAY[(hour.rem_euclid(24.0)) as usize];
    LINES * LINE_PEAK_BPS * (at(hour) * (1.0 - rest) + at(hour + 1.0) * rest)
}

pub(crate) fn network() -> Network {
    let mut network = Network::new("simulated", "Europe/London", LINES);
    network.country = Some("GB".to_owned());
    network.national_lines = Some(28.5e6);
    network.line_rate_bps = Some(LineRate { median: 90e6, sigma: 0.8 });
    network
}

/// An RU due on a day: mostly at a known instant, and of any size from unseen to record.
pub(crate) fn candidate(day: DateTime<Utc>, id: String, chance: &mut Chance) -> ForecastInput {
    let release = chance.chance(0.35);
    let minutes = i64::from(chance.whole(12 * 6, 12 * 21)) * 5;
    let minutes = if chance.chance(0.6) { minutes / 60 * 60 } else { minutes };
    let at = day + TimeDelta::minutes(minutes) - TimeDelta::days(i64::from(chance.chance(0.15)));
    let release_at = if chance.chance(0.12) { Moment::Day(at.date_naive()) } else { Moment::At(at) };
    let preload = release && matches!(release_at, Moment::At(_)) && chance.chance(0.3);
    let mix = MIXES[chance.whole(0, 5) as usize];
    let bytes = chance.log_normal(if release { 60e9 } else { 25e9 }, 0.8).min(200e9);
    let mau = (chance.between(1.5e6_f64.ln(), 1.2e8_f64.ln())).exp();
    ForecastInput {
        ru: RuInput {
            title: Some(format!("Title {id}")),
            id,
            franchise: None,
            kind: if release { RuKind::Release } else { RuKind::Update },
            release_at: Some(release_at),
            preload_at: preload.then(|| at - TimeDelta::hours(24)),
            unlock_at: None,
            waves: Vec::new(),
            items: mix.iter().map(|platform| item(*platform, bytes, chance)).collect(),
            signals: Signals { mau: Some(mau), ..Signals::default() },
            already_downloaded_share: None,
        },
        network: network(),
        options: Options { step_s: 300, horizon_s: 172_800, draws: 64, seed: 1 },
    }
}

fn item(platform: usize, bytes: f64, chance: &mut Chance) -> Item {
    let (name, cdns) = PLATFORMS[platform];
    let mean: Vec<f64> = cdns.iter().map(|(_, share)| *share).collect();
    // What is published of a title's CDNs differs from title to title.
    let shares = chance.dirichlet(&mean, 20.0);
    let known = chance.chance(0.85);
    let named: BTreeMap<String, f64> =
        cdns.iter().zip(shares).map(|((cdn, _), x)| ((*cdn).to_owned(), x)).collect();
    Item {
        platform: name.to_owned(),
        weight: None,
        bytes: Some(bytes),
        disk_bytes: None,
        bytes_sigma: None,
        bitrate_bps: None,
        max_bps: None,
        cdn_shares: known.then_some(named),
    }
}

/// CDNs of a platform whose shares nobody published.
pub(crate) fn usual_cdns(platform: &str) -> BTreeMap<String, f64> {
    let of = PLATFORMS.iter().find(|(name, _)| *name == platform);
    of.map(|(_, cdns)| cdns.iter().map(|(cdn, share)| ((*cdn).to_owned(), *share)).collect())
        .unwrap_or_default()
}
