//! An input made ready to compute: distributions, tables of time, routes.

use chrono::{DateTime, Days, TimeDelta, Utc};
use chrono_tz::Tz;

use super::audience::LogNormal;
use super::clock::{Activity, Clock, Grid, nightly_windows};
use super::corrections::Laws;
use super::estimate;
use super::input::{ForecastInput, Moment, RuKind};
use super::law::{NIGHTS, PreloadShape, ceil_edge};
use super::math::ln_or_floor;
use super::output::Missing;
use super::population::{line_classes, mean_size, platform_strength, platforms};
use super::priors::{self, Device};
use super::routes::Routes;

/// How the automatic part of a platform starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Automatic {
    /// All within hours of the release.
    Soon,
    /// Half within hours, half at night.
    HalfNightly,
}

impl Automatic {
    /// How the clients of a device update by themselves.
    ///
    /// The automatic mass is set on an event of mostly consoles, so that consoles which are off are no part of
    /// it. Since March 2022 consoles of the Xbox family sleep in energy saving by default and wake at night
    /// (<https://thesixthaxis.com> 2022-03-11); Steam updates at once what was played lately and the rest
    /// off-peak (<https://videogameschronicle.com>, March 2020); phones wait for the charger. The halves are
    /// Assumed (2026-11).
    pub(super) fn of(device: Device, release: DateTime<Utc>) -> Self {
        match device {
            Device::Xbox if release.timestamp() >= XBOX_SLEEPS_SINCE_S => Self::HalfNightly,
            Device::Steam | Device::Phone => Self::HalfNightly,
            _ => Self::Soon,
        }
    }
}

/// 2022-03-11, when energy saving became the default of the Xbox.
const XBOX_SLEEPS_SINCE_S: i64 = 1_646_956_800;

/// One platform of the RU.
#[derive(Debug, Clone)]
pub(crate) struct Platform {
    pub(crate) id: String,
    pub(crate) weight: f64,
    pub(crate) size: LogNormal,
    /// True if the size is the class prior: then all such platforms share one draw.
    pub(crate) class_size: bool,
    pub(crate) automatic: Automatic,
    pub(crate) ceiling_bps: f64,
    pub(crate) stream_bps: Option<f64>,
    /// True if some bytes may come from peers instead of the interconnect.
    pub(crate) peers: bool,
}

/// A first instant of starts, with what the laws need to know of it.
#[derive(Debug, Clone)]
pub(crate) struct StartTable {
    pub(crate) share: f64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) position: f64,
    pub(crate) elapsed: Vec<f64>,
    pub(crate) ln_elapsed: Vec<f64>,
    pub(crate) nights: Vec<(f64, f64)>,
}

/// One possible date of the release: its waves and the preload before it.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) waves: Vec<StartTable>,
    pub(crate) preload: Option<Preload>,
}

/// A preload window.
#[derive(Debug, Clone)]
pub(crate) struct Preload {
    pub(crate) open: DateTime<Utc>,
    pub(crate) unlock: DateTime<Utc>,
    pub(crate) elapsed: Vec<f64>,
    pub(crate) window: f64,
    pub(crate) until: usize,
}

impl Preload {
    pub(crate) const fn shape(&self, tau_s: f64) -> PreloadShape {
        PreloadShape { tau_s, window: self.window, until: self.until }
    }
}

/// A question made ready.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) ru_id: String,
    pub(crate) kind: RuKind,
    pub(crate) clock: Clock,
    pub(crate) platforms: Vec<Platform>,
    pub(crate) audience: LogNormal,
    /// What the audience was multiplied by.
    pub(crate) audience_factor: f64,
    pub(crate) platform_strength: f64,
    pub(crate) laws: Laws,
    /// Weight and bit/s of every rate class at the line.
    pub(crate) line_classes: Vec<(f64, f64)>,
    /// Log-scale spread of all rates together.
    pub(crate) rate_sigma: f64,
    /// Possible schedules, equally likely.
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) routes: Routes,
    pub(crate) missing: Vec<Missing>,
}

