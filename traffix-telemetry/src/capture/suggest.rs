//! What a capture suggests: assertions for somebody to review.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use serde::Serialize;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::{Asn, Assertion, CdnId, EvidenceKind, HostPattern, Role, Status, Tenancy};
use traffix_core::units::Bytes;

use super::report::{Name, Report, Scope, Seen, Server};

/// Least share of a capture's bytes that is worth a suggestion. Assumed.
const MIN_SHARE: f64 = 0.01;
/// Share of the bytes at which the share alone makes half of the confidence. Assumed.
const HALF_SHARE: f64 = 0.01;
/// Agreement with what is known: the same is known, nothing is known, another platform is known. Assumed.
const AGREEMENT: [f64; 3] = [1.0, 0.8, 0.5];
/// Names that a reason lists.
const SHOWN_NAMES: usize = 4;

/// An assertion that a capture suggests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// The statement, to be reviewed.
    pub assertion: Assertion,
    /// Bytes that it rests on.
    pub bytes: u64,
    /// Their share of the capture.
    pub share: f64,
    /// Whether the same is known already.
    pub known: bool,
    /// What it rests on, for readers.
    pub reasons: Vec<String>,
}

/// Suggests assertions from a report, those with most bytes first.
///
/// `platform` is what was downloaded during the capture, if it was one platform's; `known` is what is known already;
/// `source` says which capture it was.
///
/// Names of one parent become a pattern. The confidence is `c · s/(s + 0.01) · n/(n + 1) · a`, with `c` that of a
/// measurement, `s` the share of the bytes, `n` the number of conversations that asked for the name (1 if only DNS has
/// it), and `a` 1 if the same is known, 0.8 if nothing is, and 0.5 if another platform is known for the name. The
/// formula is assumed. Servers with private addresses suggest nothing, nor does what has less than 1 % of the bytes.
pub fn suggest<'a>(
    report: &Report,
    platform: Option<&PlatformId>,
    known: impl IntoIterator<Item = &'a Assertion>,
    source: &str,
) -> Vec<Suggestion> {
    let known: Vec<&Assertion> = known.into_iter().collect();
    let source: Arc<str> = Arc::from(source);
    let mut found: Vec<Suggestion> = Vec::new();
    for ((whose, pattern), group) in groups(report, &known) {
        let share = report.share(group.bytes);
        if share >= MIN_SHARE {
            found.push(group.suggestion(
                &whose,
                pattern,
                &Context { report, platform, known: &known, source: &source },
            ));
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.bytes));
    found
}

struct Context<'a> {
    report: &'a Report,
    platform: Option<&'a PlatformId>,
    known: &'a [&'a Assertion],
    source: &'a Arc<str>,
}

/// Whose servers: what the prefix table says, or an address if it says nothing and there is no name either.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Whose {
    cdn: Option<CdnId>,
    asn: Option<Asn>,
    tenancy: Option<Tenancy>,
    address: Option<IpNet>,
}

/// What speaks for one statement.
#[derive(Debug, Default)]
struct Group<'a> {
    bytes: u64,
    flows: u64,
    servers: BTreeSet<std::net::IpAddr>,
    names: BTreeSet<&'a str>,
    seen: BTreeSet<Seen>,
}

type Groups<'a> = BTreeMap<(Whose, Option<HostPattern>), Group<'a>>;

fn groups<'a>(report: &'a Report, known: &[&Assertion]) -> Groups<'a> {
    let tellable = |server: &&Server| server.cdn.is_some() || server.scope == Scope::Public;
    let servers: Vec<&Server> = report.servers.iter().filter(tellable).collect();
    let names = servers.iter().flat_map(|server| server.bytes_by_name()).filter_map(|(name, _)| name);
    let patterns = patterns(&names.map(|(name, _)| name).collect::<Vec<_>>(), known);
    let mut groups = Groups::new();
    for server in servers {
        for (name, bytes) in server.bytes_by_name() {
            let pattern = name.and_then(|(name, _)| patterns.get(name.name.as_str()).cloned());
            let nothing_else = server.cdn.is_none() && pattern.is_none();
            let whose = Whose {
                cdn: server.cdn.clone(),
                asn: server.asn,
                tenancy: server.tenancy,
                address: nothing_else.then(|| IpNet::from(server.address)),
            };
            let group = groups.entry((whose, pattern)).or_default();
            group.bytes += bytes;
            group.servers.insert(server.address);
            if let Some((name, seen)) = name {
                group.flows += if seen == Seen::Dns { 0 } else { name.flows };
                group.names.insert(&name.name);
                group.seen.insert(seen);
            }
        }
    }
    groups
}

/// The pattern under which each name is suggested.
fn patterns<'a>(names: &[&'a Name], known: &[&Assertion]) -> BTreeMap<&'a str, HostPattern> {
    let mut found = BTreeMap::new();
    let mut families = BTreeMap::<&str, BTreeSet<&'a str>>::new();
    for name in names {
        let name = name.name.as_str();
        let hosts = known.iter().filter_map(|assertion| assertion.host.as_ref());
        if let Some(pattern) = hosts.filter(|host| host.matches(name)).max_by_key(|host| host.as_str().len())
        {
            found.insert(name, pattern.clone());
        } else if let Some((_, parent)) = name.split_once('.') {
            families.entry(parent).or_default().insert(name);
        }
    }
    for (parent, family) in families {
        let common = common(parent, &family);
        for name in family {
            let exact = || name.parse().ok();
            if let Some(pattern) = common.clone().or_else(exact) {
                found.insert(name, pattern);
            }
        }
    }
    found
}

