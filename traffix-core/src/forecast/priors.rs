//! Every prior of the model: its value, its unit, and how we know.
//!
//! Tags: *Measured* = fitted to data of the project, *Published* = a figure from the source given, *Assumed* =
//! judgement, to be replaced by data. "As of" dates say when the source was read or the judgement made.
//! Log-normal priors are given by median and log-scale standard deviation.

use serde::{Deserialize, Serialize};

use super::audience::LogNormal;

/// Version of the numbers in this file; part of every forecast.
pub const MODEL_VERSION: &str = "traffix-model/1";

/// What is downloaded, which decides the priors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ModelRuKind"))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RuKind {
    /// A new game or other software title.
    #[serde(alias = "game-release", alias = "game_release")]
    Release,
    /// A patch, season or extension of a title.
    #[serde(alias = "game-update", alias = "game_update")]
    Update,
    /// A major version of a phone operating system.
    #[serde(alias = "phone_os")]
    PhoneOs,
    /// A monthly Windows patch.
    #[serde(alias = "windows_patch")]
    WindowsPatch,
    /// A staged Windows feature update.
    #[serde(alias = "windows_feature")]
    WindowsFeature,
    /// An update of a phone app.
    App,
    /// A title to stream: a download whose rate is the bitrate.
    Media,
}

impl RuKind {
    /// Size of a download of which nothing is known.
    ///
    /// Games: Assumed (2026-11) from press-reported sizes, which are the big ones only (updates median 21 GB,
    /// log-sd 1.1; releases 70 GB, 0.6), moved down. Phone OS and Windows: Assumed (2026-11). App and
    /// media: Assumed (2026-11), 0.15 GB and one 2-hour title at 7.5 Mbit/s.
    pub const fn unknown_size(self) -> LogNormal {
        match self {
            Self::Release => LogNormal::new(60e9, 0.6),
            Self::Update => LogNormal::new(12e9, 0.9),
            Self::PhoneOs => LogNormal::new(6e9, 0.5),
            Self::WindowsPatch => LogNormal::new(0.6e9, 0.6),
            Self::WindowsFeature => LogNormal::new(3.5e9, 0.4),
            Self::App => LogNormal::new(0.15e9, 0.9),
            Self::Media => LogNormal::new(6.75e9, 0.5),
        }
    }

    /// Share of the monthly active users who take part within two weeks.
    ///
    /// Update .75 and release .40: Assumed (2026-11). The other kinds: Assumed (2026-11), wider.
    pub const fn need(self) -> LogNormal {
        match self {
            Self::Update => LogNormal::new(0.75, 0.2),
            Self::Release => LogNormal::new(0.40, 0.4),
            Self::PhoneOs | Self::WindowsPatch | Self::App => LogNormal::new(0.6, 0.3),
            Self::WindowsFeature => LogNormal::new(0.5, 0.5),
            Self::Media => LogNormal::new(0.2, 0.8),
        }
    }

    /// Downloads per access line when nothing is known of the audience. All Assumed (2026-11): most titles
    /// are small, and what an operator asks about unknown is usually not, hence the wide spread.
    pub const fn per_line_unknown(self) -> LogNormal {
        match self {
            Self::Release => LogNormal::new(0.02, 1.2),
            Self::Update => LogNormal::new(0.03, 1.2),
            Self::PhoneOs | Self::WindowsPatch | Self::WindowsFeature => LogNormal::new(0.6, 0.7),
            Self::App => LogNormal::new(0.3, 1.2),
            Self::Media => LogNormal::new(0.05, 1.2),
        }
    }

    /// True for games, whose starts are a mixture of automatic, rush and return.
    pub const fn is_game(self) -> bool {
        matches!(self, Self::Release | Self::Update)
    }
}

/// Downloads per access line of a game of which nothing but a listing on Steam is known.
///
/// Most listings are small titles: 18,965 appeared in 2024 (`SteamDB`, <https://gamersrankos.com>
/// 32-5-more-releases-in-2024-vs-2023). Published for 2020: half of the new games sold less than 640 copies, a quarter
/// more than 2,800, and 5 % of them made 90 % of the sales (T. Altenburger,
/// <https://gameworldobserver.com/2021/07/07/flying-oak-games-thomas-altenburger-5-of-games-made-90-of-all-sales-on-steam-in-2020>).
/// What a game earns in its first two weeks it earns two to six times in its first year (Valve,
/// <https://www.gamesindustry.biz/over-1-100-steam-games-earned-more-than-usd10k-within-two-weeks-of-launch-in-2019>):
/// 640 / 3.5 copies times [`PLAYERS_SHARE_PER_LINE`]. The quartile gives a spread of 2.2, the 5 % give 2.9; the middle
/// is taken, so that one such title in a hundred is 400 times the median. As of 2026-11.
pub const PER_LINE_LISTING_ONLY: LogNormal = LogNormal::new(4e-7, 2.6);

