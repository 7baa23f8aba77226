//! What a host name says about who delivers.
//!
//! The table is immutable, like the table of prefixes: it is built once from assertions and read by everybody. An
//! exact name beats a name with numbers, which beats a wildcard; of wildcards the longest suffix wins.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use super::host::{MAX_HOST_BYTES, digits_match};
use super::{Assertion, HostPattern, Status};
use crate::catalogue::PlatformId;
use crate::measurement::Key;

/// Collects statements about host names for a [`DomainTable`].
#[derive(Debug, Default)]
pub struct DomainTableBuilder {
    claims: BTreeMap<HostPattern, Vec<Assertion>>,
}

impl DomainTableBuilder {
    /// Adds an assertion that names a host and a platform or a CDN. Others are skipped; the answer says whether it was
    /// added. History may be added too: it answers for its own time.
    pub fn assertion(&mut self, assertion: &Assertion) -> bool {
        let Some(host) = &assertion.host else { return false };
        let says_something = assertion.platform.is_some() || assertion.cdn.is_some();
        if says_something {
            self.claims.entry(host.clone()).or_default().push(assertion.clone());
        }
        says_something
    }

    /// Builds the table. The order of insertion does not matter.
    pub fn build(self) -> DomainTable {
        let mut table = DomainTable::default();
        for (pattern, mut claims) in self.claims {
            claims.sort_by(most_trusted_first);
            claims.dedup();
            let entry = table.entries.len();
            let name = pattern.as_str();
            if let Some(suffix) = pattern.suffix() {
                table.below.insert(suffix.as_bytes().into(), entry);
            } else if pattern.is_exact() {
                table.exact.insert(name.as_bytes().into(), entry);
            } else {
                let mut shape = Buffer::default();
                name.bytes().for_each(|byte| shape.push_shape(byte));
                table.numbered.entry(shape.as_bytes().into()).or_default().push(entry);
            }
            table.entries.push((pattern, claims));
        }
        // Names with numbers that have the same shape: the one that leaves least open comes first.
        let stars = |entry: &usize| table.entries[*entry].0.as_str().matches('*').count();
        for same in table.numbered.values_mut() {
            same.sort_by_key(|entry| {
                (stars(entry), std::cmp::Reverse(table.entries[*entry].0.as_str().len()))
            });
        }
        table
    }
}

/// By falling confidence; what is equally sure has any fixed order.
fn most_trusted_first(a: &Assertion, b: &Assertion) -> std::cmp::Ordering {
    let rest = |claim: &Assertion| {
        (
            claim.platform.clone(),
            claim.cdn.clone(),
            claim.role,
            claim.status,
            claim.source.clone(),
            claim.observed,
        )
    };
    b.confidence.total_cmp(&a.confidence).then_with(|| rest(a).cmp(&rest(b)))
}

/// An immutable table from host names to what is asserted about them.
///
/// A look-up takes as many steps as the name has labels, however many patterns there are. Any bytes may be asked about;
/// case and one final dot do not matter.
///
/// ```
/// use traffix_core::delivery::{Assertion, DomainTable};
/// let claim = |host: &str, platform: &str| -> Assertion {
///     serde_json::from_value(serde_json::json!({
///         "platform": platform, "host": host, "role": "cdn", "tenancy": "shared", "status": "current",
///         "evidence": "official", "source": "an example", "confidence": 0.95,
///     })).unwrap()
/// };
/// let mut builder = DomainTable::builder();
/// builder.assertion(&claim("*.dl.example.net", "steam"));
/// builder.assertion(&claim("eu.dl.example.net", "gog"));
/// let table = builder.build();
///
/// assert_eq!(table.counted_as("cache7.DL.example.net.").platform.unwrap().as_str(), "steam");
/// assert_eq!(table.counted_as("eu.dl.example.net").platform.unwrap().as_str(), "gog");
/// assert!(table.lookup("dl.example.net").is_none()); // below it, not itself
/// assert!(table.lookup("a.eu.dl.example.net").is_some_and(|found| found.pattern.suffix().is_some()));
/// ```
#[derive(Debug, Default)]
pub struct DomainTable {
    entries: Vec<(HostPattern, Vec<Assertion>)>,
    /// By the whole name.
    exact: HashMap<Box<[u8]>, usize>,
    /// By the whole name with a star for every run of digits: names that have digits where the pattern says so share it.
    numbered: HashMap<Box<[u8]>, Vec<usize>>,
    /// By the suffix.
    below: HashMap<Box<[u8]>, usize>,
}