impl Plan {
    /// Prepares a valid input on a grid of the options' step that begins with the first instant.
    pub(crate) fn new(input: &ForecastInput) -> Self {
        let step_s = input.options.step_s.max(1);
        let first = Instants::of(input, &mut Vec::new()).first().timestamp();
        let start_s = first - first.rem_euclid(i64::from(step_s));
        let start = super::clock::instant(start_s);
        Self::on_grid(input, Grid::new(start, step_s, input.options.bins().max(1)))
    }

    /// Prepares a valid input on any grid.
    pub(crate) fn on_grid(input: &ForecastInput, grid: Grid) -> Self {
        let mut plan = Self::without_routes(input, grid);
        plan.routes = Routes::new(input, &plan.clock, &mut plan.missing);
        plan
    }

    /// The same without CDNs and links, for curves of the total only.
    pub(crate) fn without_routes(input: &ForecastInput, grid: Grid) -> Self {
        let mut missing = Vec::new();
        let tz: Tz = input.network.tz.parse().unwrap_or(Tz::UTC);
        let activity = Activity::from_day(&priors::ACTIVITY_DAY, priors::ACTIVITY_WEEKEND);
        let clock = Clock::new(grid, tz, &activity);
        let instants = Instants::of(input, &mut missing);
        let platforms = platforms(input, instants.first(), &mut missing);
        let nightly = platforms.iter().any(|p| p.automatic == Automatic::HalfNightly);
        let schedules = instants.schedules(&clock, nightly);
        let mean_bytes = mean_size(&platforms);
        let audience = estimate::audience(input, &mean_bytes, &mut missing);
        let (line_classes, rate_sigma) = line_classes(input, &mut missing);
        Self {
            ru_id: input.ru.id.clone(),
            kind: input.ru.kind,
            clock,
            platforms,
            audience,
            audience_factor: input.ru.signals.audience_factor.unwrap_or(1.0),
            platform_strength: platform_strength(input),
            laws: Laws::of(input.ru.kind),
            line_classes,
            rate_sigma,
            schedules,
            routes: Routes::default(),
            missing,
        }
    }

    /// First and last instant at which something begins.
    pub(crate) fn span(input: &ForecastInput) -> (DateTime<Utc>, DateTime<Utc>) {
        let instants = Instants::of(input, &mut Vec::new());
        let all = instants.releases.iter().copied().chain(instants.waves.iter().map(|w| w.0));
        (instants.first(), all.max().unwrap_or_default())
    }

    pub(crate) fn bins(&self) -> usize {
        self.clock.grid().bins()
    }

    pub(crate) fn has_preload(&self) -> bool {
        self.schedules.iter().any(|s| s.preload.is_some())
    }

    /// Mean share of every platform.
    pub(crate) fn weights(&self) -> Vec<f64> {
        self.platforms.iter().map(|p| p.weight).collect()
    }
}

impl ForecastInput {
    /// First and last instant at which something begins: the preload, the release, a wave for this network. A release of
    /// which only the day is known may happen at any of the hours in which releases happen. The start of 1970 twice if
    /// nothing is known.
    ///
    /// ```
    /// use traffix_core::forecast::ForecastInput;
    /// let input: ForecastInput = serde_json::from_str(r#"{
    ///     "ru": {"id": "x", "kind": "update", "preload_at": "2026-03-03T10:00:00Z", "release_at": "2026-03-05",
    ///            "items": [{"platform": "steam"}]},
    ///     "network": {"id": "acme", "tz": "Europe/London", "lines": 1e6}
    /// }"#).unwrap();
    /// let (first, last) = input.span();
    /// assert_eq!((first.to_rfc3339(), last.to_rfc3339()),
    ///            ("2026-03-03T10:00:00+00:00".into(), "2026-03-05T19:00:00+00:00".into()));
    /// ```
    pub fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        Plan::span(self)
    }
}

/// When things can happen.
struct Instants {
    /// Equally likely instants of the release.
    releases: Vec<DateTime<Utc>>,
    preload: Option<DateTime<Utc>>,
    /// Waves that apply to the network, with shares that sum to 1; empty = one release.
    waves: Vec<(DateTime<Utc>, f64)>,
}