/// Days.
const DAY_S: f64 = 86_400.0;
/// Hours.
const HOUR_S: f64 = 3_600.0;

/// Monthly active users per mean daily peak of concurrent players. Published: Steam 4.8 and rules of thumb
/// of 30, <https://htxt.co.za> 2021/01; Fortnite 2018 9.4,
/// <https://themaykazine.tumblr.com> 42958712108. As of 2026-11.
pub const MAU_PER_CONCURRENT: LogNormal = LogNormal::new(14.0, 0.6);

/// Copies in the first week per concurrent player on day one. Published: 8 to 15 for pre-ordered titles, 20
/// else, <https://gam3s.gg/news/steam-day-1-player-counts-linked-to-sales>. As of 2026-11.
pub const COPIES_PER_CONCURRENT: LogNormal = LogNormal::new(14.0, 0.5);

/// Copies in the first week per wishlist. Published: .105 to .17 with a spread of 10 to 20 times,
/// <https://gameworldobserver.com> 2024-12-06. As of 2026-11.
pub const COPIES_PER_WISHLIST: LogNormal = LogNormal::new(0.13, 1.1);

/// Wishlists per follower. Published, with an Assumed spread: <https://gam3s.gg>, 2026-11.
pub const WISHLISTS_PER_FOLLOWER: LogNormal = LogNormal::new(10.0, 0.4);

/// Downloads per line of an update of one of the two biggest titles. Published: 22 PB extra on 5.37 million
/// lines at 39 GB make .104, Virgin Media press release of 2020-08-06. As of 2026-11.
pub const PER_LINE_TOP_TITLE: LogNormal = LogNormal::new(0.11, 0.5);

/// From how many monthly active users a title counts as one of the biggest. Assumed (2026-11).
pub const TOP_TITLE_MAU: f64 = 40e6;

/// How much an ISP's customers play compared with the country's. Assumed (2026-11).
pub const GAMER_HEAVINESS: LogNormal = LogNormal::new(1.0, 0.25);

/// Error all audience estimates share, log scale. Assumed (2026-11).
pub const AUDIENCE_FLOOR_SIGMA: f64 = 0.2;

/// Spread of the estimate from the last measured comparable event, log scale. Assumed (2026-11).
pub const PAST_EVENT_SIGMA: f64 = 0.3;

/// Country of a network that is the whole world, such as a platform's own traffic: a code that ISO 3166-1 leaves to its
/// users. Its lines are those that [`PLAYERS_SHARE_PER_LINE`] needs to hold all players, about 455 million.
pub const WORLD: &str = "XW";

/// A country's share of a title's players world-wide.
///
/// Console shooters (GB, AU, NZ): Assumed (2026-11), level chosen with some press-reported events in view.
/// Steam: Published 2015, <https://mygaming.co.za> 71569.
pub fn country_share(country: &str, steam_only: bool) -> Option<LogNormal> {
    let (share, sigma) = match (country, steam_only) {
        (WORLD, _) => (1.0, 0.0),
        ("US", steam) => (0.21, if steam { 0.3 } else { 0.5 }),
        ("DE", steam) => (0.066, if steam { 0.3 } else { 0.5 }),
        ("GB" | "UK", true) => (0.05, 0.3),
        ("AU", true) => (0.018, 0.3),
        ("GB" | "UK", false) => (0.065, 0.35),
        ("AU", false) => (0.022, 0.35),
        ("NZ", false) => (0.0045, 0.35),
        _ => return None,
    };
    Some(LogNormal::new(share, sigma))
}

/// Share of a title's players behind one fixed line where the country is not in the tables. Assumed
/// (2026-11): the three console entries above divided by their countries' lines, 2.0e-9 to 2.5e-9.
pub const PLAYERS_SHARE_PER_LINE: LogNormal = LogNormal::new(2.2e-9, 0.8);

/// Fixed lines of a country. Published by the national regulators, rounded: GB 28.5 million, AU 11 million,
/// NZ 1.8 million; US and DE Assumed (2026-11) at 120 and 37 million.
pub fn national_lines(country: &str) -> Option<f64> {
    match country {
        "GB" | "UK" => Some(28.5e6),
        "AU" => Some(11e6),
        "NZ" => Some(1.8e6),
        WORLD => Some(1.0 / PLAYERS_SHARE_PER_LINE.median),
        "US" => Some(120e6),
        "DE" => Some(37e6),
        _ => None,
    }
}

/// Spread added when the lines of the country are not given, log scale. Assumed (2026-11).
pub const NATIONAL_LINES_SIGMA: f64 = 0.15;

