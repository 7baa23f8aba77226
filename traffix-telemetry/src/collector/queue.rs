//! Flows between decoding and counting: they wait until there are enough to be looked up together.

use core::num::NonZeroU32;

use traffix_core::delivery::lpm::{LpmMatch, LpmView};

use super::Cause;
use super::watch::{Ingress, Inside, Near, Watch};

/// What is needed of a flow beside its addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) bytes: u64,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) index: Option<NonZeroU32>,
    pub(super) ingress: Ingress,
    /// Why it is left out if it belongs here.
    pub(super) misplaced: Option<Cause>,
}

/// Waiting flows of one address family.
#[derive(Debug)]
pub(super) struct Queue<A> {
    sources: Vec<A>,
    destinations: Vec<A>,
    pub(super) entries: Vec<Entry>,
    origins: Vec<Option<LpmMatch>>,
    from: Vec<Option<LpmMatch>>,
    to: Vec<Option<LpmMatch>>,
}

impl<A> Default for Queue<A> {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            destinations: Vec::new(),
            entries: Vec::new(),
            origins: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
        }
    }
}

/// Where a flow is counted: the places of its class and of its link.
pub(super) type Place = (u32, u32);

impl<A: Copy> Queue<A> {
    #[inline]
    pub(super) fn push(&mut self, source: A, destination: A, entry: Entry) {
        self.sources.push(source);
        self.destinations.push(destination);
        self.entries.push(entry);
    }

    /// Looks all up, says of each where it is counted or why not, and forgets them. Answers how many addresses it looked
    /// up.
    pub(super) fn settle(
        &mut self,
        watch: &Watch,
        (lookup, may_be_inside): (
            impl Fn(&LpmView<'_>, &[A], &mut [Option<LpmMatch>]),
            impl Fn(&Near, A) -> bool,
        ),
        mut each: impl FnMut(&Entry, Result<Place, Cause>),
    ) -> u64 {
        let len = self.entries.len();
        let (world, inside) = watch.tables();
        for found in [&mut self.origins, &mut self.from, &mut self.to] {
            found.clear();
            found.resize(len, None);
        }
        lookup(&world, &self.sources, &mut self.origins);
        if let Some(inside) = &inside {
            lookup(inside, &self.destinations, &mut self.to);
            for (address, from) in self.sources.chunks(1).zip(self.from.chunks_mut(1)) {
                if may_be_inside(watch.near(), address[0]) {
                    lookup(inside, address, from);
                }
            }
        }
        let found = self.origins.iter().zip(&self.from).zip(&self.to);
        for (entry, ((origin, from), to)) in self.entries.iter().zip(found) {
            each(entry, judge(watch, entry, *origin, *from, to.is_some()));
        }
        self.sources.clear();
        self.destinations.clear();
        self.entries.clear();
        (if inside.is_some() { 2 } else { 1 }) * len as u64
    }
}

/// Where a flow is counted, or why not.
#[inline]
fn judge(
    watch: &Watch,
    entry: &Entry,
    origin: Option<LpmMatch>,
    from: Option<LpmMatch>,
    is_inbound: bool,
) -> Result<Place, Cause> {
    let (class, is_embedded) = origin.map_or((0, false), |origin| watch.class_of(origin.id));
    let (class, by_address) = match from.map(|from| watch.inside(from.id)) {
        Some(Inside::Network) if !is_embedded => return Err(Cause::Internal),
        Some(Inside::Cache(cache)) => (cache.class, cache.link),
        _ => (class, None),
    };
    if watch.has_prefixes() && !is_inbound {
        return Err(Cause::Outbound);
    }
    let link = match entry.ingress {
        Ingress::Link(link) => link,
        Ingress::Unmapped => by_address.unwrap_or(0),
        Ingress::Other => by_address.ok_or(Cause::OtherInterface)?,
        Ingress::Unnamed => by_address.ok_or(Cause::UnnamedInterface)?,
    };
    match entry.misplaced {
        Some(cause) => Err(cause),
        None => Ok((class, link)),
    }
}