/// One pattern for names of the same parent: they differ in numbers only, or anything goes below the parent.
fn common(parent: &str, family: &BTreeSet<&str>) -> Option<HostPattern> {
    if family.len() < 2 {
        return None;
    }
    let shapes: BTreeSet<String> = family.iter().map(|name| shape(name, parent)).collect();
    if let (1, Some(shape)) = (shapes.len(), shapes.first())
        && let Ok(pattern) = shape.parse()
    {
        return Some(pattern);
    }
    // Below a country's second level, such as co.uk, are strangers.
    let mut labels = parent.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let second = labels.next()?;
    let is_registry = labels.next().is_none() && last.len() == 2 && second.len() <= 3;
    if is_registry { None } else { format!("*.{parent}").parse().ok() }
}

/// A name with a star for every run of digits in its first label.
fn shape(name: &str, parent: &str) -> String {
    let label = name.strip_suffix(parent).unwrap_or(name);
    let mut shape = String::with_capacity(name.len());
    for c in label.chars() {
        let c = if c.is_ascii_digit() { '*' } else { c };
        if c != '*' || !shape.ends_with('*') {
            shape.push(c);
        }
    }
    shape + parent
}

impl Group<'_> {
    fn suggestion(&self, whose: &Whose, host: Option<HostPattern>, context: &Context<'_>) -> Suggestion {
        let Context { report, platform, known, source } = context;
        let share = report.share(self.bytes);
        let about = |assertion: &&&Assertion| match (&host, &assertion.host) {
            (Some(host), Some(known)) => host == known,
            (None, _) => whose.cdn.is_some() && assertion.cdn == whose.cdn,
            (Some(_), None) => false,
        };
        let of_platform = |assertion: &&&Assertion| assertion.platform.as_ref() == *platform;
        let same = known.iter().filter(about).find(of_platform);
        let other = known.iter().filter(about).find(|assertion| assertion.platform.is_some());
        let is_known = same.is_some_and(|same| same.cdn == whose.cdn);
        let agreement = match (same, other) {
            (Some(_), _) => AGREEMENT[0],
            (None, Some(_)) if host.is_some() => AGREEMENT[2],
            _ => AGREEMENT[1],
        };
        let tenancy = whose.tenancy.or(same.map(|same| same.tenancy)).unwrap_or(Tenancy::Shared);
        let role = match tenancy {
            Tenancy::Dedicated => Role::Origin,
            Tenancy::Shared => Role::Cdn,
            Tenancy::Embedded => Role::EmbeddedCache,
        };
        let evidence = EvidenceKind::Measurement;
        let confidence =
            evidence.confidence() * share / (share + HALF_SHARE) * trials(self.flows) * agreement;
        let size = Bytes(self.bytes);
        let assertion = Assertion {
            platform: platform.cloned(),
            cdn: whose.cdn.clone(),
            asn: whose.asn,
            prefix: whose.address,
            host,
            role,
            tenancy,
            region: None,
            site: None,
            status: Status::Current,
            evidence,
            source: Arc::clone(source),
            observed: report.first.and_then(|at| at.format("%Y-%m-%d").to_string().parse().ok()),
            valid_from: None,
            valid_until: None,
            confidence: (confidence * 100.0).round() / 100.0,
            share_hint: Some(format!("{:.1} % of one capture's bytes ({size})", share * 100.0).into()),
            note: None,
        };
        let reasons = self.reasons(share, is_known, other.filter(|_| same.is_none()).copied());
        Suggestion { assertion, bytes: self.bytes, share, known: is_known, reasons }
    }

    fn reasons(&self, share: f64, known: bool, other: Option<&Assertion>) -> Vec<String> {
        let (size, servers) = (Bytes(self.bytes), self.servers.len());
        let mut reasons =
            vec![format!("{size}, {:.1} % of all, from {}", share * 100.0, many(servers as u64, "server"))];
        if self.names.is_empty() {
            reasons.push("no name was seen".into());
        } else {
            let seen: Vec<&str> = self.seen.iter().map(|seen| seen.as_str()).collect();
            let names: Vec<&str> = self.names.iter().copied().take(SHOWN_NAMES).collect();
            let more = if self.names.len() > SHOWN_NAMES { ", …" } else { "" };
            reasons.push(format!(
                "{} ({}{more}) in {}, asked for by {}",
                many(self.names.len() as u64, "name"),
                names.join(", "),
                seen.join(" and "),
                many(self.flows, "conversation")
            ));
        }
        if known {
            reasons.push("the same is known already".into());
        }
        if let Some(platform) = other.and_then(|other| other.platform.as_ref()) {
            reasons.push(format!("known of {platform} so far"));
        }
        reasons
    }
}

/// A number of things, in words.
fn many(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// How much a number of conversations tells: half for one, near to all for many.
#[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 53 bits")]
fn trials(flows: u64) -> f64 {
    let n = flows.max(1) as f64;
    n / (n + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: Option<&str>) {
        let (_, parent) = names[0].split_once('.').unwrap();
        let found = common(parent, &names.iter().copied().collect());
        assert_eq!(found.as_ref().map(HostPattern::as_str), expected, "{names:?}");
    }

    #[test]
    fn names_of_one_parent_become_a_pattern() {
        check(&["cache1-fra.x.example", "cache22-fra.x.example"], Some("cache*-fra.x.example"));
        check(&["a.x.example", "b.x.example"], Some("*.x.example"));
        check(&["a.x.example"], None);
        check(&["a.co.uk", "b.co.uk"], None);
        check(&["a.x.de", "b.x.de"], None);
        check(&["a.example.de", "b.example.de"], Some("*.example.de"));
    }
}
