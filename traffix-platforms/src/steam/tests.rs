//! The whole platform over its recordings.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use traffix_core::SourceKind;
use traffix_core::catalogue::{Build, Content, PhaseKind, PhaseStatus, Precision, Region, RuKind};
use traffix_core::delivery::{Role, Tenancy};

use super::*;
use crate::testing::run;
use crate::upstream::cassette::{self, Exchange};
use crate::upstream::{Replay, UpstreamError};
use crate::{Datum, PlatformExt, UpdateSize};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/steam/fixtures")
}

fn recorded() -> Replay {
    Replay::open(fixtures()).unwrap()
}

/// The recordings with every body changed.
fn changed(change: impl Fn(&mut Exchange)) -> Replay {
    let mut exchanges = cassette::load(&fixtures()).unwrap();
    exchanges.iter_mut().for_each(change);
    Replay::new(exchanges).unwrap()
}

fn seen(app: &str) -> ListingObservation {
    run(Steam.refresh(&recorded(), &ListingRef::new(app))).unwrap()
}

fn starts(seen: &ListingObservation, kind: PhaseKind) -> Option<(String, Precision)> {
    let window = seen.listing.phase(kind)?.window.value;
    Some((window.start.to_rfc3339(), window.precision))
}

fn query(cursor: Option<&str>) -> Discover {
    let at = |text: &str| text.parse().unwrap();
    Discover {
        now: at("2026-08-01T00:00:00Z"),
        from: at("2025-04-01T00:00:00Z"),
        until: at("2026-12-31T00:00:00Z"),
        region: Region::WORLD,
        cursor: cursor.map(str::to_owned),
    }
}

#[test]
fn a_released_game_has_its_instant_from_the_store_item() {
    let seen = seen("1245620");
    assert_eq!(seen.title.as_deref(), Some("ELDEN RING"));
    assert_eq!((seen.kind, seen.content, seen.nsfw), (RuKind::Release, Content::Game, Some(false)));
    assert_eq!(seen.publishers, ["FromSoftware Inc.", "Bandai Namco Entertainment"]);
    assert_eq!(seen.developers, ["FromSoftware Inc."]);
    assert_eq!(
        starts(&seen, PhaseKind::Unlock),
        Some(("2022-02-24T23:07:58+00:00".into(), Precision::Minute))
    );
    let thumbnail = "https://cdn.akamai.steamstatic.com/steam/apps/1245620/header.jpg?t=1710261394";
    assert_eq!(seen.thumbnails[0].url, thumbnail);
    let room = &seen.listing.sizes[0];
    let disk = room.disk_bytes.as_ref().unwrap();
    assert_eq!((disk.value.low.0, disk.value.high.0), (60_000_000_000, 60_000_000_000));
    assert_eq!((disk.evidence.kind, disk.evidence.confidence), (SourceKind::Inferred, 0.4));
    assert!(room.wire_bytes.is_none() && room.variant.is_none());
}

#[test]
fn product_info_gives_bytes_build_and_patch_notes() {
    let seen = seen("413150");
    assert_eq!(seen.title.as_deref(), Some("Stardew Valley"));
    let sizes: Vec<_> = seen
        .listing
        .sizes
        .iter()
        .map(|size| (size.variant.as_deref(), size.wire_bytes.as_ref().unwrap().value.low.0))
        .collect();
    assert_eq!(sizes, [(None, 453_699_840), (Some("macos"), 456_794_576), (Some("linux"), 457_681_328)]);
    assert_eq!(seen.listing.disk_bytes().unwrap().value.low.0, 691_846_347);
    let build = seen.listing.build.as_ref().unwrap();
    assert_eq!(build.value.id, "16826371");
    assert_eq!(build.value.live_at.unwrap().to_rfc3339(), "2024-12-22T00:19:35+00:00");
    assert_eq!(build.evidence.kind, SourceKind::Community);
    assert_eq!(seen.builds.len(), 1);
    let notes = seen.builds[0].notes.as_ref().unwrap();
    assert_eq!(notes.title, "Stardew Valley 1.6.15 Patch now available");
    assert_eq!(seen.builds[0].update, None);
    assert_eq!(
        starts(&seen, PhaseKind::Unlock),
        Some(("2016-02-26T17:59:00+00:00".into(), Precision::Minute))
    );
}