/// A pattern that a host name matches, and what is asserted about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DomainMatch<'table> {
    /// Number of the pattern in its table, below [`DomainTable::len`].
    pub id: usize,
    /// The pattern.
    pub pattern: &'table HostPattern,
    /// Everything that is asserted about it, by falling confidence.
    pub claims: &'table [Assertion],
}

impl DomainTable {
    /// An empty builder.
    pub fn builder() -> DomainTableBuilder {
        DomainTableBuilder::default()
    }

    /// The most specific pattern that a host name matches. The name comes without port.
    pub fn lookup(&self, host: impl AsRef<[u8]>) -> Option<DomainMatch<'_>> {
        self.find(host, Some)
    }

    /// The first answer that `pick` gives for a pattern that a host name matches, the most specific first.
    pub fn find<'table, R>(
        &'table self,
        host: impl AsRef<[u8]>,
        mut pick: impl FnMut(DomainMatch<'table>) -> Option<R>,
    ) -> Option<R> {
        let host = Buffer::name(host.as_ref())?;
        let host = host.as_bytes();
        let mut pick = |entry: &usize| {
            let (pattern, claims) = self.entries.get(*entry)?;
            pick(DomainMatch { id: *entry, pattern, claims })
        };
        if let Some(found) = self.exact.get(host).and_then(&mut pick) {
            return Some(found);
        }
        let fits = |entry: &&usize| {
            let pattern = self.entries.get(**entry).map(|(pattern, _)| pattern.as_str());
            pattern
                .zip(std::str::from_utf8(host).ok())
                .is_some_and(|(pattern, host)| digits_match(pattern, host))
        };
        if let Some(found) = self.of_shape(host).iter().filter(fits).find_map(&mut pick) {
            return Some(found);
        }
        let dots = host.iter().enumerate().filter(|(_, byte)| **byte == b'.');
        dots.filter_map(|(dot, _)| self.below.get(&host[dot + 1..])).find_map(pick)
    }

    /// The patterns with numbers that a name may match.
    fn of_shape(&self, host: &[u8]) -> &[usize] {
        if !host.iter().any(u8::is_ascii_digit) {
            return &[];
        }
        let mut shape = Buffer::default();
        for byte in host {
            shape.push_shape(*byte);
        }
        self.numbered.get(shape.as_bytes()).map_or(&[], Vec::as_slice)
    }

    /// What traffic of a host name is counted as: the platform that everything asserted about the name today agrees on,
    /// and likewise the CDN. A name that nobody knows is traffic of unknown origin.
    pub fn counted_as(&self, host: impl AsRef<[u8]>) -> Key {
        let Some((_, claims)) = self.claims(host, None) else { return Key::default() };
        let cdn = claims.by_cdn().and_then(|claim| claim.cdn.clone());
        Key { platform: claims.only_platform(), cdn, link: None }
    }

    /// The most specific pattern of which something holds on a day, and what does. Without a day: what is no history.
    pub(super) fn claims(
        &self,
        host: impl AsRef<[u8]>,
        day: Option<NaiveDate>,
    ) -> Option<(DomainMatch<'_>, Claims<'_>)> {
        let host = host.as_ref();
        let holding = |found: &DomainMatch<'_>| found.claims.iter().any(|claim| holds(claim, day));
        let found = self.find(host, |found| holding(&found).then_some(found))?;
        let mut claims = Claims::default();
        claims.of_pattern.extend(found.claims.iter().filter(|claim| holds(claim, day)));
        let platforms = claims.platforms();
        let agrees = |claim: &&Assertion| {
            holds(claim, day) && claim.platform.as_ref().is_some_and(|id| platforms.contains(&id))
        };
        let _: Option<()> = self.find(host, |broader| {
            claims.agreeing.extend(broader.claims.iter().filter(agrees));
            None
        });
        Some((found, claims))
    }

    /// Number of patterns.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Whether a claim holds on a day; without a day, whether it is no history.
