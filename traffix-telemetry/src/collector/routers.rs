//! What is remembered of exporters beside what the decoder does: when they were heard, how their clocks go, and which
//! link is behind which interface.

use core::net::IpAddr;
use core::num::NonZeroU32;
use std::collections::HashMap;

use super::watch::{Ingress, Watch};
use super::{ExporterStats, stats};
use crate::flow::ExporterView;

/// Interfaces of a router whose answers are remembered at a time.
const REMEMBERED: usize = 64;

/// The exporters that were heard, not more than the decoder remembers.
#[derive(Debug)]
pub(super) struct Routers {
    known: HashMap<IpAddr, Router>,
    most: usize,
}

/// One exporter.
#[derive(Debug, Default)]
pub(super) struct Router {
    heard_ms: i64,
    behind_ms: Option<i64>,
    is_looked_up: bool,
    /// Whether the profile names interfaces of it.
    pub(super) is_mapped: bool,
    names: usize,
    /// Answers by a few bits of the interface's index.
    remembered: Vec<Option<(NonZeroU32, Ingress)>>,
}

impl Routers {
    pub(super) fn new(most: usize) -> Self {
        Self { known: HashMap::new(), most }
    }

    /// Notes that an exporter was heard.
    pub(super) fn heard(
        &mut self,
        exporter: IpAddr,
        received_ms: i64,
        behind_ms: Option<i64>,
        watch: &Watch,
    ) -> &mut Router {
        if self.known.len() >= self.most && !self.known.contains_key(&exporter) {
            // Forged ones come and go: those that matter are noted again by their next datagram.
            self.known.clear();
        }
        let router = self.known.entry(exporter).or_default();
        (router.heard_ms, router.behind_ms) = (received_ms, behind_ms);
        if !router.is_looked_up {
            (router.is_looked_up, router.is_mapped) = (true, watch.maps(exporter));
        }
        router
    }

    /// Forgets what a profile said of interfaces.
    pub(super) fn forget_interfaces(&mut self) {
        for router in self.known.values_mut() {
            router.is_looked_up = false;
            router.remembered.clear();
        }
    }

    /// Forgets which interface has which name: a restarted router may number them anew.
    pub(super) fn forget_interfaces_told(&mut self) {
        self.known.values_mut().for_each(|router| router.remembered.clear());
    }

    /// What is known of an exporter, together with what the decoder knows.
    pub(super) fn stats(&self, exporter: IpAddr, view: ExporterView<'_>) -> ExporterStats {
        let router = self.known.get(&exporter);
        let times = router.map_or((0, None), |router| (router.heard_ms, router.behind_ms));
        stats::exporter(view, times)
    }
}

impl Router {
    /// Takes note of the number of interfaces that it told the names of.
    pub(super) fn learn_names(&mut self, names: usize) {
        if self.names != names {
            self.names = names;
            self.remembered.clear();
        }
    }

    /// What the profile says of an interface: as remembered, or as it `answers`.
    #[inline]
    pub(super) fn ingress(
        &mut self,
        index: Option<NonZeroU32>,
        answers: impl FnOnce(Option<NonZeroU32>) -> Ingress,
    ) -> Ingress {
        let Some(index) = index else { return answers(None) };
        if self.remembered.is_empty() {
            self.remembered.resize(REMEMBERED, None);
        }
        let place = &mut self.remembered[index.get() as usize % REMEMBERED];
        match place {
            Some((known, answer)) if *known == index => *answer,
            _ => place.insert((index, answers(Some(index)))).1,
        }
    }
}