#[test]
fn an_update_is_sized_while_a_branch_keeps_the_old_build_as_documented() {
    let update = |up: &dyn Upstream, id: &str| {
        let build = Some(Build { id: id.into(), version: None, live_at: None });
        let listing = ListingRef { external_id: "413150".into(), build };
        run(Steam.refresh(up, &listing)).unwrap().builds.remove(0).update
    };
    let up = recorded();
    let bytes = |update: UpdateSize| (update.from, update.wire_bytes.low.0, update.wire_bytes.high.0);
    assert_eq!(update(&up, "16375315").map(bytes), Some(("16375315".into(), 2_718_281, 2_718_281)));
    assert_eq!(update(&up, "16826371"), None);
    assert_eq!(update(&up, "1"), None);
    // Where no difference is prepared, the two sums bound it: 453,699,840 against 453,279,296.
    let up = changed(|exchange| {
        if exchange.url.path().contains("GetDepotPatchInfo") {
            exchange.response.body = r#"{"response":{"is_available":false}}"#.into();
        }
    });
    assert_eq!(update(&up, "16375315").map(bytes), Some(("16375315".into(), 420_544, 453_699_840)));
}

#[test]
fn an_extension_updates_the_game_it_extends() {
    let seen = seen("1607890");
    assert_eq!((seen.kind, seen.updates.as_deref()), (RuKind::Update, Some("632360")));
    assert_eq!(starts(&seen, PhaseKind::Unlock), Some(("2022-03-01T00:00:00+00:00".into(), Precision::Day)));
}

#[test]
fn the_files_of_an_extension_lie_in_the_tree_of_its_game_as_documented() {
    let seen = seen("1607890");
    assert_eq!(seen.listing.wire_bytes().unwrap().value.low.0, 700_000_000);
    assert_eq!(seen.listing.disk_bytes().unwrap().evidence.kind, SourceKind::Community);
}

#[test]
fn dates_that_are_texts_keep_their_precision() {
    let wilds = seen("2246340");
    assert_eq!(
        starts(&wilds, PhaseKind::Unlock),
        Some(("2025-01-01T00:00:00+00:00".into(), Precision::Year))
    );
    assert_eq!(wilds.listing.phases[0].status, PhaseStatus::Tentative);
    assert!(wilds.listing.sizes.is_empty());
    assert!(seen("612400").listing.phases.is_empty());
    let greedfall = seen("1997660");
    assert_eq!(
        starts(&greedfall, PhaseKind::Unlock),
        Some(("2024-09-24T00:00:00+00:00".into(), Precision::Day))
    );
    assert_eq!(greedfall.listing.disk_bytes().unwrap().value.low.0, 30_000_000_000);
}

#[test]
fn a_preload_is_open_until_the_unlock_as_documented() {
    let seen = seen("4500010");
    let preload = seen.listing.phase(PhaseKind::Preload).unwrap();
    assert_eq!(preload.window.value.start.to_rfc3339(), "2026-12-29T00:00:00+00:00");
    assert_eq!(preload.window.value.end.unwrap().to_rfc3339(), "2027-01-02T17:00:00+00:00");
    assert_eq!((preload.window.value.precision, preload.window.evidence.confidence), (Precision::Day, 0.5));
    assert_eq!(seen.builds[0].preload_at, Some(preload.window.value.start));
    assert_eq!(seen.listing.wire_bytes().unwrap().value.low.0, 41_000_000_000);
}

#[test]
fn a_restricted_app_exists_and_has_no_bytes() {
    let seen = seen("3065170");
    assert!(seen.title.is_none() && seen.listing.sizes.is_empty() && seen.builds.is_empty());
}

