//! Checks of a network profile: every finding, with its place.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::{Link, Network};
use crate::Invalid;

/// Largest values accepted, so that no input can exhaust memory or overflow a sum.
pub mod limits {
    /// Access lines.
    pub const LINES: f64 = 1e9;
    /// Rates and capacities, bit/s.
    pub const BPS: f64 = 1e18;
    /// Log-scale standard deviations.
    pub const SIGMA: f64 = 3.0;
    /// Links of one network.
    pub const LINKS: usize = 256;
    /// Line-rate classes.
    pub const CLASSES: usize = 64;
    /// CDNs of one link, and entries of one table of shares.
    pub const SHARES: usize = 128;
    /// Bins of a baseline series.
    pub const SERIES: usize = 200_000;
    /// Prefixes of a network or of a link, and interfaces of a link.
    pub const ADDRESSES: usize = 100_000;
    /// Letters of an id.
    pub const ID: usize = 200;
}

/// How far shares may be from summing to 1.
const SUM_TOL: f64 = 1e-6;
const WEEK_HOURS: usize = 168;

impl Network {
    /// Everything that is wrong with the profile; empty if it can be used.
    ///
    /// Refused are numbers that are negative or not finite, shares that do not sum to 1, unknown time zones,
    /// duplicate ids and sizes beyond [`limits`]. What is merely absent is not wrong.
    ///
    /// ```
    /// use traffix_core::network::Network;
    /// let network: Network = serde_json::from_str(r#"{"id": "acme", "tz": "Mars/Olympus", "lines": -1}"#).unwrap();
    /// let places: Vec<_> = network.validate().into_iter().map(|f| f.pointer).collect();
    /// assert_eq!(places, ["/tz", "/lines"]);
    /// ```
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Findings::default();
        found.id("/id", &self.id);
        if self.tz.parse::<Tz>().is_err() {
            let detail = format!(
                "must be a time zone of the IANA database such as \"Europe/London\", got {:?}",
                self.tz
            );
            found.add("/tz", detail);
        }
        if let Some(country) = &self.country
            && !(country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()))
        {
            found.add("/country", format!("must be two capital letters (ISO 3166-1), got {country:?}"));
        }
        found.within("/lines", self.lines, limits::LINES);
        if let Some(lines) = self.national_lines {
            found.within("/national_lines", lines, 10.0 * limits::LINES);
            if lines.is_finite() && lines <= 0.0 {
                found.add("/national_lines", "must be above 0".to_owned());
            }
        }
        self.check_rates(&mut found);
        if let Some(mix) = &self.platform_mix {
            found.shares("/platform_mix", mix.iter().map(|(k, v)| (k.as_str(), *v)));
        }
        self.check_baseline(&mut found);
        self.check_links(&mut found);
        found.count("/prefixes", self.prefixes.len());
        found.0
    }

    fn check_rates(&self, found: &mut Findings) {
        if let Some(rate) = &self.line_rate_bps {
            found.positive("/line_rate_bps/median", rate.median, limits::BPS);
            found.within("/line_rate_bps/sigma", rate.sigma, limits::SIGMA);
        }
        let Some(classes) = &self.classes else { return };
        if self.line_rate_bps.is_some() {
            found.add("/classes", "give either line_rate_bps or classes, not both".to_owned());
        }
        if classes.is_empty() || classes.len() > limits::CLASSES {
            found.add(
                "/classes",
                format!("must have 1 to {} classes, got {}", limits::CLASSES, classes.len()),
            );
        }
        for (i, class) in classes.iter().enumerate() {
            found.within(&format!("/classes/{i}/weight"), class.weight, 1.0);
            found.positive(&format!("/classes/{i}/bps"), class.bps, limits::BPS);
        }
        found.sums_to_one("/classes", "weights", classes.iter().map(|c| c.weight).sum());
    }

    fn check_baseline(&self, found: &mut Findings) {
        if let Some(week) = &self.baseline_bps {
            found.week("/baseline_bps", week);
        }
        let Some(series) = &self.series else { return };
        if self.baseline_bps.is_some() {
            found.add("/series", "give either baseline_bps or series, not both".to_owned());
        }
        if series.step_s == 0 || series.step_s > 86_400 {
            found.add("/series/step_s", format!("must be 1 to 86400 seconds, got {}", series.step_s));
        }
        if series.bps.is_empty() || series.bps.len() > limits::SERIES {
            let detail = format!("must have 1 to {} values, got {}", limits::SERIES, series.bps.len());
            found.add("/series/bps", detail);
        }
        found.all_within("/series/bps", &series.bps);
    }

    fn check_links(&self, found: &mut Findings) {
        if self.links.len() > limits::LINKS {
            found.add("/links", format!("must be at most {} links, got {}", limits::LINKS, self.links.len()));
            return;
        }
        let mut ids = BTreeSet::new();
        for (i, link) in self.links.iter().enumerate() {
            let at = format!("/links/{i}");
            if !ids.insert(&link.id) {
                found.add(&format!("{at}/id"), format!("must be unique, {:?} is used twice", link.id));
            }
            check_link(found, &at, link);
        }
    }
}

