use proptest::prelude::*;

use super::*;
use crate::testing::{answer, damage, recorded, run};
use crate::upstream::Replay;

const FIXTURES: &str = "sources/github/fixtures";

fn ask(up: &Replay, repository: &str, label: Option<&str>) -> Result<Suggestions, PlatformError> {
    run(suggestions(up, &repository.parse().unwrap(), label)).map(|fetched| fetched.value)
}

#[test]
fn all_pages_are_read() {
    let up = recorded(FIXTURES);
    let fetched =
        run(suggestions(&up, &"octokit-fixture-org/paginate-issues".parse().unwrap(), None)).unwrap();
    assert_eq!(fetched.observed_at.to_rfc3339(), "2017-10-10T16:00:00+00:00");
    let Suggestions { items, is_complete } = fetched.value;
    assert!(is_complete);
    assert_eq!(items.iter().map(|item| item.number).collect::<Vec<_>>(), [13, 12, 11, 1]);
    assert_eq!((items[0].title.as_str(), items[0].is_open), ("Test issue 13", true));
    assert_eq!(items[0].updated_at.unwrap().to_rfc3339(), "2017-10-10T16:00:00+00:00");
    // They have no body: what a suggestion needs is missing, and said to be.
    let pointers: Vec<_> = items[0].findings.iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/date", "/source"]);
}

#[test]
fn forms_become_suggestions_as_documented() {
    let found = ask(&recorded(FIXTURES), "example/traffix", Some("event_game_release")).unwrap();
    // The pull request is none, and what is on two pages is one.
    let [good, bad] = &found.items[..] else { panic!("{found:?}") };
    assert_eq!((good.number, good.name.as_deref(), good.version.as_deref()), (7, Some("Example Game"), None));
    assert_eq!(good.wire_bytes.unwrap().0, 83_500_000_000);
    assert_eq!(good.date.unwrap().to_string(), "2027-02-01");
    assert_eq!(good.source.as_ref().unwrap().as_str(), "https://example.org/news/1");
    assert_eq!((good.reactions, good.rockets), (13, 11));
    assert_eq!(good.labels, ["event_game_release"]);
    assert!(good.findings.is_empty());
    assert_eq!((bad.wire_bytes, bad.date, &bad.source), (None, None, &None));
    let pointers: Vec<_> = bad.findings.iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(pointers, ["/wire_bytes", "/date", "/source"]);
}