impl Instants {
    fn of(input: &ForecastInput, missing: &mut Vec<Missing>) -> Self {
        let ru = &input.ru;
        let mut note = |detail: &str| {
            missing.push(Missing { pointer: "/ru/release_at".into(), detail: detail.to_owned() });
        };
        let mut releases = match (ru.unlock_at, ru.release_at) {
            (Some(at), _) | (None, Some(Moment::At(at))) => vec![at],
            (None, Some(Moment::Day(day))) => {
                note("hour of the release not known: any time from 10:00 to 19:00 UTC");
                let (from, to) = priors::UNKNOWN_RELEASE_HOURS;
                let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
                (2 * from..=2 * to).map(|half| midnight + TimeDelta::minutes(30 * i64::from(half))).collect()
            }
            (None, None) if !ru.waves.is_empty() => Vec::new(),
            (None, None) => {
                note("not known: two days after the preload opens");
                ru.preload_at.and_then(|at| at.checked_add_days(Days::new(2))).into_iter().collect()
            }
        };
        if let Some(open) = ru.preload_at {
            for at in &mut releases {
                *at = (*at).max(open);
            }
        }
        Self { releases, preload: ru.preload_at, waves: waves(input) }
    }

    fn first(&self) -> DateTime<Utc> {
        let all = self
            .releases
            .iter()
            .copied()
            .filter(|_| self.waves.is_empty())
            .chain(self.waves.iter().map(|w| w.0));
        all.chain(self.preload).min().unwrap_or_default()
    }

    fn schedules(&self, clock: &Clock, nightly: bool) -> Vec<Schedule> {
        if !self.waves.is_empty() {
            let first = self.waves.iter().map(|w| w.0).min().unwrap_or_default();
            let waves =
                self.waves.iter().map(|&(at, share)| start_table(clock, (at, share), nightly)).collect();
            return vec![Schedule { waves, preload: self.preload_before(clock, first) }];
        }
        let schedule = |&at: &DateTime<Utc>| Schedule {
            waves: vec![start_table(clock, (at, 1.0), nightly)],
            preload: self.preload_before(clock, at),
        };
        self.releases.iter().map(schedule).collect()
    }

    fn preload_before(&self, clock: &Clock, unlock: DateTime<Utc>) -> Option<Preload> {
        let open = self.preload.filter(|open| *open < unlock)?;
        let zero = clock.at(open);
        Some(Preload {
            open,
            unlock,
            elapsed: clock.edges().iter().map(|l| l - zero).collect(),
            window: clock.at(unlock) - zero,
            until: ceil_edge(clock.grid().position(unlock.timestamp()), clock.edges().len()),
        })
    }
}

/// Waves for the network: those of its country if any is named, else all.
fn waves(input: &ForecastInput) -> Vec<(DateTime<Utc>, f64)> {
    let country = input.network.country.as_deref();
    let ours =
        |region: Option<&str>| region.is_some_and(|r| country.is_some_and(|c| r.eq_ignore_ascii_case(c)));
    let any_ours = input.ru.waves.iter().any(|w| ours(w.region.as_deref()));
    let kept: Vec<_> = input
        .ru
        .waves
        .iter()
        .filter(|w| !any_ours || ours(w.region.as_deref()))
        .map(|w| (w.at, w.share))
        .collect();
    let total: f64 = kept.iter().map(|w| w.1).sum();
    if total <= 0.0 {
        return kept;
    }
    kept.into_iter().map(|(at, share)| (at, share / total)).collect()
}

fn start_table(clock: &Clock, (at, share): (DateTime<Utc>, f64), nightly: bool) -> StartTable {
    let zero = clock.at(at);
    let elapsed: Vec<f64> = clock.edges().iter().map(|l| l - zero).collect();
    let ln_elapsed = elapsed.iter().map(|&l| ln_or_floor(l)).collect();
    let windows = if nightly {
        {
            // Nights after the end of the grid are of no use to it.
            let left_s = clock.grid().edge_s(clock.grid().bins()).saturating_sub(at.timestamp());
            let days = u64::try_from(left_s / 86_400 + 2).unwrap_or(0).min(NIGHTS);
            nightly_windows(clock.tz(), at.timestamp(), priors::NIGHTLY_HOURS, days)
        }
    } else {
        Vec::new()
    };
    let position = |at_s: i64| clock.grid().position(at_s);
    let nights = windows.into_iter().map(|(from, to)| (position(from), position(to))).collect();
    StartTable { share, at, position: clock.grid().position(at.timestamp()), elapsed, ln_elapsed, nights }
}
