use proptest::prelude::*;

use super::*;
use crate::testing::{answer, damage, recorded, run};

const FIXTURES: &str = "sources/peeringdb/fixtures";

#[test]
fn a_network_with_its_ports() {
    let fetched = run(network_with_ports(&recorded(FIXTURES), Asn(1213))).unwrap();
    let (network, ports) = fetched.value;
    assert_eq!((network.id, network.name.as_str()), (1700, "Asiera"));
    assert_eq!(network.traffic.as_deref(), Some("100-200Gbps"));
    assert_eq!(network.ratio.as_deref(), Some("Mostly Inbound"));
    assert_eq!((network.ipv4_prefixes, network.ipv6_prefixes), (Some(30), Some(10)));
    let expected = [(48, Some(200_000_000_000)), (387, Some(200_000_000_000)), (1262, Some(10_000_000_000))];
    assert_eq!(capacity_bps(&ports), BTreeMap::from(expected));
    assert_eq!((ports[2].lan, ports[2].name.as_deref()), (Some(1262), Some("INEX Cork: Peering LAN")));
}

#[test]
fn networks_in_bulk() {
    let up = recorded(FIXTURES);
    let networks = run(networks(&up, &[Asn(10745)])).unwrap().value;
    assert_eq!((networks[0].asn, networks[0].kind.as_deref()), (Asn(10745), Some("Cable/DSL/ISP")));
    assert_eq!(networks[0].traffic, None);
}

#[test]
fn exchanges_without_contacts() {
    let all = run(exchanges(&recorded(FIXTURES), &[1, 2])).unwrap().value;
    assert_eq!(all[0].name, "Equinix Ashburn");
    assert_eq!(all[0].country.as_ref().unwrap().as_str(), "US");
    assert_eq!((all[0].networks, all[0].statistics_url.as_deref()), (Some(343), None));
}

#[test]
fn ports_and_lans_as_documented() {
    let up = recorded(FIXTURES);
    let ports = run(ports(&up, &[Asn(1213), Asn(2906)])).unwrap().value;
    // One port is out of use, one does not say its speed.
    assert_eq!(capacity_bps(&ports), BTreeMap::from([(48, Some(300_000_000_000)), (387, None)]));
    let lans = run(lans(&up, &[48])).unwrap().value;
    assert_eq!(lans, [Lan { id: 48, exchange: 48, name: None }]);
}

#[test]
fn odd_answers_are_typed() {
    let url = "https://www.peeringdb.com/api/net?asn=7";
    let ask = |status, body: &'static str| run(network_with_ports(&answer(url, status, body), Asn(7)));
    let missing = PlatformError::NotFound { platform: ID, id: "AS7".into() };
    assert_eq!(ask(200, r#"{"data":[]}"#), Err(missing));
    for body in ["", "<html>", "{}", "[]", r#"{"data":[{"id":1}]}"#, r#"{"data":[{"id":1,"asn":-1}]}"#] {
        assert!(matches!(ask(200, body), Err(PlatformError::Malformed { .. })), "{body}");
    }
    assert!(ask(429, "").unwrap_err().is_retryable());
    assert_eq!(numbers(0..1_000).split(',').count(), MAX_PER_REQUEST);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
        let up = damage.replay(FIXTURES);
        if let Ok(fetched) = run(network_with_ports(&up, Asn(1213))) {
            let _ = capacity_bps(&fetched.value.1);
        }
        let _ = (run(exchanges(&up, &[1, 2])), run(networks(&up, &[Asn(10745)])), run(lans(&up, &[48])));
        if let Ok(fetched) = run(ports(&up, &[Asn(1213), Asn(2906)])) {
            let _ = capacity_bps(&fetched.value);
        }
    }
}
