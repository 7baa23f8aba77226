use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

/// Two weeks in which a preload and two releases stand on an evening-heavy baseline.
pub(crate) fn example() -> FanChart {
    let start: DateTime<Utc> = "2023-11-01T00:00:00Z".parse().unwrap();
    let hour = |i: usize| num::float(i) * 300.0 / 3600.0;
    let day = |h: f64| 1.2 + 0.8 * ((h - 20.0) / 24.0 * std::f64::consts::TAU).cos();
    let burst = |h: f64, at: f64, size: f64| {
        if h < at { 0.0 } else { size * (1.0 - (-(h - at) / 1.5).exp()) * (-(h - at) / 14.0).exp() * day(h) }
    };
    let extra =
        |i| burst(hour(i), 65.0, 1.4e12) + burst(hour(i), 161.0, 0.9e12) + burst(hour(i), 216.0, 0.6e12);
    let bins = 14 * 288;
    let baseline: Vec<f64> = (0..bins).map(|i| 2.0e12 * day(hour(i))).collect();
    let curve = |factor: f64| (0..bins).map(|i| extra(i) * factor).collect::<Vec<f64>>();
    let fan = Fan { p10: curve(0.55), p50: curve(1.0), p90: curve(1.8), p99: None }.on(&baseline);
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let mark = |kind, from: &str, until: Option<&str>, label: &str| Mark {
        kind,
        at: at(from),
        until: until.map(at),
        label: label.into(),
    };
    FanChart {
        title: "Next 14 days on Example Cable (5.4 M lines)".into(),
        subtitle: "Fri 3 Nov 17:00-23:00: +1.71 Tbit/s P50 (0.94-3.1), total P90 92 % of capacity".into(),
        start,
        step_secs: 300,
        zone: Tz::Europe__London,
        fan,
        baseline: Some(baseline),
        limits: vec![Limit { label: "capacity".into(), bps: 7.5e12 }],
        now: Some(at("2023-11-01T09:00:00Z")),
        marks: vec![
            mark(MarkKind::Unlock, "2023-11-03T17:00:00Z", None, "Fortnite OG"),
            mark(
                MarkKind::Preload,
                "2023-11-07T17:00:00Z",
                Some("2023-11-10T00:00:00Z"),
                "Call of Duty: Modern Warfare III preload",
            ),
            mark(MarkKind::Unlock, "2023-11-10T00:00:00Z", None, "Call of Duty: Modern Warfare III"),
            mark(MarkKind::Other, "2023-11-11T15:00:00Z", None, "Football <live> & more"),
        ],
    }
}

fn options(id: &str) -> SvgOptions {
    SvgOptions { id: id.into(), ..SvgOptions::default() }
}

/// Absolute points of a path that uses `M`, `l`, `L`, `V`, `H` and `Z` as this module writes them.
fn abscissae(d: &str) -> Vec<f64> {
    let open = d.split(['L', 'V', 'Z']).next().unwrap();
    let (head, rest) = open.split_once('l').unwrap_or((open, ""));
    let numbers = |text: &str| -> Vec<f64> {
        let spaced = text.replace('-', " -").replace(',', " ");
        spaced.split_whitespace().map(|t| t.parse().unwrap()).collect()
    };
    let mut x = numbers(&head[1..])[0];
    let steps: Vec<f64> = numbers(rest).chunks(2).map(|pair| pair[0]).collect();
    let mut all = vec![x];
    for step in steps {
        x += step;
        all.push(x);
    }
    all
}

#[test]
fn svg_is_well_formed_small_and_the_same_every_time() {
    let svg = example().to_svg(&options("a"));
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    assert_eq!(svg, example().to_svg(&options("a")));
    assert!(svg.len() < 40_000, "{} bytes", svg.len());
    assert!(!svg.contains("<script"));
}

