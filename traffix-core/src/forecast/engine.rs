//! The curve of one world, fast: shared tables of starts, several rate classes per pass, no allocation.

use super::curve::{PAD, Shift, duration_s};
use super::law::{add_exponential, add_nightly, add_preload, add_ramp, add_return};
use super::plan::{Automatic, Plan};
use super::world::World;

/// Working memory of one thread, reused from draw to draw.
pub(crate) struct Engine {
    /// Unit return law.
    returning: Vec<f64>,
    /// Starts that all platforms share.
    common: Vec<f64>,
    /// Starts by way of automatic update, with [`PAD`] zeros in front.
    styles: [Vec<f64>; 2],
    /// Means of the starts over bins, one list per style.
    middles: [Vec<f64>; 2],
    /// Curve of every platform, flat.
    pub(crate) curves: Vec<f64>,
    /// Curve of all platforms.
    pub(crate) total: Vec<f64>,
    classes: Vec<Class>,
    bins: usize,
}

/// A rate class ready to be added: amplitude and how far back it looks.
#[derive(Debug, Clone, Copy)]
struct Class {
    amplitude: f64,
    shift: Shift,
}

const STYLES: [Automatic; 2] = [Automatic::Soon, Automatic::HalfNightly];

impl Engine {
    pub(crate) fn new(plan: &Plan) -> Self {
        let bins = plan.bins();
        let edges = || vec![0.0; bins + 1];
        Self {
            returning: edges(),
            common: edges(),
            styles: [(); 2].map(|()| vec![0.0; bins + 1 + PAD]),
            middles: [(); 2].map(|()| vec![0.0; bins]),
            curves: vec![0.0; bins * plan.platforms.len()],
            total: vec![0.0; bins],
            classes: Vec::new(),
            bins,
        }
    }

    /// Fills `curves` and `total` with the traffic of a world, bit/s.
    pub(crate) fn run(&mut self, plan: &Plan, world: &World) {
        self.fill_starts(plan, world);
        self.total.fill(0.0);
        for p in 0..plan.platforms.len() {
            self.fill_platform(plan, world, p);
            let curve = &self.curves[p * self.bins..(p + 1) * self.bins];
            for (sum, x) in self.total.iter_mut().zip(curve) {
                *sum += x;
            }
        }
    }

    /// Tables of starts of a world, one per way of automatic update in use.
    fn fill_starts(&mut self, plan: &Plan, world: &World) {
        let schedule = &plan.schedules[world.schedule.min(plan.schedules.len() - 1)];
        // Where no preload is possible in this schedule its mass comes back later.
        let [preload, automatic, rush, back] = match &schedule.preload {
            None => [0.0, world.masses[1], world.masses[2], world.masses[3] + world.masses[0]],
            Some(_) => world.masses,
        };
        self.returning.fill(0.0);
        self.common.fill(0.0);
        for wave in &schedule.waves {
            add_return(&mut self.returning, &wave.ln_elapsed, wave.share, (world.eta_s, world.k));
            if rush > 0.0 {
                add_exponential(&mut self.common, &wave.elapsed, wave.share * rush, world.rush_s);
            }
        }
        if let Some(window) = schedule.preload.as_ref().filter(|_| preload > 0.0) {
            add_preload(&mut self.common, &window.elapsed, preload, window.shape(world.preload_s));
        }
        for (common, unit) in self.common.iter_mut().zip(&self.returning) {
            *common += back * unit;
        }
        for (s, style) in STYLES.into_iter().enumerate() {
            if plan.platforms.iter().any(|p| p.automatic == style) {
                self.fill_style(plan, world, (s, style), automatic);
            }
        }
    }

    fn fill_style(&mut self, plan: &Plan, world: &World, (s, style): (usize, Automatic), mass: f64) {
        let schedule = &plan.schedules[world.schedule.min(plan.schedules.len() - 1)];
        let table = &mut self.styles[s][PAD..];
        table.copy_from_slice(&self.common);
        let soon = if style == Automatic::Soon { mass } else { 0.5 * mass };
        if mass > 0.0 {
            let length = world.automatic_s / plan.clock.grid().step();
            for wave in &schedule.waves {
                add_ramp(table, soon * wave.share, wave.position, wave.position + length);
                if style == Automatic::HalfNightly {
                    add_nightly(table, &wave.nights, soon * wave.share, world.nightly);
                }
            }
        }
        for (middle, pair) in self.middles[s].iter_mut().zip(table.windows(2)) {
            *middle = 0.5 * (pair[0] + pair[1]);
        }
    }

    /// Share of downloads begun at the edges, for a way of automatic update that is in use.
    pub(crate) fn starts(&self, automatic: Automatic) -> &[f64] {
        &self.styles[style_index(automatic)][PAD..]
    }