#[test]
fn links_are_followed_only_to_the_same_host() {
    let header = r#"<https://a.example/?x=1,2>; rel="prev", <https://b.example/>; title="x"; rel="next""#;
    assert_eq!(next_link(header), Some("https://b.example/"));
    assert_eq!(next_link(r#"<https://a.example/>; rel="last""#), None);
    assert_eq!(next_link("<<>"), None);
    let up = recorded(FIXTURES);
    let call = Call::new(ID, "issues", &up);
    for bad in ["https://evil.example/", "http://api.github.com/", "https://api.github.com:444/", "x", "//x"]
    {
        assert!(matches!(follow(&call, bad), Err(PlatformError::Malformed { .. })), "{bad}");
    }
    assert!(follow(&call, "https://api.github.com/repositories/1/issues?page=2").is_ok());
}

#[test]
fn a_list_without_end_is_cut() {
    let own = "https://api.github.com/repositories/1/issues";
    let exchanges = (0..=MAX_PAGES).map(|page| {
        let url = if page == 0 {
            "https://api.github.com/repos/a/b/issues?state=open&per_page=100".to_owned()
        } else {
            format!("{own}?page={page}")
        };
        let link = format!("<{own}?page={}>; rel=\"next\"", page + 1);
        let response = crate::upstream::Response {
            status: 200,
            headers: [("link".to_owned(), link)].into(),
            body: "[]".into(),
            observed_at: chrono::DateTime::UNIX_EPOCH,
        };
        crate::upstream::cassette::Exchange {
            method: Method::Get,
            url: url.parse().unwrap(),
            request: None,
            response,
            source: None,
            scrubbed: None,
            body_file: None,
        }
    });
    let found = ask(&Replay::new(exchanges).unwrap(), "a/b", None).unwrap();
    assert!(!found.is_complete && found.items.is_empty());
}

#[test]
fn refusals_are_typed() {
    let url = "https://api.github.com/repos/a/b/issues?state=open&per_page=100";
    let error = ask(&answer(url, 404, "{}"), "a/b", None).unwrap_err();
    assert_eq!(error, PlatformError::NotFound { platform: ID, id: "a/b".into() });
    for (status, body) in [(200, ""), (200, "<html>"), (200, "{}"), (200, "[{}]"), (403, "[]"), (301, "[]")] {
        let error = ask(&answer(url, status, body), "a/b", None).unwrap_err();
        assert!(matches!(error, PlatformError::Malformed { .. }), "{error}");
    }
    for bad in ["", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a b/c"] {
        assert!(bad.parse::<Repository>().is_err(), "{bad:?}");
    }
}

#[test]
fn odd_issues_are_found_out() {
    let url = "https://api.github.com/repos/a/b/issues?state=open&per_page=100";
    let title = "é\u{202e}\n".repeat(300);
    let body = "### Name\n\nA\n\n### Name\n\nB\n\n### Date\n\n01/01/2027\n\n### Source\n\nhttps://x.example\n\n### Version\n\n1\n2";
    let issue =
        serde_json::json!([{"number": 1, "title": title, "body": body, "labels": ["plain", {"name": null}]}]);
    let found = ask(&answer(url, 200, issue.to_string()), "a/b", None).unwrap();
    let item = &found.items[0];
    assert!(item.title.len() <= 300 && !item.title.contains('\n'));
    assert_eq!((item.name.as_deref(), item.is_open, item.rockets), (Some("A"), false, 0));
    assert_eq!(item.labels, ["plain"]);
    let pointers: Vec<_> = item.findings.iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(pointers, ["/title", "/name", "/version"]);
}

#[cfg(feature = "live")]
mod webhooks {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};

    const OPENED: &[u8] = include_bytes!("fixtures/webhook_issues_opened.json");
    const SECRET: &[u8] = b"secret of the test";

    fn signature(body: &[u8]) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET).unwrap();
        mac.update(body);
        let hex =
            mac.finalize().into_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        format!("sha256={hex}")
    }

    fn take(event: &str, signature: &str, body: &[u8]) -> Result<Option<Delivery>, WebhookError> {
        receive(SECRET, DeliveryHeaders { event, delivery: "d-1", signature }, body)
    }

    #[test]
    fn a_recorded_delivery() {
        let delivery = take("issues", &signature(OPENED), OPENED).unwrap().unwrap();
        assert_eq!((delivery.id.as_str(), delivery.action), ("d-1", Action::Opened));
        assert_eq!(delivery.repository, "example/Hello-World");
        assert_eq!(delivery.suggestion.title, "Spelling error in the README file");
        assert_eq!(delivery.suggestion.labels, ["bug"]);
        assert_eq!(take("ping", &signature(b"{}"), b"{}"), Ok(None));
    }

    #[test]
    fn only_what_is_signed_is_read() {
        let good = signature(OPENED);
        let upper = good.replace("sha256=", "").to_uppercase();
        assert!(take("issues", &format!("sha256={upper}"), OPENED).is_ok());
        for bad in ["", "sha256=", &good[7..], &good[..70], &format!("{good}0"), "sha1=00", &signature(b"x")]
        {
            assert_eq!(take("issues", bad, OPENED), Err(WebhookError::Signature), "{bad:?}");
        }
        assert_eq!(verify_signature(b"", &good, OPENED), Err(WebhookError::NoSecret));
        let error = take("issues", &signature(b"[]"), b"[]").unwrap_err();
        assert!(matches!(error, WebhookError::Malformed { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_bodies_give_values_or_typed_errors(damage in damage()) {
            let body = damage.apply(OPENED);
            let _ = take("issues", &signature(&body), &body);
            if body != OPENED {
                prop_assert_eq!(take("issues", &signature(OPENED), &body), Err(WebhookError::Signature));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
        let up = damage.replay(FIXTURES);
        let _ = ask(&up, "octokit-fixture-org/paginate-issues", None);
        if let Ok(found) = ask(&up, "example/traffix", Some("event_game_release")) {
            for item in found.items {
                prop_assert!(item.wire_bytes.is_none_or(|bytes| bytes.0 <= MAX_SIZE_GB * 1_000_000_000));
            }
        }
    }

    #[test]
    fn any_text_is_a_form(body in "(### [A-Za-z ]{0,12}\n{0,2}[^#]{0,20}\n?|.{0,20}){0,6}", header in ".{0,80}") {
        let _ = form::values(&body);
        let _ = next_link(&header);
    }
}