#[test]
fn what_nobody_knows_is_not_found() {
    for app in ["999999999", "half-life", "", "-1", "99999999999999"] {
        let error = run(Steam.refresh(&recorded(), &ListingRef::new(app))).unwrap_err();
        assert!(matches!(&error, PlatformError::NotFound { id, .. } if id == app), "{app}: {error}");
    }
    // The recorded failure of a batch is that of one item.
    let error = run(api::item(&recorded(), 760)).unwrap_err();
    assert!(matches!(error, PlatformError::NotFound { .. }), "{error}");
}

#[test]
fn a_failure_that_may_pass_outweighs_that_a_title_is_unknown() {
    let up = changed(|exchange| {
        if exchange.url.host_str() == Some("api.steamcmd.net") {
            exchange.response.status = 503;
        }
    });
    let error = run(Steam.refresh(&up, &ListingRef::new("999999999"))).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    // And one that fails hides nothing of what the others say.
    let seen = run(Steam.refresh(&up, &ListingRef::new("1245620"))).unwrap();
    assert_eq!(seen.title.as_deref(), Some("ELDEN RING"));
}

#[test]
fn odd_bodies_are_typed_errors() {
    for body in ["", "<html>busy</html>", "[", "null", "7"] {
        let up = changed(|exchange| exchange.response.body = body.to_owned().into());
        let errors = [
            run(Steam.refresh(&up, &ListingRef::new("1245620"))).unwrap_err(),
            run(Steam.audience(&up, &ListingRef::new("440"))).unwrap_err(),
            run(Steam.discover(&up, &query(None))).unwrap_err(),
            run(Steam.delivery(&up, &world())).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, PlatformError::Malformed { .. }), "{body}: {error}");
        }
    }
    let up = changed(|exchange| exchange.response.body = r#"{"response":{"servers":[{"type":7}]}}"#.into());
    let error = run(Steam.delivery(&up, &world())).unwrap_err();
    assert!(
        matches!(&error, PlatformError::Malformed { at, .. } if at == "response.servers[0].type"),
        "{error}"
    );
    let up = changed(|exchange| exchange.response.status = 429);
    assert!(run(Steam.refresh(&up, &ListingRef::new("1245620"))).unwrap_err().is_retryable());
}

#[test]
fn the_walk_over_what_is_coming_and_changed_ends() {
    let up = recorded();
    let (mut cursor, mut items, mut cursors) = (None, Vec::new(), Vec::new());
    loop {
        let page = run(Steam.discover(&up, &query(cursor.as_deref()))).unwrap();
        items.extend(page.items);
        let Some(next) = page.next else { break };
        cursors.push(next.clone());
        cursor = Some(next);
    }
    assert_eq!(cursors, ["popular/7", "changed/0", "changed/507030"]);
    let find = |id: &str| items.iter().find(|seen| seen.listing.external_id.as_deref() == Some(id)).unwrap();
    let walk = find("1478500");
    assert_eq!(walk.title.as_deref(), Some("Big Walk"));
    assert_eq!(walk.listing.audience.rank.as_ref().unwrap().value, 1);
    assert_eq!(
        starts(walk, PhaseKind::Unlock),
        Some(("2026-08-04T18:00:00+00:00".into(), Precision::Minute))
    );
    // The parts of a bundle get their own names, or none, and no rank.
    let (first, second) = (find("4500001"), find("4500002"));
    assert_eq!((first.title.as_deref(), second.title.as_deref()), (Some("First of two"), None));
    assert_eq!(first.nsfw, Some(true));
    assert_eq!(
        starts(first, PhaseKind::Unlock),
        Some(("2026-10-01T00:00:00+00:00".into(), Precision::Quarter))
    );
    assert!(find("4500003").listing.phases.is_empty() && second.listing.phases.is_empty());
    let counter_strike = find("10");
    assert_eq!(counter_strike.changed_at.unwrap().to_rfc3339(), "2025-04-23T00:36:12+00:00");
    assert_eq!(items.len(), 8 + 5);
}