    fn fill_platform(&mut self, plan: &Plan, world: &World, p: usize) {
        let platform = &plan.platforms[p];
        let downloads = world.audience * world.shares[p] * world.residual;
        let step = plan.clock.grid().step();
        self.classes.clear();
        for (weight, bps) in rates(plan, world, p) {
            let (amplitude, duration) = (downloads * weight * bps, duration_s(world.bytes[p], bps));
            if amplitude > 0.0 && duration > 0.0 {
                self.classes.push(Class { amplitude, shift: Shift::new(duration / step) });
            }
        }
        let s = style_index(platform.automatic);
        let curve = &mut self.curves[p * self.bins..(p + 1) * self.bins];
        let amplitude: f64 = self.classes.iter().map(|c| c.amplitude).sum();
        for (x, middle) in curve.iter_mut().zip(&self.middles[s]) {
            *x = amplitude * middle;
        }
        subtract_ended(curve, &self.styles[s], &mut self.classes);
        for x in curve {
            *x = if *x > 0.0 { *x } else { 0.0 };
        }
    }
}

fn style_index(automatic: Automatic) -> usize {
    STYLES.iter().position(|style| *style == automatic).unwrap_or(0)
}

/// Weight and rate of every class of a platform: the line's rate times what device and home leave, up to the
/// ceiling; one class of the bitrate for a stream.
pub(crate) fn rates<'a>(
    plan: &'a Plan,
    world: &World,
    p: usize,
) -> impl Iterator<Item = (f64, f64)> + use<'a> {
    let (platform, factor) = (&plan.platforms[p], world.rate);
    let lines = if platform.stream_bps.is_some() { &[][..] } else { &plan.line_classes[..] };
    let line = move |&(weight, bps): &(f64, f64)| (weight, (bps * factor).min(platform.ceiling_bps));
    lines.iter().map(line).chain(platform.stream_bps.map(|bps| (1.0, bps)))
}

/// Subtracts what has ended by class, four classes per pass where their reach overlaps.
fn subtract_ended(curve: &mut [f64], padded: &[f64], classes: &mut [Class]) {
    let bins = curve.len();
    // Longest first: the bins where a pass works on all of its classes are those of its longest.
    classes.sort_unstable_by_key(|c| std::cmp::Reverse(c.shift.whole));
    for group in classes.chunks(4) {
        if let [a, b, c, d] = group {
            let all = first_bin(a.shift.whole, bins);
            for class in [b, c, d] {
                subtract_one(curve, padded, class, first_bin(class.shift.whole, bins)..all);
            }
            subtract_four(curve, padded, [a, b, c, d], all);
        } else {
            for class in group {
                subtract_one(curve, padded, class, first_bin(class.shift.whole, bins)..bins);
            }
        }
    }
}

/// First bin that sees downloads of `whole` bins (and a rest) end.
fn first_bin(whole: usize, bins: usize) -> usize {
    whole.saturating_sub(1).min(bins)
}

/// Tables of starts from which a class ends in the bins from `from` on, `count` bins long.
fn look_back<'a>(padded: &'a [f64], class: &Class, from: usize, count: usize) -> &'a [f64] {
    let first = from + 1 - class.shift.whole.min(from + 1);
    // A class shorter than a bin looks at the bin itself, which is one further.
    &padded[first..first + count + 2]
}

fn subtract_one(curve: &mut [f64], padded: &[f64], class: &Class, range: std::ops::Range<usize>) {
    if range.is_empty() {
        return;
    }
    let back = look_back(padded, class, range.start, range.len());
    let [a, b, c] = class.shift.taps.map(|tap| tap * class.amplitude);
    for (x, g) in curve[range].iter_mut().zip(back.windows(3)) {
        *x -= a * g[0] + b * g[1] + c * g[2];
    }
}

fn subtract_four(curve: &mut [f64], padded: &[f64], classes: [&Class; 4], from: usize) {
    let count = curve.len() - from;
    if count == 0 {
        return;
    }
    let [g, h, i, j] = classes.map(|class| look_back(padded, class, from, count));
    let [[g0, g1, g2], [h0, h1, h2], [i0, i1, i2], [j0, j1, j2]] =
        classes.map(|class| class.shift.taps.map(|tap| tap * class.amplitude));
    let curve = &mut curve[from..];
    // Equal lengths, stated once, let the compiler drop the bounds checks and use vector units.
    let (g, h, i, j) = (&g[..count + 2], &h[..count + 2], &i[..count + 2], &j[..count + 2]);
    for k in 0..count {
        let first = g0 * g[k] + g1 * g[k + 1] + g2 * g[k + 2] + h0 * h[k] + h1 * h[k + 1] + h2 * h[k + 2];
        let second = i0 * i[k] + i1 * i[k + 1] + i2 * i[k + 2] + j0 * j[k] + j1 * j[k + 1] + j2 * j[k + 2];
        curve[k] -= first + second;
    }
}
