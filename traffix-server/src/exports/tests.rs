use std::fmt::Write as _;

use super::*;
use proptest::prelude::*;

fn asked(unit: Unit) -> Asked {
    let now = "2024-01-01T00:00:00Z".parse().unwrap();
    Asked { unit, counter_bits: 64, stamp: None, zone: None, step_secs: None, now }
}

fn rates(text: &str, asked: Asked) -> Result<Vec<(String, Rates)>, String> {
    let joined = |wrong: Vec<Wrong>| wrong.iter().map(Wrong::to_string).collect::<Vec<_>>().join("\n");
    let all = read(text, &asked).map_err(joined)?;
    all.into_iter().map(|one| Ok((one.name.clone(), one.rates(&asked).map_err(joined)?))).collect()
}

fn only(text: &str, asked: Asked) -> Rates {
    let mut all = rates(text, asked).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0).1
}

fn points(rates: &Rates) -> Vec<(i64, f64)> {
    rates.points.iter().map(|(at, bps)| (at.timestamp(), *bps)).collect()
}

#[test]
fn a_table_of_instants_and_values() {
    let text = "time,value\n2023-11-01T00:00:00Z,100\n2023-11-01T01:05:00+01:00,200.5\n2023-11-01T00:10:00Z,\n\
                2023-11-01T00:15:00Z,NaN\n1698798000,0\n1698798300000,7\n";
    let found = only(text, asked(Unit::BitsPerSec));
    let start = 1_698_796_800;
    assert_eq!(
        points(&found),
        [(start, 100.0), (start + 300, 200.5), (start + 1200, 0.0), (start + 1500, 7.0)]
    );
    assert_eq!((found.step_secs, found.gaps), (300, 2));
    assert_eq!(points(&only(text, asked(Unit::BytesPerSec)))[0], (start, 800.0));
    let end = only(text, Asked { stamp: Some(Stamp::End), ..asked(Unit::BitsPerSec) });
    assert_eq!(end.points[0].0.timestamp(), start - 300);
}

#[test]
fn grafana_writes_tables_in_several_ways() {
    let wide = "sep=,\r\n\"Time\",\"Transit, in\",out\r\n\"2023-11-01 00:00:00\",\"1\",2\r\n\"2023-11-01 00:01:00\",3,4\r\n";
    let refused = rates(wide, asked(Unit::BitsPerSec)).unwrap_err();
    assert!(refused.starts_with(":3: ") && refused.contains("--zone"), "{refused}");
    let zone = Some(chrono_tz::Europe::Berlin);
    let found = rates(wide, Asked { zone, ..asked(Unit::BitsPerSec) }).unwrap();
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("Transit, in", "out"));
    assert_eq!(points(&found[1].1), [(1_698_793_200, 2.0), (1_698_793_260, 4.0)]);
    let long = "Series;Time;Value\na;2023-11-01T00:00:00Z;1\nb;2023-11-01T00:00:00Z;2\na;2023-11-01T00:01:00Z;3\n\
                b;2023-11-01T00:01:00Z;null\n";
    let found = rates(long, Asked { step_secs: Some(60), ..asked(Unit::BitsPerSec) }).unwrap();
    assert_eq!((found[0].1.points.len(), found[1].1.points.len()), (2, 1));
    let twice = "time,value\n2023-10-29 02:30:00,1\n2023-10-29 03:30:00,1\n";
    assert!(rates(twice, Asked { zone, ..asked(Unit::BitsPerSec) }).unwrap_err().contains("comes twice"));
}