#[test]
fn without_a_key_there_are_no_changed_apps_and_a_bad_cursor_is_refused() {
    struct Keyless(Replay);
    #[async_trait]
    impl Upstream for Keyless {
        async fn send(
            &self,
            request: &crate::upstream::Request,
        ) -> Result<crate::upstream::Response, UpstreamError> {
            match &request.credential {
                Some(credential) => Err(UpstreamError::MissingCredential(credential.name)),
                None => self.0.send(request).await,
            }
        }
    }
    let up = Keyless(recorded());
    let page = run(Steam.discover(&up, &query(Some("changed/0")))).unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
    let error = run(Steam.discover(&up, &query(Some("page 2")))).unwrap_err();
    assert!(matches!(&error, PlatformError::Malformed { at, .. } if at == "cursor"), "{error}");
    let error = run(player_states(&up, &[1])).unwrap_err().to_string();
    assert!(error.contains("needs the credential \"steam\""), "{error}");
}

#[test]
fn players_are_counted_and_unknown_apps_are_not() {
    let up = recorded();
    let seen = run(Steam.audience(&up, &ListingRef::new("440"))).unwrap();
    assert_eq!((seen.players_now, seen.audience.is_empty()), (Some(40_008), true));
    assert_eq!(run(current_players(&up, 0)).unwrap().value, 24_453_426);
    let error = run(current_players(&up, 1)).unwrap_err();
    assert!(matches!(&error, PlatformError::NotFound { id, .. } if id == "1"), "{error}");
    // An app of the chart has its place and peak beside the count.
    let up = changed(|exchange| {
        if exchange.url.query() == Some("appid=440") && exchange.url.path().contains("NumberOfCurrent") {
            exchange.url.set_query(Some("appid=730"));
        }
    });
    let audience = run(Steam.audience(&up, &ListingRef::new("730"))).unwrap().audience;
    assert_eq!(audience.rank.unwrap().value, 1);
    assert_eq!(audience.concurrent_peak.unwrap().value, 1_509_177);
}

#[test]
fn charts_and_countries_rank_apps() {
    let up = recorded();
    let concurrent = run(chart(&up, Chart::Concurrent)).unwrap().value;
    assert_eq!((concurrent.len(), concurrent[2].app), (12, 2_868_840));
    assert_eq!((concurrent[2].players_now, concurrent[2].peak_players), (Some(249_640), Some(568_884)));
    let played = run(chart(&up, Chart::MostPlayed)).unwrap().value;
    assert_eq!(
        (played[1].rank, played[1].last_week_rank, played[1].peak_players),
        (34, Some(31), Some(29_429))
    );
    let first = |region: &str| run(top_sellers(&up, &region.parse().unwrap())).unwrap().value[0];
    assert_eq!((first("KR").app, first("KR").consecutive_weeks), (578_080, Some(467)));
    assert_eq!(first("world").app, 3_764_200);
    let shown = run(featured(&up, &Region::WORLD)).unwrap().value;
    assert_eq!((shown.len(), shown[0].app, shown[0].section.as_str()), (6, 2_354_140, "coming_soon"));
}

#[test]
fn posts_of_the_developer_are_read_and_a_missing_feed_is_no_error() {
    let up = recorded();
    let deadlock = run(news(&up, 1_422_450)).unwrap();
    assert_eq!(deadlock.len(), 3);
    assert_eq!(deadlock.iter().filter(|post| post.patch).count(), 1);
    assert_eq!(run(news(&up, 1_363_080)).unwrap().len(), 3);
    assert_eq!(run(news(&up, 790)).unwrap(), []);
    assert_eq!(run(news(&up, 5)).unwrap(), []);
    // A post without the tag counts if its headline speaks of an update.
    let near = "2026-05-23T00:00:00Z".parse().unwrap();
    assert_eq!(super::news::about(&deadlock, near).unwrap().title, "Gameplay Update - 05-22-2026");
    assert_eq!(super::news::about(&deadlock, "2026-04-01T00:00:00Z".parse().unwrap()), None);
}