fn holds(claim: &Assertion, day: Option<NaiveDate>) -> bool {
    day.map_or(claim.status != Status::Historical, |day| claim.holds_on(day))
}

/// What is asserted about a name and holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Claims<'table> {
    /// About the most specific pattern, by falling confidence.
    of_pattern: Vec<&'table Assertion>,
    /// For the same platforms, about any pattern that the name matches: broad statements support narrow ones.
    agreeing: Vec<&'table Assertion>,
}

impl<'table> Claims<'table> {
    /// The surest statement for the claimed platforms; if none are claimed, the surest of all.
    pub(super) fn best(&self) -> Option<&'table Assertion> {
        let by_confidence = |a: &&Assertion, b: &&Assertion| a.confidence.total_cmp(&b.confidence);
        // Of equally sure ones the most specific.
        let best = self.agreeing.iter().copied().rev().max_by(by_confidence);
        best.or_else(|| self.of_pattern.first().copied())
    }

    /// The claimed platforms, each once.
    pub(super) fn platforms(&self) -> Vec<&'table PlatformId> {
        let mut platforms: Vec<_> =
            self.of_pattern.iter().filter_map(|claim| claim.platform.as_ref()).collect();
        platforms.sort_unstable();
        platforms.dedup();
        platforms
    }

    fn only_platform(&self) -> Option<PlatformId> {
        match *self.platforms() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// The claim by which the CDN is known: the surest that names one, unless an equally sure one contradicts.
    pub(super) fn by_cdn(&self) -> Option<&'table Assertion> {
        let mut naming = self.of_pattern.iter().copied().filter(|claim| claim.cdn.is_some());
        let best = naming.next()?;
        naming
            .take_while(|other| other.confidence >= best.confidence)
            .all(|other| other.cdn == best.cdn)
            .then_some(best)
    }
}

/// A name in lower case, on the stack.
struct Buffer {
    bytes: [u8; MAX_HOST_BYTES],
    len: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: [0; MAX_HOST_BYTES], len: 0 }
    }
}

impl Buffer {
    /// A host name in lower case and without its final dot; nothing if it is too long or has an empty label, as no
    /// pattern matches such a name.
    fn name(host: &[u8]) -> Option<Self> {
        let host = host.strip_suffix(b".").unwrap_or(host);
        let empty_label = host.first().is_none_or(|byte| *byte == b'.')
            || host.last() == Some(&b'.')
            || host.windows(2).any(|pair| pair == b"..");
        if empty_label || host.len() > MAX_HOST_BYTES {
            return None;
        }
        let mut name = Self { len: host.len(), ..Self::default() };
        for (to, from) in name.bytes.iter_mut().zip(host) {
            *to = from.to_ascii_lowercase();
        }
        Some(name)
    }

    /// Adds a byte of a name or a pattern, with one star for any run of digits and stars.
    fn push_shape(&mut self, byte: u8) {
        let number = byte.is_ascii_digit() || byte == b'*';
        if number && self.as_bytes().last() == Some(&b'*') {
            return;
        }
        if let Some(next) = self.bytes.get_mut(self.len) {
            *next = if number { b'*' } else { byte };
            self.len += 1;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