#[test]
fn what_is_not_clear_is_refused_with_its_line() {
    for (text, says) in [
        ("time,value\n0,1\n60,-5\n", ":3: -5 is negative"),
        ("time,value\n0,1\n60,1.2 Gb/s\n", ":3: must be a plain number"),
        ("time,value\n0,1\n60,inf\n", ":3: must be a plain number"),
        ("time,value\n0,1\n60,1e17\n", ":3: 100000000000000000 is more than any place has"),
        ("time,value\n0,1\nyesterday,1\n", ":3: \"yesterday\" is no instant"),
        ("time,value\n0,1\n60,1,1\n", ":3: has 3 columns"),
        ("time,value\n0,1\n60,1\n60,2\n", ":4: has another value for 1970-01-01T00:01:00Z than 3"),
        ("time,value\n0,1\n60,1\n150,2\n", ":4: comes 90 s after"),
        ("time,value\n0,1\n1,1\n2,1\n3602,1\n7202,1\n10802,1\n", ":7: comes 3600 s after"),
        ("time,value\n1704067200,1\n1704067800,1\n", ":3: 2024-01-01T00:10:00Z lies in the future"),
        ("time,value\n0,1\n", ": has one value only"),
        ("time,value\n0,1\n7,1\n", ": has steps of 7 s, which do not divide a day"),
        ("time,value\n", ": has no values"),
        ("", ": is empty"),
        ("value\n1\n", ":1: must have a column of instants"),
        ("time,a,a\n0,1,1\n", ":1: has two columns"),
        ("{\"status\":\"error\",\"error\":\"too long\"}", ": is the answer to a query that failed: too long"),
        (
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
            ": /data/resultType: ",
        ),
        ("<xport></xport>", ": is no dump of rrdtool"),
        ("[[1,2]]", ": /0: must be seconds"),
    ] {
        let refused = rates(text, asked(Unit::BitsPerSec)).unwrap_err();
        assert!(refused.starts_with(says), "{text:?}: {refused}");
    }
}

#[test]
fn equal_values_for_an_instant_count_once() {
    let found = only("time,value\n0,1\n60,2\n60,2\n120,3\n", asked(Unit::BitsPerSec));
    assert_eq!((found.points.len(), found.repeated), (3, 1));
}

#[test]
fn counters_become_rates_and_what_a_reset_hides_is_unknown() {
    let text = "time,value\n0,1000\n300,4000\n600,4000\n900,100\n1200,400\n1800,700\n";
    let found = only(text, asked(Unit::OctetsCounter));
    assert_eq!(points(&found), [(0, 80.0), (300, 0.0), (900, 8.0)]);
    assert_eq!((found.resets, found.gaps), (1, 1));
    // 2^32 - 1000, then 2000: 3000 octets.
    let wraps = "time,value\n0,4294966296\n300,2000\n600,1000\n";
    let narrow = Asked { counter_bits: 32, ..asked(Unit::OctetsCounter) };
    let found = only(wraps, narrow);
    assert_eq!((points(&found), found.resets), (vec![(0, 80.0)], 1), "a fall by little is a reset");
    assert_eq!(only(wraps, asked(Unit::OctetsCounter)).resets, 2, "64 bits do not wrap");
}

#[test]
fn readings_that_come_late_are_moved_if_the_step_is_stated() {
    let text = "time,value\n2,0\n301,2990\n603,6010\n";
    assert!(rates(text, asked(Unit::OctetsCounter)).is_err());
    let found = only(text, Asked { step_secs: Some(300), ..asked(Unit::OctetsCounter) });
    assert_eq!(points(&found), [(0, 2990.0 * 8.0 / 299.0), (300, 3020.0 * 8.0 / 302.0)]);
    let crowded = "time,value\n0,1\n100,1\n300,1\n";
    let refused = rates(crowded, Asked { step_secs: Some(300), ..asked(Unit::BitsPerSec) }).unwrap_err();
    assert!(refused.starts_with(":3: is the second value in the step"), "{refused}");
}

#[test]
fn prometheus_answers_for_the_end_of_a_step() {
    let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"x","instance":"r1","ifName":"et-0"},"values":[[60,"1"],[120.0,"NaN"],[180,"3.5"]]},
        {"metric":{},"values":[[60,"7"],[120,"8"]]}]}}"#;
    let found = rates(text, asked(Unit::BytesPerSec)).unwrap();
    assert_eq!(found[0].0, "ifName=et-0,instance=r1");
    assert_eq!(points(&found[0].1), [(0, 8.0), (120, 28.0)]);
    assert_eq!(found[1].0, "result-1");
    let negative = text.replace("\"8\"", "\"-8\"");
    assert_eq!(
        rates(&negative, asked(Unit::BytesPerSec)).unwrap_err(),
        ": /data/result/1/values/1: -8 is negative, which no traffic is"
    );
}