#[test]
fn svg_has_a_title_and_a_description_for_those_who_cannot_see_it() {
    let svg = example().to_svg(&options("x"));
    let document = roxmltree::Document::parse(&svg).unwrap();
    let by_id = |id| document.descendants().find(|n| n.attribute("id") == Some(id)).unwrap().text().unwrap();
    assert!(by_id("x-title").contains("Example Cable"));
    assert!(by_id("x-desc").contains("Fri 3 Nov 17:00: Fortnite OG"));
    assert!(by_id("x-desc").contains("capacity: 7.5 Tbit/s"));
}

#[test]
fn curves_never_run_backwards_in_time() {
    let svg = example().to_svg(&options("a"));
    let document = roxmltree::Document::parse(&svg).unwrap();
    let curves =
        document.descendants().filter(|n| matches!(n.attribute("class"), Some("p50" | "band" | "base")));
    let mut seen = 0;
    for d in curves.filter_map(|n| n.attribute("d")) {
        assert!(abscissae(d).windows(2).all(|pair| pair[0] <= pair[1] + 1e-9));
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn the_axis_says_which_zone_it_is_in_and_follows_clock_changes() {
    let chart = FanChart { start: "2023-10-25T00:00:00Z".parse().unwrap(), ..example() };
    let svg = chart.to_svg(&options("a"));
    assert!(svg.contains("time in Europe/London (UTC+01:00, later UTC+00:00)"));
    let midnights = axis::times(chart.start, chart.end(), chart.zone, 14);
    let spans: Vec<i64> = midnights.windows(2).map(|t| (t[1].at - t[0].at).num_hours()).collect();
    assert!(spans.contains(&25) && spans.iter().all(|h| [24, 25].contains(h)), "{spans:?}");
}

#[test]
fn rates_are_round_and_reach_the_top() {
    assert_eq!(axis::rates(7.5e12, 5), [0.0, 2e12, 4e12, 6e12, 8e12]);
    assert_eq!(axis::rates(0.0, 5).len(), 6);
    assert!(axis::rates(f64::INFINITY, 5).iter().all(|r| r.is_finite()));
}

#[test]
fn text_fits_its_width_and_is_plain_unless_asked() {
    for width in [60, 80, 120] {
        let text = example().to_text(TextOptions { width, ..TextOptions::default() });
        let longest = text.lines().map(|l| l.chars().count()).max().unwrap();
        assert!(longest <= width, "{longest} > {width}\n{text}");
        assert!(!text.contains('\u{1b}'));
    }
    assert!(example().to_text(TextOptions { colour: true, ..TextOptions::default() }).contains("\u{1b}["));
}

#[test]
fn an_empty_chart_is_drawn_too() {
    let chart = FanChart { fan: Fan::default(), baseline: None, marks: Vec::new(), ..example() };
    roxmltree::Document::parse(&chart.to_svg(&options("a"))).unwrap();
    assert!(chart.to_text(TextOptions::default()).contains('└'));
}

#[test]
fn heat_strip_is_well_formed() {
    let chart = example();
    let used: Vec<f64> = chart.fan.p90.iter().map(|x| x / 7.5e12).collect();
    let rows = vec![("pni-<akamai>".to_owned(), used.clone()), ("transit".to_owned(), used)];
    let strip = HeatStrip { start: chart.start, end: chart.end(), zone: chart.zone, rows };
    roxmltree::Document::parse(&strip.to_svg(&options("h"))).unwrap();
}

proptest! {
    #[test]
    fn no_text_and_no_number_breaks_the_drawing(
        title in any::<String>(),
        label in any::<String>(),
        values in prop::collection::vec(any::<f64>(), 0..50),
        step in any::<u32>(),
        start in -9_000_000_000_000_i64..9_000_000_000_000,
        offset in -100_000_000_i64..100_000_000,
        width in 0_usize..300,
    ) {
        let start = DateTime::from_timestamp(start, 0).unwrap_or_default();
        let at = start.checked_add_signed(chrono::TimeDelta::seconds(offset)).unwrap_or(start);
        let mark = Mark { kind: MarkKind::Preload, at, until: Some(start), label: label.clone() };
        let chart = FanChart {
            title, subtitle: label.clone(), start, step_secs: step, zone: Tz::Pacific__Auckland,
            fan: Fan { p10: values.clone(), p50: values.clone(), p90: values.clone(), p99: Some(values.clone()) },
            baseline: Some(values.clone()),
            limits: vec![Limit { label, bps: values.first().copied().unwrap_or(1.0) }],
            now: Some(at), marks: vec![mark.clone(), Mark { until: None, ..mark }],
        };
        let svg = chart.to_svg(&SvgOptions { width: num::float(width), ..options("p") });
        prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{}", svg);
        prop_assert!(!svg.contains("NaN"));
        chart.to_text(TextOptions { width, ..TextOptions::default() });
    }
}

fn lines(values: &[&[Option<f64>]]) -> LineChart {
    let line = |(i, values): (usize, &&[Option<f64>])| NamedLine {
        label: format!("line <{i}>"),
        values: values.to_vec(),
    };
    LineChart {
        title: "Three evenings & more".into(),
        subtitle: "highest: line <0>".into(),
        across: Across::Elapsed,
        first_secs: -7200,
        step_secs: 3600,
        of: "per 1,000 lines".into(),
        lines: values.iter().enumerate().map(line).collect(),
    }
}

#[test]
fn holes_split_lines_and_zero_is_where_the_event_is() {
    let chart = lines(&[&[Some(1e9), None, Some(2e9), Some(4e9)], &[Some(1e9); 4]]);
    let svg = chart.to_svg(&options("l"));
    let document = roxmltree::Document::parse(&svg).unwrap();
    let curve = |class| document.descendants().find(|n| n.attribute("class") == Some(class)).unwrap();
    let d = |class| curve(class).attribute("d").unwrap();
    assert_eq!((d("ln c0").matches('M').count(), d("ln c1").matches('M').count()), (2, 1));
    let zero: f64 = curve("now").attribute("x1").unwrap().parse().unwrap();
    let begin: Vec<f64> = d("ln c0").split('M').skip(1).map(|run| abscissae(&format!("M{run}"))[0]).collect();
    assert!((begin[1] - zero).abs() < 0.11, "the third bin begins at 0: {begin:?}, {zero}");
    assert_eq!(svg, chart.to_svg(&options("l")));
    assert!(svg.contains("per 1,000 lines") && !svg.contains("<script"));
}

#[test]
fn of_many_lines_the_last_stands_out() {
    let many = vec![&[Some(1e9), Some(2e9)][..]; 12];
    let chart = LineChart { across: Across::WallClock, first_secs: 0, ..lines(&many) };
    let svg = chart.to_svg(&options("m"));
    assert_eq!((svg.matches("\"ln dim\" d=").count(), svg.matches("\"ln c0\" d=").count()), (11, 1));
    let text = chart.to_text(TextOptions::default());
    assert!(text.contains("a  line <11>") && text.contains("·  11 others, from line <0> on"), "{text}");
}

#[test]
fn differences_have_an_axis_below_zero() {
    let chart = lines(&[&[Some(-1.5e9), Some(3e9), None]]);
    let text = chart.to_text(TextOptions { width: 60, ..TextOptions::default() });
    assert!(text.contains("-2 Gbit/s┤") && text.contains("3 Gbit/s┤"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(chart.to_svg(&options("d")).contains(">-2 Gbit/s<"));
}

proptest! {
    #[test]
    fn no_line_breaks_the_drawing(
        values in prop::collection::vec(prop::collection::vec(any::<Option<f64>>(), 0..40), 0..12),
        label in any::<String>(), first in any::<i64>(), step in any::<u32>(), width in 0_usize..300,
        wall in any::<bool>(),
    ) {
        let line = |values: Vec<_>| NamedLine { label: label.clone(), values };
        let across = if wall { Across::WallClock } else { Across::Elapsed };
        let chart = LineChart {
            title: label.clone(), subtitle: label.clone(), across, first_secs: first, step_secs: step,
            of: label.clone(), lines: values.into_iter().map(line).collect(),
        };
        let svg = chart.to_svg(&SvgOptions { width: num::float(width), ..options("p") });
        prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{}", svg);
        prop_assert!(!svg.contains("NaN"));
        chart.to_text(TextOptions { width, ..TextOptions::default() });
    }
}