fn check_link(found: &mut Findings, at: &str, link: &Link) {
    found.id(&format!("{at}/id"), &link.id);
    found.within(&format!("{at}/capacity_bps"), link.capacity_bps, limits::BPS);
    found.within(&format!("{at}/headroom"), link.headroom, 1.0);
    if let Some(share) = link.max_share {
        found.within(&format!("{at}/max_share"), share, 1.0);
    }
    if link.cdns.len() > limits::SHARES {
        found.add(&format!("{at}/cdns"), format!("must be at most {} CDNs", limits::SHARES));
    }
    for (j, cdn) in link.cdns.iter().enumerate().take(limits::SHARES) {
        found.id(&format!("{at}/cdns/{j}"), cdn);
    }
    if let Some(week) = &link.baseline_bps {
        found.week(&format!("{at}/baseline_bps"), week);
    }
    found.count(&format!("{at}/interfaces"), link.interfaces.len());
    for (j, interface) in link.interfaces.iter().enumerate().take(limits::ADDRESSES) {
        if interface.index.is_none() && interface.name.is_none() {
            found.add(&format!("{at}/interfaces/{j}"), "needs an index or a name".to_owned());
        }
    }
    found.count(&format!("{at}/prefixes"), link.prefixes.len());
    if !link.prefixes.is_empty() && link.cache_cdn().is_none() {
        let detail = "are for embedded caches, whose first CDN must be named by its slug, such as \"akamai\"";
        found.add(&format!("{at}/prefixes"), detail.to_owned());
    }
}

/// Findings so far, and the checks that add to them.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Invalid>);

impl Findings {
    pub(crate) fn add(&mut self, pointer: &str, detail: String) {
        self.0.push(Invalid::new(pointer, detail));
    }

    pub(crate) fn id(&mut self, pointer: &str, id: &str) {
        if id.is_empty() || id.chars().count() > limits::ID {
            self.add(pointer, format!("must have 1 to {} letters", limits::ID));
        }
    }

    fn count(&mut self, pointer: &str, count: usize) {
        if count > limits::ADDRESSES {
            self.add(pointer, format!("must be at most {} entries, got {count}", limits::ADDRESSES));
        }
    }

    pub(crate) fn within(&mut self, pointer: &str, x: f64, max: f64) {
        if !(0.0..=max).contains(&x) {
            self.add(pointer, format!("must be a number from 0 to {max}, got {x}"));
        }
    }

    pub(crate) fn positive(&mut self, pointer: &str, x: f64, max: f64) {
        if !(x > 0.0 && x <= max) {
            self.add(pointer, format!("must be a number above 0 and at most {max}, got {x}"));
        }
    }

    pub(crate) fn sums_to_one(&mut self, pointer: &str, what: &str, sum: f64) {
        if (sum - 1.0).abs() > SUM_TOL || sum.is_nan() {
            self.add(pointer, format!("{what} must sum to 1, got {sum}"));
        }
    }

    pub(crate) fn shares<'a>(&mut self, pointer: &str, shares: impl Iterator<Item = (&'a str, f64)>) {
        let (mut sum, mut count) = (0.0, 0);
        for (key, share) in shares {
            let key = key.replace('~', "~0").replace('/', "~1");
            self.within(&format!("{pointer}/{key}"), share, 1.0);
            sum += share;
            count += 1;
        }
        if count > limits::SHARES {
            self.add(pointer, format!("must have at most {} entries, got {count}", limits::SHARES));
        }
        self.sums_to_one(pointer, "shares", sum);
    }

    fn week(&mut self, pointer: &str, week: &[f64]) {
        if week.len() == WEEK_HOURS {
            self.all_within(pointer, week);
        } else {
            let detail = format!(
                "must have 168 values, one per local hour of week from Monday 00:00, got {}",
                week.len()
            );
            self.add(pointer, detail);
        }
    }

    /// Reports the first value of a list that is out of range: one finding is enough for a broken export.
    fn all_within(&mut self, pointer: &str, values: &[f64]) {
        if let Some(i) = values.iter().position(|x| !(0.0..=limits::BPS).contains(x)) {
            self.within(&format!("{pointer}/{i}"), values[i], limits::BPS);
        }
    }
}