#[test]
fn exchanges_logs_and_series_of_traffix() {
    let found = rates("[[0,10,20,11,21],[300,30,null,0,0]]", asked(Unit::BitsPerSec)).unwrap();
    assert_eq!((found[0].0.as_str(), points(&found[0].1)), ("in", vec![(0, 10.0), (300, 30.0)]));
    assert_eq!((found[1].0.as_str(), points(&found[1].1)), ("out", vec![(0, 20.0)]));
    let series = r#"{"place":"x","direction":"out","step_secs":3600,"points":[{"start":"2023-11-01T00:00:00Z","average_bps":5}],
        "evidence":{"source":"https://x","kind":"official","observed_at":"2023-11-01T00:00:00Z","confidence":0.9}}"#;
    let found = rates(series, asked(Unit::BitsPerSec)).unwrap();
    assert_eq!((found[0].0.as_str(), found[0].1.step_secs, found[0].1.points.len()), ("out", 3600, 1));
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(
        sample in prop::sample::select(vec![
            "time,value\n0,1\n60,2\n", "[[0,1,2],[300,1,2]]",
            "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[1,\"2\"]]}]}}",
            "{\"about\":\"\",\"meta\":{\"start\":9,\"step\":300,\"legend\":[\"a\"]},\"data\":[[1],[null]]}",
            " in out\n\n1700000100: 1.0e+03 -nan\n1700000400: 1 2\n",
            "<rrd><step>300</step><lastupdate>900</lastupdate><ds><name>a</name></ds><rra><cf>AVERAGE</cf>\
             <pdp_per_row>1</pdp_per_row><database><row><v>1</v></row></database></rra></rrd>",
        ]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        unit in prop::sample::select(vec![Unit::BitsPerSec, Unit::BytesPerSec, Unit::OctetsCounter]),
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(all) = rates(&text, asked(unit)) {
            for (_, found) in all {
                prop_assert!(found.points.iter().all(|(_, bps)| (0.0..=1e16).contains(bps)));
                prop_assert!(found.points.is_sorted_by(|a, b| a.0 < b.0));
            }
        }
    }

    #[test]
    fn counters_never_give_more_than_was_counted(
        steps in prop::collection::vec((0_u64..40_000_000_000, 0_u8..10), 2..40),
        start in prop_oneof![0_u64..1000, Just(u64::from(u32::MAX) - 5_000)],
        bits in prop::sample::select(vec![32_u8, 64]),
    ) {
        // What passed in each step; the counter may begin anew in it, or its reading be lost.
        let (mut counter, mut text, mut readings) = (start, "time,value\n0,".to_owned() + &start.to_string(), vec![0]);
        let range = 1_u64 << 32;
        let short = |passed: u64| if bits == 32 { passed % 2_000_000_000 } else { passed };
        for (step, (passed, kind)) in (1..).zip(&steps) {
            counter = if *kind == 0 { short(*passed) / 1_000 } else { counter + short(*passed) };
            counter = if bits == 32 { counter % range } else { counter };
            if *kind != 1 {
                write!(text, "\n{},{counter}", step * 300).unwrap();
                readings.push(step);
            }
        }
        let asked = Asked { counter_bits: bits, step_secs: Some(300), ..asked(Unit::OctetsCounter) };
        let found = rates(&text, asked);
        prop_assume!(readings.len() > 1);
        let found = found.unwrap().remove(0).1;
        for (at, bps) in points(&found) {
            let step = usize::try_from(at / 300).unwrap();
            let (passed, kind) = steps[step];
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let want = short(passed) as f64 * 8.0 / 300.0;
            // A counter of 32 bits that began anew may look as if it had passed its end; one that grew past where it was
            // looks like any other. Both give less than a link of that counter carries.
            if kind == 0 {
                prop_assert!((0.0..4_294_967_296.0 * 8.0 / 300.0).contains(&bps));
            } else {
                prop_assert!((bps - want).abs() <= 1e-9 * want, "step {step}: {bps}, not {want}");
            }
            prop_assert!(readings.contains(&step) && readings.contains(&(step + 1)), "a gap has no value");
        }
    }
}
