//! Corrections in words.

use super::shape::Shape;
use crate::forecast::AppliedCorrection;
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

/// How downloads divide over platforms; nothing if there are not two.
pub(super) fn platforms<'a>(mix: impl Iterator<Item = (&'a String, &'a f64)>) -> Option<AppliedCorrection> {
    let mut mix: Vec<_> = mix.collect();
    mix.sort_by(|a, b| b.1.total_cmp(a.1));
    let sum: f64 = mix.iter().map(|(_, share)| **share).sum();
    let told: Vec<String> =
        mix.iter().map(|(id, share)| format!("{id} {:.0} %", 100.0 * **share / sum)).collect();
    (told.len() > 1 && sum > 0.0).then(|| AppliedCorrection {
        effect: "platforms".to_owned(),
        factor: 1.0,
        detail: format!("Downloads divide as measured: {}", told.join(", ")),
    })
}

/// Who starts when.
pub(super) fn starts(shape: &Shape) -> AppliedCorrection {
    let sum: f64 = shape.masses.iter().sum();
    let [automatic, rush, back] = shape.masses.map(|mass| 100.0 * mass / sum);
    let hours = |seconds: f64| seconds / 3600.0;
    let curves = if shape.events == 1 { "1 curve".to_owned() } else { format!("{} curves", shape.events) };
    let (soon, late) = (hours(shape.rush.median_s), hours(shape.eta.median_s));
    AppliedCorrection {
        effect: "starts".to_owned(),
        factor: 1.0,
        detail: format!(
            "Downloads start as measured ({curves}): {automatic:.0} % by themselves, {rush:.0} % at once (scale {soon:.1} h), {back:.0} % when players come back (scale {late:.0} h)"
        ),
    }
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
