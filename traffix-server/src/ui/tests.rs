use super::view::{Event, Moment};
use super::{build, html};
use crate::bundled::bundled;

fn november_2023() -> super::view::Page {
    let bundled = bundled().unwrap();
    let now = "2023-11-01T00:00:00Z".parse().unwrap();
    let until = "2024-05-01T00:00:00Z".parse().unwrap();
    let rus = crate::planning::upcoming_of(&bundled.rus, now, until);
    build::page(&rus, &bundled.networks[0], &bundled.networks, (now, true))
}

#[test]
fn november_2023_shows_fortnite_and_the_preload_ahead_of_time() {
    let page = november_2023();
    let position = |words: &str| page.events.iter().position(|event| event.title.contains(words));
    assert!(position("Fortnite OG").is_some());
    let preload = &page.events[position("Modern Warfare III").unwrap()].moments;
    assert!(preload.iter().any(|m| m.what == "preload" && m.local.starts_with("Wed 8 Nov")), "{preload:?}");
    assert!(page.verdict.contains("P50"), "{}", page.verdict);
    let html = html::render(&page);
    assert!(html.contains("Fortnite OG") && html.contains("Modern Warfare III preload"));
}

#[test]
fn the_page_has_no_script_and_nothing_from_elsewhere() {
    let html = html::render(&november_2023());
    for forbidden in ["<script", "javascript:", "http://", "https://", "style=\"", "onload", "url("] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.len() < 200_000, "{} bytes", html.len());
}

#[test]
fn titles_are_not_trusted() {
    let mut page = november_2023();
    let bad = "</title><script>alert(1)</script>\"'&\u{0}".to_owned();
    page.events.insert(
        0,
        Event {
            id: bad.clone(),
            title: bad.clone(),
            kind: "release",
            moments: vec![Moment {
                what: "unlock",
                local: bad.clone(),
                utc: bad.clone(),
                precision: "to the minute",
            }],
            platforms: vec![bad.clone()],
            size: Some(bad.clone()),
            peak: None,
        },
    );
    page.verdict.clone_from(&bad);
    page.clashes.push(bad.clone());
    page.network.name.clone_from(&bad);
    page.links[0].id.clone_from(&bad);
    if let Some(chart) = &mut page.chart {
        chart.title.clone_from(&bad);
        chart.marks[0].label.clone_from(&bad);
    }
    assert!(!html::render(&page).contains("<script"));
}
