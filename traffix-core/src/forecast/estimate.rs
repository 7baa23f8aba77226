//! The estimators of the audience: how many downloads on this network.

use super::audience::{LogNormal, fuse};
use super::input::{ForecastInput, Item, PastEvent, RuInput, RuKind};
use super::output::Missing;
use super::priors;

/// Everything the estimators share.
struct Context<'a> {
    input: &'a ForecastInput,
    /// Share of the world's players on this network.
    reach: LogNormal,
}

/// Joint estimate of the downloads on the network; `mean_bytes` is the mean size over the platforms.
pub(crate) fn audience(
    input: &ForecastInput,
    mean_bytes: &LogNormal,
    missing: &mut Vec<Missing>,
) -> LogNormal {
    let context = Context { input, reach: reach(input, missing) };
    let mut estimates = Vec::new();
    estimates.extend(context.by_penetration());
    estimates.extend(context.by_players());
    estimates.extend(context.by_launch());
    estimates.extend(context.by_past(mean_bytes));
    if estimates.is_empty() {
        let listing_only = listing_only(&input.ru);
        let per_line =
            if listing_only { priors::PER_LINE_LISTING_ONLY } else { input.ru.kind.per_line_unknown() };
        let why = if listing_only { "only its listing on Steam is known" } else { "audience unknown" };
        missing.push(Missing {
            pointer: "/ru/signals".into(),
            detail: format!("{why}: {} downloads per line, log-sd {}", per_line.median, per_line.sigma),
        });
        estimates.push(per_line.scaled(input.network.lines));
    }
    let new = 1.0 - input.ru.already_downloaded_share.unwrap_or(0.0);
    let factor = input.ru.signals.audience_factor.unwrap_or(1.0);
    fuse(&estimates, priors::AUDIENCE_FLOOR_SIGMA)
        .unwrap_or(LogNormal::new(0.0, 0.0))
        .scaled(new)
        .scaled(factor)
}

/// True for a game on Steam of which nobody has entered a size, an audience, a franchise or another platform: one of
/// the many thousand small titles of a year, unless it is not.
fn listing_only(ru: &RuInput) -> bool {
    let bare = |item: &Item| item.platform == "steam" && item.bytes.is_none() && item.disk_bytes.is_none();
    ru.kind.is_game() && ru.franchise.is_none() && ru.items.len() == 1 && ru.items.iter().all(bare)
}

/// Share of a title's players world-wide that sits on this network.
fn reach(input: &ForecastInput, missing: &mut Vec<Missing>) -> LogNormal {
    let network = &input.network;
    let country = network.country.as_deref().unwrap_or_default();
    let steam_only = input.ru.items.iter().all(|item| item.platform == "steam");
    let known = priors::country_share(country, steam_only);
    let lines = network.national_lines.or_else(|| priors::national_lines(country));
    if network.national_lines.is_none() {
        missing.push(Missing {
            pointer: "/network/national_lines".into(),
            detail: match lines {
                Some(lines) => format!("fixed lines of the country not given: {lines} taken"),
                None => "fixed lines of the country not given: players per line world-wide taken".into(),
            },
        });
    }
    let unsure = if network.national_lines.is_none() { priors::NATIONAL_LINES_SIGMA } else { 0.0 };
    let share = if let (Some(share), Some(lines)) = (known, lines) {
        share.scaled(network.lines / lines).times(&LogNormal::new(1.0, unsure))
    } else {
        missing.push(Missing {
            pointer: "/network/country".into(),
            detail: "share of the world's players not known for this country: mean per line taken".into(),
        });
        priors::PLAYERS_SHARE_PER_LINE.scaled(network.lines)
    };
    share.times(&priors::GAMER_HEAVINESS)
}

impl Context<'_> {
    /// Monthly active users world-wide, from the figure itself or from concurrent players.
    fn players(&self) -> Option<LogNormal> {
        let signals = &self.input.ru.signals;
        let from_concurrent = || {
            let live = self.input.ru.kind != RuKind::Release;
            signals.concurrent_peak.filter(|_| live).map(|c| priors::MAU_PER_CONCURRENT.scaled(c))
        };
        signals.mau.map(|mau| LogNormal::new(mau, 0.0)).or_else(from_concurrent)
    }

    /// Lines times downloads per line: the biggest titles only, whose penetration is known.
    fn by_penetration(&self) -> Option<LogNormal> {
        let big = self.players()?.median >= priors::TOP_TITLE_MAU;
        (big && self.input.ru.kind.is_game())
            .then(|| priors::PER_LINE_TOP_TITLE.scaled(self.input.network.lines))
    }

    /// Active players times those who take part times the share on this network.
    fn by_players(&self) -> Option<LogNormal> {
        Some(self.players()?.times(&self.input.ru.kind.need()).times(&self.reach))
    }

    /// Copies of a new title in its first week, from what was seen before or on day one.
    fn by_launch(&self) -> Option<LogNormal> {
        if self.input.ru.kind != RuKind::Release {
            return None;
        }
        let signals = &self.input.ru.signals;
        let wishlists = || signals.wishlists.map(|w| priors::COPIES_PER_WISHLIST.scaled(w));
        let followers = || {
            let per_follower = priors::COPIES_PER_WISHLIST.times(&priors::WISHLISTS_PER_FOLLOWER);
            signals.followers.map(|f| per_follower.scaled(f))
        };
        let day_one = signals.concurrent_peak.map(|c| priors::COPIES_PER_CONCURRENT.scaled(c));
        let copies = day_one.or_else(wishlists).or_else(followers)?;
        Some(copies.times(&self.reach))
    }

    /// Bytes of the last measured comparable event on this network over the bytes of one download.
    fn by_past(&self, mean_bytes: &LogNormal) -> Option<LogNormal> {
        let own = |p: &&PastEvent| p.network == self.input.network.id && p.bytes.is_some();
        let last = self.input.ru.signals.past.iter().filter(own).max_by_key(|p| p.at)?;
        let bytes = last.bytes.filter(|_| mean_bytes.median > 0.0)?;
        let sigma = libm::hypot(priors::PAST_EVENT_SIGMA, mean_bytes.sigma);
        Some(LogNormal::new(bytes / mean_bytes.median, sigma))
    }
}
