//! Corrections in words.

use crate::forecast::math::normal_quantile;

/// What one effect says: `h` is how much it bears on the forecast, mean and sd are those of the effect's log.
pub(super) fn detail(name: &str, events: u32, (h, mean, sd): (f64, f64, f64)) -> String {
    let subject = match name.split_once(':') {
        Some(("network", id)) => format!("Events on network {id}"),
        Some(("franchise", id)) => format!("Events of {id}"),
        Some(("platform", id)) => format!("Downloads on {id}"),
        Some(("kind", id)) => format!("Events of kind {id}"),
        _ => "Measured events in general".to_owned(),
    };
    let reach = normal_quantile(0.9) * sd;
    let (low, high) = (libm::exp(mean - reach), libm::exp(mean + reach));
    let middle = libm::exp(mean);
    let part = if (h - 1.0).abs() > 0.005 {
        format!(", which count {:.0} % here", 100.0 * h)
    } else {
        String::new()
    };
    let events = if events == 1 { "1 event".to_owned() } else { format!("{events} events") };
    format!(
        "{subject} came out {middle:.2} times as high as priors alone say ({low:.2} to {high:.2} with 80 %, {events}){part}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_in_words() {
        assert_eq!(
            detail("franchise:cod", 2, (1.0, 0.2, 0.1)),
            "Events of cod came out 1.22 times as high as priors alone say (1.07 to 1.39 with 80 %, 2 events)"
        );
        assert!(detail("platform:xbox", 1, (0.27, 0.0, 0.2)).ends_with("1 event), which count 27 % here"));
    }
}
