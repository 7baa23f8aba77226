//! Proposals, and two RUs that become one.

use serde_json::json;
use traffix_core::catalogue::{Ru, RuId};
use traffix_store::{
    Actor, ChangeOp, Page, PageRequest, Proposal, ProposalStatus, ProposalSubject, RuQuery, StoreError,
    Written,
};

use crate::catalogue::ids;
use crate::support::rus::{actor, company, release, update};
use crate::support::{On, StoppedClock, TestDb};

crate::on_every_engine!(
    proposing_again_changes_only_what_is_open,
    decisions_are_final,
    proposals_are_paged,
    senseless_proposals_are_refused,
    two_rus_become_one,
    what_cannot_be_one_is_refused,
    merging_without_news_leaves_the_other_alone,
);

fn id(text: &str) -> RuId {
    text.parse().unwrap()
}

fn merge(from: &str, into: &str, score: f64) -> (String, ProposalSubject) {
    let reasons = vec!["same title".to_owned()];
    (
        format!("merge:{from}:{into}"),
        ProposalSubject::Merge { from: id(from), into: id(into), score, reasons },
    )
}

fn suggestion(n: u32) -> (String, ProposalSubject) {
    // To the letter: the order of the fields and 1e16 come back as they were.
    let suggestion: serde_json::Value =
        serde_json::from_str(r#"{"z": 1e16, "a": "\u0000", "n": 0.1}"#).unwrap();
    let subject = ProposalSubject::Suggestion { suggestion, findings: vec!["no source".to_owned()] };
    (format!("github:owner/repo:{n}"), subject)
}

fn seen(prefix: &str, confidence: f64) -> (String, ProposalSubject) {
    let assertion = json!({
        "platform": "steam", "cdn": "valve", "prefix": prefix, "role": "origin", "tenancy": "dedicated",
        "status": "current", "evidence": "measurement", "source": "a capture", "confidence": confidence,
    });
    let assertion = Box::new(serde_json::from_value(assertion).unwrap());
    let reasons = vec!["1 GB, 50 % of all".to_owned()];
    (format!("capture:{prefix}"), ProposalSubject::Assertion { assertion, reasons })
}

fn proposal_ids(page: &Page<Proposal>) -> Vec<&str> {
    page.items.iter().map(|proposal| proposal.id.as_str()).collect()
}

async fn proposing_again_changes_only_what_is_open(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let store = db.open_at(&clock).await;
    assert_eq!(store.proposal("merge:a:b").await.unwrap(), None);
    let first = [merge("a", "b", 0.5), suggestion(1), merge("a", "b", 0.6)];
    assert_eq!(store.propose(&first).await.unwrap(), 2, "of two with one id the last counts");
    let open = Proposal {
        id: "merge:a:b".to_owned(),
        subject: first[2].1.clone(),
        status: ProposalStatus::Open,
        proposed_at: clock.now(),
        decided: None,
    };
    assert_eq!(store.proposal("merge:a:b").await.unwrap(), Some(open.clone()));
    assert_eq!(store.proposal(&first[1].0).await.unwrap().unwrap().subject, first[1].1);
    let (id, subject) = seen("192.0.2.0/24", 0.7);
    assert_eq!(store.propose(&[(id.clone(), subject.clone())]).await.unwrap(), 1);
    assert_eq!(store.proposal(&id).await.unwrap().unwrap().subject, subject);

    clock.advance(60);
    assert_eq!(store.propose(&[merge("a", "b", 0.9), merge("a", "c", 0.9)]).await.unwrap(), 1);
    let again = Proposal { subject: merge("a", "b", 0.9).1, ..open.clone() };
    assert_eq!(store.proposal("merge:a:b").await.unwrap(), Some(again.clone()), "first proposed when it was");

    store.decide("merge:a:b", ProposalStatus::Rejected, &Actor("ann".into())).await.unwrap();
    let rejected =
        Proposal { status: ProposalStatus::Rejected, decided: Some((clock.now(), "ann".into())), ..again };
    clock.advance(60);
    assert_eq!(store.propose(&[merge("a", "b", 1.0)]).await.unwrap(), 0);
    assert_eq!(store.proposal("merge:a:b").await.unwrap(), Some(rejected), "rejected stays rejected");
    assert_eq!(store.propose(&[]).await.unwrap(), 0);
    assert_eq!(store.sequence().await.unwrap(), 0, "proposals are not catalogue");
}

async fn decisions_are_final(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let store = db.open_at(&clock).await;
    store.propose(&[merge("a", "b", 0.5), merge("a", "c", 0.5)]).await.unwrap();
    let decide = async |id: &str, status, who: &str| store.decide(id, status, &Actor(who.into())).await;
    decide("merge:a:b", ProposalStatus::Accepted, "ann").await.unwrap();
    clock.advance(60);
    decide("merge:a:b", ProposalStatus::Accepted, "bob").await.unwrap();
    let conflict = decide("merge:a:b", ProposalStatus::Rejected, "bob").await;
    assert!(matches!(&conflict, Err(StoreError::Conflict { id, .. }) if id == "merge:a:b"), "{conflict:?}");
    let decided = store.proposal("merge:a:b").await.unwrap().unwrap();
    let first = decided.proposed_at;
    assert_eq!(
        (decided.status, decided.decided),
        (ProposalStatus::Accepted, Some((first, "ann".to_owned()))),
        "the first decision counts"
    );
    for missing in ["merge:x:y", "", "nul\0", &"x".repeat(501)] {
        let result = decide(missing, ProposalStatus::Rejected, "ann").await;
        assert!(matches!(result, Err(StoreError::NotFound { .. })), "{missing:?}");
        assert_eq!(store.proposal(missing).await.unwrap(), None);
    }
    let open = decide("merge:a:c", ProposalStatus::Open, "ann").await;
    assert!(matches!(open, Err(StoreError::Invalid(_))), "{open:?}");
    decide("merge:a:c", ProposalStatus::Rejected, "an\0n").await.unwrap();
    assert_eq!(store.proposal("merge:a:c").await.unwrap().unwrap().decided.unwrap().1, "ann");
}

async fn proposals_are_paged(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let store = db.open_at(&clock).await;
    for batch in [[5, 1], [4, 2], [3, 9]] {
        store.propose(&batch.map(suggestion)).await.unwrap();
        clock.advance(1);
    }
    store.decide("github:owner/repo:9", ProposalStatus::Rejected, &actor()).await.unwrap();
    let mut page = PageRequest { limit: 2, after: None };
    let mut seen = Vec::new();
    loop {
        let got = store.proposals(ProposalStatus::Open, &page).await.unwrap();
        seen.extend(proposal_ids(&got).into_iter().map(|id| id.replace("github:owner/repo:", "")));
        page.after = got.next;
        if page.after.is_none() {
            break;
        }
        let other_list = store.proposals(ProposalStatus::Rejected, &page).await;
        assert!(matches!(other_list, Err(StoreError::Cursor)));
    }
    assert_eq!(seen, ["1", "5", "2", "4", "3"], "oldest first, then by id");
    let rejected = store.proposals(ProposalStatus::Rejected, &PageRequest::default()).await.unwrap();
    assert_eq!(proposal_ids(&rejected), ["github:owner/repo:9"]);
    let accepted = store.proposals(ProposalStatus::Accepted, &PageRequest::default()).await.unwrap();
    assert_eq!(accepted, Page { items: Vec::new(), next: None });
}

async fn senseless_proposals_are_refused(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let mut cases: Vec<((String, ProposalSubject), &str)> = vec![
        (merge("a", "a", 0.5), "/1/subject/into"),
        (merge("a", "b", f64::NAN), "/1/subject/score"),
        (merge("a", "b", 1.01), "/1/subject/score"),
        (seen("192.0.2.0/24", 1.5), "/1/subject/assertion/confidence"),
    ];
    for bad in ["", "nul\0", &"x".repeat(501)] {
        cases.push(((bad.to_owned(), suggestion(1).1), "/1/id"));
    }
    for (bad, pointer) in cases {
        let refused = store.propose(&[suggestion(1), bad]).await;
        assert!(
            matches!(&refused, Err(StoreError::Invalid(found)) if found[0].pointer == pointer),
            "{refused:?}"
        );
    }
    let none = store.proposals(ProposalStatus::Open, &PageRequest::default()).await.unwrap();
    assert_eq!(none.items, [], "all of a call or nothing");
    let longest = "x".repeat(100);
    assert_eq!(store.propose(&[merge(&longest, &"y".repeat(100), 1.0)]).await.unwrap(), 1);
}

/// A release with an update, and its twin with two.
fn halo_and_its_twin() -> [Ru; 5] {
    let twin =
        release("halo-twin").publishers(&["xbox"]).listed("xbox", "9N1", &[]).listed("steam", "1240440", &[]);
    [
        release("halo").listed("steam", "976730", &[]).make(),
        twin.make(),
        update("patch-2", "halo-twin").make(),
        update("patch-1", "halo-twin").make(),
        update("patch-0", "halo").make(),
    ]
}

async fn two_rus_become_one(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    store.put_companies(&[company("xbox")], &actor()).await.unwrap();
    let rus = halo_and_its_twin();
    store.merge_rus(&rus, &actor()).await.unwrap();
    let before = store.sequence().await.unwrap();
    let moderator = Actor("key:ann".into());
    let written = store.merge_into(&id("halo-twin"), &id("halo"), &moderator).await.unwrap();
    assert_eq!(written, Written::Updated(before + 1));

    let changes = store.changes(before, 10).await.unwrap();
    let log: Vec<_> = changes.iter().map(|c| (c.id.as_str(), c.op, c.actor.as_str())).collect();
    let by = "key:ann";
    assert_eq!(
        log,
        [
            ("halo", ChangeOp::Update, by),
            ("patch-1", ChangeOp::Update, by),
            ("patch-2", ChangeOp::Update, by),
            ("halo-twin", ChangeOp::Delete, by),
        ]
    );
    assert!(changes.iter().all(|change| change.at == changes[0].at), "one transaction has one instant");
    let halo = store.ru(&id("halo"), None).await.unwrap().unwrap();
    assert_eq!(halo.revision, before + 1);
    assert_eq!(halo.value, Ru { id: id("halo"), ..rus[0].clone().merge(rus[1].clone()) });
    assert_eq!(store.ru(&id("halo-twin"), None).await.unwrap(), None);
    let updates = RuQuery { release: Some(id("halo")), ..RuQuery::default() };
    let updates = store.rus(&updates, &PageRequest::default()).await.unwrap();
    assert_eq!(ids(&updates), ["patch-0", "patch-1", "patch-2"]);
    let steam = "steam".parse().unwrap();
    let both = ["1240440".to_owned(), "976730".to_owned()];
    let found = store.rus_by_external_id(&steam, &both).await.unwrap();
    assert_eq!(found, both.map(|external_id| (external_id, id("halo"))));
    let (all, page) = (RuQuery::default(), PageRequest::default());
    let then = changes[0].at - chrono::TimeDelta::microseconds(1);
    let then = store.rus_as_of(&all, then, &page).await.unwrap();
    assert_eq!(then.items.len(), 5, "the past knows both");
    assert_eq!(store.history(&id("halo-twin"), &PageRequest::default()).await.unwrap().items.len(), 2);
    let again = store.merge_into(&id("halo-twin"), &id("halo"), &moderator).await;
    assert!(matches!(&again, Err(StoreError::NotFound { id, .. }) if id == "halo-twin"), "{again:?}");
}

async fn what_cannot_be_one_is_refused(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let rus =
        [release("a").make(), release("b").make(), update("patch", "a").make(), update("other", "b").make()];
    store.merge_rus(&rus, &actor()).await.unwrap();
    for (from, into, why) in [
        ("a", "a", "the same RU"),
        ("patch", "b", "is a release, and the other is not"),
        ("b", "patch", "is an update, and the other is not"),
        ("a", "patch", "an update of it"),
        ("patch", "a", "an update of it"),
    ] {
        let refused = store.merge_into(&id(from), &id(into), &actor()).await;
        let said = refused.as_ref().map_err(ToString::to_string);
        assert!(
            matches!(&refused, Err(StoreError::Invalid(found)) if found[0].pointer == "/into"),
            "{said:?}"
        );
        assert!(said.is_err_and(|said| said.contains(why)), "{from} {into}");
    }
    for (from, into) in [("nobody", "a"), ("a", "nobody")] {
        let refused = store.merge_into(&id(from), &id(into), &actor()).await;
        assert!(matches!(&refused, Err(StoreError::NotFound { id, .. }) if id == "nobody"), "{refused:?}");
    }
    assert_eq!(store.sequence().await.unwrap(), 4, "what is refused leaves nothing");
    // Two updates may be one, even of different releases: the one that stays knows whose it is.
    store.merge_into(&id("patch"), &id("other"), &actor()).await.unwrap();
    assert_eq!(store.ru(&id("other"), None).await.unwrap().unwrap().value.release, Some(id("b")));
}

async fn merging_without_news_leaves_the_other_alone(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    // The same source said the same about both.
    let halo = release("halo").title("Halo").set("categories", &json!(["shooter"])).make();
    let twin = release("twin").title("Halo").make();
    store.merge_rus(&[halo.clone(), twin.clone()], &actor()).await.unwrap();
    let written = store.merge_into(&twin.id, &halo.id, &actor()).await.unwrap();
    assert_eq!(written, Written::Unchanged(1));
    assert_eq!(store.ru(&halo.id, None).await.unwrap().unwrap().value, halo);
    let changes = store.changes(2, 10).await.unwrap();
    assert_eq!(
        changes.iter().map(|c| (c.id.as_str(), c.op)).collect::<Vec<_>>(),
        [("twin", ChangeOp::Delete)]
    );
}
