//! What passed which way in the last minutes.

use std::collections::{BTreeMap, VecDeque};

use super::super::{Request, StatusClass};
use super::Node;

/// Length of the steps by which old requests leave the picture, in microseconds.
const STEP_US: i64 = 5_000_000;
/// Ways that are counted at most in a step; more than a topology has.
const MAX_WAYS: usize = 20_000;

/// What passed each way, from a node to the next.
pub type Ways = BTreeMap<(Node, Node), Load>;

/// Requests and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Requests that ended.
    pub requests: u64,
    /// Bytes sent to clients, as far as known.
    pub bytes: u64,
    /// Requests by class of status.
    pub by_status: [u64; 5],
}

impl Load {
    /// Requests with a status of this class.
    pub fn with_status(&self, class: StatusClass) -> u64 {
        self.by_status[class as usize]
    }

    fn of(request: &Request<'_>) -> Self {
        let mut load = Self { requests: 1, bytes: request.sent_bytes.unwrap_or(0), by_status: [0; 5] };
        if let Some(class) = request.status {
            load.by_status[class as usize] = 1;
        }
        load
    }
}

impl core::ops::AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes = self.bytes.saturating_add(other.bytes);
        for (sum, of_class) in self.by_status.iter_mut().zip(other.by_status) {
            *sum += of_class;
        }
    }
}

/// Requests of the last minutes by the way that they took, counted when they ended.
#[derive(Debug)]
pub struct Activity {
    keep_us: i64,
    /// The oldest first, by the start of the step.
    steps: VecDeque<(i64, Ways)>,
}

impl Activity {
    /// Counts what ended in the last `keep_secs` seconds.
    pub fn new(keep_secs: u32) -> Self {
        Self { keep_us: i64::from(keep_secs) * 1_000_000, steps: VecDeque::new() }
    }

    /// Counts a request on every part of its path.
    pub fn add(&mut self, now_us: i64, path: &[Node], request: &Request<'_>) {
        let end_us = request.end_us().min(now_us);
        self.forget(now_us);
        if end_us <= now_us.saturating_sub(self.keep_us) {
            return;
        }
        let load = Load::of(request);
        let step = self.step(end_us.div_euclid(STEP_US) * STEP_US);
        for way in path.windows(2) {
            let [from, to] = way else { continue };
            let way = (from.clone(), to.clone());
            if step.len() < MAX_WAYS || step.contains_key(&way) {
                *step.entry(way).or_default() += load;
            }
        }
    }

    /// What passed each way since `now_us` less `secs` seconds, to the step.
    pub fn since(&mut self, now_us: i64, secs: u32) -> Ways {
        self.forget(now_us);
        let from = now_us - i64::from(secs) * 1_000_000;
        let mut sums = Ways::new();
        for (_, ways) in self.steps.iter().filter(|(start, _)| *start + STEP_US > from) {
            for (way, load) in ways {
                *sums.entry(way.clone()).or_default() += *load;
            }
        }
        sums
    }

    fn forget(&mut self, now_us: i64) {
        while self
            .steps
            .front()
            .is_some_and(|(start, _)| start + STEP_US <= now_us.saturating_sub(self.keep_us))
        {
            self.steps.pop_front();
        }
    }

    fn step(&mut self, start: i64) -> &mut Ways {
        let at = self.steps.partition_point(|(other, _)| *other < start);
        if self.steps.get(at).is_none_or(|(other, _)| *other != start) {
            self.steps.insert(at, (start, Ways::new()));
        }
        &mut self.steps[at].1
    }
}