/// Which machines a platform's downloads run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// `PlayStation`: half of the consoles rest and update by themselves, <https://gamereactor.eu> 1478173.
    PlayStation,
    /// Xbox: wakes at night in energy saving.
    Xbox,
    /// Other consoles.
    Console,
    /// Steam on personal computers: updates what was played lately at once, the rest off-peak.
    Steam,
    /// Other personal computers.
    Pc,
    /// Phones and tablets.
    Phone,
}

impl Device {
    /// The device of a platform slug; an unknown platform is taken as a personal computer, which has the
    /// highest ceiling.
    ///
    /// ```
    /// use traffix_core::forecast::priors::Device;
    /// assert_eq!(Device::of("xbox"), Device::Xbox);
    /// ```
    pub fn of(platform: &str) -> Self {
        match platform {
            "playstation" | "ps" | "ps4" | "ps5" => Self::PlayStation,
            "xbox" => Self::Xbox,
            "nintendo" | "switch" => Self::Console,
            "steam" => Self::Steam,
            "mobile" | "phone" | "android" | "google-play" | "ios" | "apple" => Self::Phone,
            _ => Self::Pc,
        }
    }

    /// Largest rate of one download, bit/s. Assumed (2026-11).
    pub const fn ceiling_bps(self) -> f64 {
        match self {
            Self::PlayStation | Self::Xbox | Self::Console => 500e6,
            Self::Steam | Self::Pc => 900e6,
            Self::Phone => 300e6,
        }
    }

    /// Share of a live shooter's players. Published as revenue shares, <https://shacknews.com/article/124196>;
    /// as of 2026-11.
    pub const fn default_weight(self) -> f64 {
        match self {
            Self::PlayStation => 0.47,
            Self::Xbox => 0.28,
            Self::Steam | Self::Pc => 0.10,
            Self::Console => 0.08,
            Self::Phone => 0.07,
        }
    }
}

/// Strength of the belief in platform weights, in pseudo-observations. Assumed (2026-11).
pub const PLATFORM_STRENGTH: f64 = 8.0;

/// Strength when the network gives no mix of its own. Assumed (2026-11): half.
pub const PLATFORM_STRENGTH_DEFAULT: f64 = 4.0;

/// Spread of a size known for this very platform, log scale. Assumed (2026-11).
pub const SIZE_KNOWN_SIGMA: f64 = 0.05;

/// Spread of a size taken from another platform, log scale. Assumed (2026-11).
pub const SIZE_BORROWED_SIGMA: f64 = 0.15;

/// Bytes on the wire per byte on disk. Assumed (2026-11).
pub const WIRE_PER_DISK: LogNormal = LogNormal::new(0.75, 0.2);

/// Share of the bytes on personal computers that comes from peers and never crosses the interconnect, as a
/// beta distribution.
/// Published for the default, which peers behind one NAT only:
/// <https://learn.microsoft.com> windowsDeliveryOptimizationMode; spread Assumed (2026-11).
pub const PEER_SHARE: (f64, f64) = (1.0, 19.0);

/// Masses of automatic, rush and return starts, as a Dirichlet distribution. Set on the press release of
/// Virgin Media, 2020-08-06 (Measured, 2026-11).
pub const START_MASSES: [f64; 3] = [4.0, 3.0, 13.0];

/// Window over which automatic updates start, s. Assumed (2026-11).
pub const AUTOMATIC_S: LogNormal = LogNormal::new(6.0 * HOUR_S, 0.5);

/// Share of sleeping consoles that wake and update in one night, as a beta distribution. Published that it
/// is daily, <https://thesixthaxis.com> 2022-03-11; numbers Assumed (2026-11).
pub const NIGHTLY_SHARE: (f64, f64) = (7.0, 3.0);

/// Local hours of the nightly window. Published, <https://thesixthaxis.com> 2022-03-11.
pub const NIGHTLY_HOURS: (u32, u32) = (2, 6);

/// Time scale of people waiting for the release, operational s. Assumed (2026-11), with peaks seen 20 to 60
/// minutes after releases in view.
pub const RUSH_S: LogNormal = LogNormal::new(2.0 * HOUR_S, 0.5);

/// Exponent and scale (operational s) of returning to a game. Published, Chambers and Feng 2005: half in
/// two days, 90 % in 18 days; spreads Assumed (2026-11).
pub const RETURN_GAME: (LogNormal, LogNormal) =
    (LogNormal::new(0.55, 0.15), LogNormal::new(3.9 * DAY_S, 0.4));

/// The same for phone apps. Published, <https://deathstartup.com/?p=58>: 65 % in 3 days, 90 % in 14.
pub const RETURN_APP: (LogNormal, LogNormal) = (LogNormal::new(0.51, 0.15), LogNormal::new(2.7 * DAY_S, 0.4));

