//! Host patterns: parsed as written or refused, and they match what they say.
//!
//! Input: a pattern and a name in lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use traffix_core::delivery::HostPattern;

fuzz_target!(|input: &str| {
    let (pattern, host) = input.split_once('\n').unwrap_or((input, ""));
    let Ok(parsed) = pattern.parse::<HostPattern>() else { return };
    let again: HostPattern = parsed.as_str().parse().expect("what was parsed parses");
    assert_eq!(parsed, again);
    assert_eq!(parsed.matches(host), parsed.matches(&host.to_ascii_uppercase()));
    if parsed.is_exact() {
        assert!(parsed.matches(parsed.as_str()));
        assert!(!parsed.matches(host) || host.trim_end_matches('.').eq_ignore_ascii_case(parsed.as_str()));
    }
    if let Some(suffix) = parsed.suffix() {
        assert!(!parsed.matches(suffix), "the suffix itself is not below it");
        let below = format!("a.{suffix}");
        assert!(below.len() > 253 || suffix.contains('*') || parsed.matches(&below));
    }
});