fn world() -> Vantage {
    Vantage { region: Region::WORLD, address: None }
}

#[test]
fn servers_are_asserted_as_what_steam_calls_them_as_documented() {
    let from = Vantage { region: "DE".parse().unwrap(), address: Some("198.51.100.7".parse().unwrap()) };
    let all = run(Steam.delivery(&recorded(), &from)).unwrap();
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|assertion| assertion.check().is_empty()), "{all:?}");
    let find = |host: &str| all.iter().find(|a| a.host.as_ref().is_some_and(|h| h.as_str() == host)).unwrap();
    let cdn = |assertion: &Assertion| assertion.cdn.as_ref().map(ToString::to_string);
    let valve = find("cache7-fra1.steamcontent.com");
    assert_eq!((cdn(valve).as_deref(), valve.site.as_deref()), (Some("valve"), Some("fra1")));
    assert_eq!((valve.role, valve.tenancy), (Role::Origin, Tenancy::Dedicated));
    assert_eq!(valve.region.as_ref().unwrap().as_str(), "DE");
    let fastly = find("fastly.cdn.steampipe.steamcontent.com");
    assert_eq!(
        (cdn(fastly).as_deref(), fastly.asn.unwrap().0, fastly.role),
        (Some("fastly"), 54_113, Role::Cdn)
    );
    // Below Valve's domain, but a third party that nobody has named.
    assert_eq!(cdn(find("someone.cdn.steampipe.steamcontent.com")), None);
    let china = find("lv.queniujq.cn");
    assert_eq!(
        (cdn(china).as_deref(), china.region.as_ref().unwrap().as_str()),
        (Some("alibaba-cloud"), "CN")
    );
    let open = find("opencache.isp.example");
    assert_eq!((open.role, open.tenancy), (Role::EmbeddedCache, Tenancy::Embedded));
    assert!(open.note.as_ref().unwrap().contains("730, 570"));
    let inside = all.iter().find(|assertion| assertion.prefix.is_some()).unwrap();
    assert_eq!(inside.prefix.unwrap().to_string(), "203.0.113.9/32");
    assert_eq!(inside.role, Role::EmbeddedCache);
    // Without an address the answer is about whoever asks.
    let all = run(Steam.delivery(&recorded(), &world())).unwrap();
    assert!(all.iter().all(|a| a.region.as_ref().is_none_or(|region| region.as_str() == "CN")));
    assert!(all.iter().all(|a| !a.source.contains("198.51")));
}

#[test]
fn game_servers_are_listed_and_queried() {
    let up = recorded();
    let filter = ServerFilter::all([Condition::App(892_970), Condition::Dedicated]);
    let servers = run(game_servers(&up, &filter, 100)).unwrap().value;
    assert_eq!((servers[0].addr.port(), servers[0].game_port), (2457, Some(2456)));
    assert_eq!((servers[0].players, servers[0].max_players), (Some(0), Some(64)));
    let at = run(servers_at_address(&up, "203.0.113.176".parse().unwrap())).unwrap().value;
    assert_eq!((at[0].addr.port(), at[0].game_port), (28_015, Some(28_010)));
    let error = run(servers_at_address(&up, "203.0.113.177".parse().unwrap())).unwrap_err();
    assert!(error.is_retryable() && error.retry_after().unwrap().as_secs() == 60, "{error}");
    assert_eq!(run(required_version(&up, 440)).unwrap().value, 10_828_683);
    assert!(matches!(run(required_version(&up, 5)).unwrap_err(), PlatformError::NotFound { .. }));
    let injected = ServerFilter::all([Condition::Map(r"a\gamedir\tf".into())]).none_of([]);
    assert_eq!(injected.as_str(), r"\map\agamedirtf");
}