/// The same for major versions of a phone OS. Published adoption of iOS 9, 10 and 11 (Mixpanel):
/// <https://iapptweak.com> 2017-10, <https://iphonehacks.com> 2017-09; fitted .66/.54/.59 and 21/31/50 days.
pub const RETURN_PHONE_OS: (LogNormal, LogNormal) =
    (LogNormal::new(0.59, 0.15), LogNormal::new(35.0 * DAY_S, 0.4));

/// The same for a monthly Windows patch: 80 % of the downloads in the first day. Published, Gkantsidis et al.
/// 2006, <https://infoq.com/news/Planet-Scale-Updates>.
pub const RETURN_WINDOWS_PATCH: (LogNormal, LogNormal) =
    (LogNormal::new(0.55, 0.15), LogNormal::new(0.42 * DAY_S, 0.5));

/// The same for a staged Windows feature update. Published, <https://channelasia.tech> 631792.
pub const RETURN_WINDOWS_FEATURE: (LogNormal, LogNormal) =
    (LogNormal::new(1.2, 0.15), LogNormal::new(79.0 * DAY_S, 0.4));

/// The same for a title to stream after its premiere. Assumed (2026-11).
pub const RETURN_MEDIA: (LogNormal, LogNormal) =
    (LogNormal::new(0.7, 0.15), LogNormal::new(2.0 * DAY_S, 0.5));

/// Share of viewers who press play within minutes of a premiere: logit-normal median and spread. Assumed.
pub const PREMIERE_MASS: (f64, f64) = (0.3, 0.7);

/// Window of those starts, s. Assumed (2026-11).
pub const PREMIERE_S: f64 = 600.0;

/// Share preloaded where a preload exists: logit-normal median and spread. Published: 26 of 52 Tbit/s on
/// Steam (<https://htxt.co.za> 2021/01), +10 % the day before against +20 % (Virgin Media 2020-08-06).
pub const PRELOAD_MASS: (f64, f64) = (0.30, 0.8);

/// Time scale of preloads, operational s. Assumed (2026-11): the weakest prior of all.
pub const PRELOAD_S: LogNormal = LogNormal::new(14.0 * HOUR_S, 0.6);

/// Access line rates where they are not known, bit/s. Published for the UK 2023: median 69, 88 % above 30,
/// 10 % above 300 Mbit/s, <https://lscprom.co.uk/ofcom> 2023-09-14.
pub const LINE_RATE_BPS: LogNormal = LogNormal::new(69e6, 0.9);

/// Spread of the median itself where it is not known, log scale. Assumed (2026-11).
pub const LINE_RATE_UNKNOWN_SIGMA: f64 = 0.5;

/// What device and home leave of the line rate. Assumed (2026-11).
pub const DEVICE_FACTOR: LogNormal = LogNormal::new(0.65, 0.3);

/// Bitrate of a stream, bit/s, where the item gives none. Assumed (2026-11).
pub const STREAM_BPS: f64 = 7.5e6;

/// Strength of the belief in CDN shares, in pseudo-observations. Assumed (2026-11).
pub const CDN_STRENGTH: f64 = 12.0;

/// Share of what a full CDN cannot serve that moves to the platform's other CDNs, as a beta distribution.
/// Published for one event, J. Blendin et al. 2018, <https://arxiv.org/abs/1810.02978>.
pub const OVERFLOW_SHARE: (f64, f64) = (2.0, 4.0);

/// Largest share of a CDN's traffic an embedded cache serves, as a beta distribution. Assumed (2026-11).
pub const CACHE_SHARE: (f64, f64) = (19.0, 1.0);

/// Spread of the baseline at an hour of the week, log scale. Assumed (2026-11): use your own residuals.
pub const BASELINE_SIGMA: f64 = 0.06;

/// What nothing above explains, log scale. Measured on press-reported peaks 2018-2024, 2026-11.
pub const RESIDUAL_SIGMA: f64 = 0.20;

/// Activity by local hour 0..23, before the weekend factor. Assumed (2026-11); without any such profile the
/// error on press-reported peaks is a third larger.
pub const ACTIVITY_DAY: [f64; 24] = [
    0.62, 0.42, 0.29, 0.21, 0.18, 0.19, 0.26, 0.38, 0.52, 0.66, 0.78, 0.88, 0.97, 1.03, 1.08, 1.18, 1.36,
    1.53, 1.66, 1.78, 1.86, 1.80, 1.50, 1.06,
];

/// Activity on Saturday and Sunday relative to other days. Assumed (2026-11).
pub const ACTIVITY_WEEKEND: f64 = 1.1;

/// Hours of the day (UTC) within which an RU of unknown hour is released. Assumed (2026-11).
pub const UNKNOWN_RELEASE_HOURS: (u32, u32) = (10, 19);

/// Below how many running downloads at the peak random starts are added to the spread. Assumed (2026-11).
pub const SHOT_NOISE_BELOW: f64 = 50.0;
