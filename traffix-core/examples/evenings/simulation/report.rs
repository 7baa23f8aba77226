//! How often the explanation was right.

use std::fmt::Write as _;

use traffix_core::score::{CalibrationBin, brier, calibration};

use super::{Setting, Told};

/// From this probability on a cause counts as named.
const NAMED: f64 = 0.5;

/// What the report says, as numbers.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) evenings: usize,
    pub(crate) spikes: usize,
    /// Right on top and spikes, by number of RUs that carried a twentieth or more, 0 to 3.
    pub(crate) by_overlap: [(usize, usize); 4],
    /// Right on top and spikes, where an RU was the main cause, and where none was.
    pub(crate) with_ru: (usize, usize),
    pub(crate) without_ru: (usize, usize),
    /// Wrong and all of those named.
    pub(crate) named_wrong: (usize, usize),
    /// An RU named though the main cause was none, and all such spikes.
    pub(crate) named_for_unknown: (usize, usize),
    pub(crate) brier: f64,
    pub(crate) calibration: Vec<CalibrationBin>,
    pub(crate) took_part: Vec<CalibrationBin>,
}

impl Figures {
    /// Share of right answers.
    pub(crate) fn share((right, of): (usize, usize)) -> f64 {
        right as f64 / of.max(1) as f64
    }

    /// Mean distance of claim and frequency, each claim counted once.
    pub(crate) fn calibration_error(table: &[CalibrationBin]) -> f64 {
        let all: usize = table.iter().map(|bin| bin.n).sum();
        let off = |bin: &CalibrationBin| {
            bin.n as f64 * (bin.claimed.unwrap_or(0.0) - bin.frequency.unwrap_or(0.0)).abs()
        };
        table.iter().map(off).sum::<f64>() / all.max(1) as f64
    }
}

fn count(pair: &mut (usize, usize), right: bool) {
    pair.0 += usize::from(right);
    pair.1 += 1;
}

pub(crate) fn figures(told: &[Option<Told>]) -> Figures {
    let mut f = Figures {
        evenings: told.len(),
        spikes: 0,
        by_overlap: [(0, 0); 4],
        with_ru: (0, 0),
        without_ru: (0, 0),
        named_wrong: (0, 0),
        named_for_unknown: (0, 0),
        brier: 0.0,
        calibration: Vec::new(),
        took_part: Vec::new(),
    };
    let (mut claims, mut parts) = (Vec::new(), Vec::new());
    for told in told.iter().flatten() {
        let explanation = &told.explanation;
        let named = explanation.causes.first().filter(|cause| cause.probability > explanation.unknown);
        let right = named.map(|cause| &cause.ru) == told.main.as_ref();
        f.spikes += 1;
        count(&mut f.by_overlap[told.overlapping.len().min(3)], right);
        count(if told.main.is_some() { &mut f.with_ru } else { &mut f.without_ru }, right);
        let sure = named.filter(|cause| cause.probability >= NAMED);
        if sure.is_some() {
            count(&mut f.named_wrong, !right);
        }
        if told.main.is_none() {
            count(&mut f.named_for_unknown, sure.is_some());
        }
        claims.push((explanation.unknown, told.main.is_none()));
        for cause in &explanation.causes {
            claims.push((cause.probability, told.main.as_ref() == Some(&cause.ru)));
            parts.push((cause.took_part, told.overlapping.contains(&cause.ru)));
        }
    }
    f.brier = brier(&claims);
    f.calibration = calibration(&claims, 10);
    f.took_part = calibration(&parts, 10);
    f
}

/// The figures as a section of a document.
pub(crate) fn report(told: &[Option<Told>], setting: Setting) -> String {
    let f = figures(told);
    let mut text = String::new();
    let title = match setting {
        Setting::AsModelled => "As modelled",
        Setting::Misspecified => "Misspecified",
    };
    let share =
        |pair: (usize, usize)| format!("{:.1} % ({} of {})", 100.0 * Figures::share(pair), pair.0, pair.1);
    let mut line = |what: &str, value: String| writeln!(text, "| {what} | {value} |").expect("memory");
    line("evenings, with a spike", format!("{}, {}", f.evenings, f.spikes));
    line("main cause right, where it was an RU", share(f.with_ru));
    line("unknown on top, where it was none", share(f.without_ru));
    for (n, pair) in f.by_overlap.into_iter().enumerate() {
        line(&format!("right with {n} RUs at once"), share(pair));
    }
    line("wrong, of those named with 0.5 or more", share(f.named_wrong));
    line("an RU named though the main cause was none", share(f.named_for_unknown));
    line("Brier score of all claims", format!("{:.4}", f.brier));
    line("calibration error, main cause", format!("{:.3}", Figures::calibration_error(&f.calibration)));
    line("calibration error, took part", format!("{:.3}", Figures::calibration_error(&f.took_part)));
    let table = table(&f);
    format!("### {title}\n\n| | |\n|---|---|\n{text}\n{table}")
}

fn table(f: &Figures) -> String {
    let mut text = String::from(
        "| claimed | main: n | claimed | came true | took part: n | claimed | came true |\n|---|---|---|---|---|---|---|\n",
    );
    let number = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.2}"));
    for (a, b) in f.calibration.iter().zip(&f.took_part) {
        let range = format!("{:.1} to {:.1}", a.from, a.to);
        let cells =
            |bin: &CalibrationBin| format!("{} | {} | {}", bin.n, number(bin.claimed), number(bin.frequency));
        writeln!(text, "| {range} | {} | {} |", cells(a), cells(b)).expect("memory");
    }
    text
}

pub(crate) fn short(told: &[Option<Told>]) -> String {
    let f = figures(told);
    let g = |b: &CalibrationBin| {
        format!("{}:{:.2}/{:.2}", b.n, b.claimed.unwrap_or(0.0), b.frequency.unwrap_or(0.0))
    };
    format!(
        "ru {:.3} none {:.3} ({} {} {} {}) namedwrong {:.3} brier {:.4} cal {:.3} part {:.3} | top {} {} part top {}",
        Figures::share(f.with_ru),
        Figures::share(f.without_ru),
        f.by_overlap[0].0,
        f.by_overlap[1].0,
        f.by_overlap[2].0,
        f.by_overlap[3].0,
        Figures::share(f.named_wrong),
        f.brier,
        Figures::calibration_error(&f.calibration),
        Figures::calibration_error(&f.took_part),
        g(&f.calibration[9]),
        g(&f.calibration[0]),
        g(&f.took_part[9])
    )
}