#[test]
fn a_server_behind_a_relay_is_at_a_known_place() {
    let up = recorded();
    assert_eq!(FakeAddress::new("203.0.113.1".parse().unwrap(), 1, 440), None);
    let server = FakeAddress::new("169.254.189.228".parse().unwrap(), 41_928, 440).unwrap();
    let status = run(server_status(&up, server)).unwrap().value;
    assert_eq!((status.players, status.map.as_deref()), (Some(23), Some("pl_pier")));
    let places = run(play_relays(&up, 440)).unwrap().value;
    assert_eq!(status.pop().as_deref(), Some("mwh"));
    assert_eq!(places["eat"].aliases, ["mwh"]);
    assert_eq!(places["ams"].relays[0].ipv4.to_string(), "155.133.248.36");
    assert_eq!(places["ams"].relays[0].port_range, Some((27_015, 27_060)));
    let players = run(server_players(&up, server)).unwrap().value;
    assert_eq!((players.len(), players[0].played_secs), (5, Some(3_079)));
}

#[test]
fn the_rules_of_a_server_are_read_as_documented() {
    let server = FakeAddress::new("169.254.189.228".parse().unwrap(), 41_928, 440).unwrap();
    let rules = run(server_rules(&recorded(), server)).unwrap().value;
    assert_eq!(rules["tf_gamemode_payload"], "1");
}

#[test]
fn players_are_read_without_anything_that_names_them() {
    let up = recorded();
    let players = run(player_states(&up, &[76_561_198_000_000_000, 76_561_198_000_000_001])).unwrap();
    let friends =
        PlayerState { visibility: Some(Visibility::Friends), online: false, game: None, country: None };
    let public =
        PlayerState { visibility: Some(Visibility::Public), online: true, game: None, country: None };
    assert_eq!(players, [friends, public]);
    assert!(matches!(run(player_states(&up, &[1; 101])).unwrap_err(), PlatformError::Malformed { .. }));
}

#[test]
fn the_pages_about_keys_become_errors_about_keys() {
    let says = |profile: u64| run(player_states(&recorded(), &[profile])).unwrap_err().to_string();
    assert!(says(1).contains("needs the credential \"steam\""), "{}", says(1));
    assert!(says(2).contains("refuses the credential \"steam\""), "{}", says(2));
    assert!(says(3).contains("refuses the credential \"steam\""), "{}", says(3));
}

#[test]
fn what_is_declared_is_given() {
    for (datum, availability) in Steam.support().iter() {
        assert_ne!(availability.word(), "unavailable", "{datum}");
    }
    assert!(Steam.support().get(Datum::Preload).how().contains("open"));
    assert!(!Steam.hosts().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn mutated_recordings_never_panic(seed in any::<u64>(), cut in any::<bool>()) {
        let up = changed(|exchange| {
            let mut body = exchange.response.body.to_vec();
            let mix = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(body.len() as u64);
            let len = body.len().max(1) as u64;
            let (at, length) = (usize::try_from(mix % len).unwrap(), usize::try_from((mix >> 32) % 24).unwrap());
            if cut && at < body.len() {
                body.truncate(at);
            } else if at < body.len() {
                let end = (at + length).min(body.len());
                body.splice(at..end, [b'0', mix.to_be_bytes()[2], b'"'].into_iter().take(length % 4));
            }
            exchange.response.body = body.into();
        });
        run(async {
            for app in ["413150", "1245620", "1607890", "4500010"] {
                let build = Some(Build { id: "16375315".into(), version: None, live_at: None });
                let _ = Steam.refresh(&up, &ListingRef { external_id: app.into(), build }).await;
            }
            let _ = Steam.audience(&up, &ListingRef::new("440")).await;
            let _ = Steam.delivery(&up, &world()).await;
            for cursor in [None, Some("changed/0")] {
                let _ = Steam.discover(&up, &query(cursor)).await;
            }
            let _ = top_sellers(&up, &Region::WORLD).await;
            let _ = featured(&up, &Region::WORLD).await;
            let _ = play_relays(&up, 440).await;
            let _ = player_states(&up, &[76_561_198_000_000_000, 76_561_198_000_000_001]).await;
        });
    }
}
