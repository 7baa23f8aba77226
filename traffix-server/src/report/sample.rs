//! The picture of the documentation, made by the program itself.

use traffix_core::outlook::outlook;

use crate::bundled::bundled;
use crate::planning;
use crate::plot::SvgOptions;

/// The outlook of the largest example network on 1 November 2023: Fortnite OG and the preload of Modern Warfare III
/// ahead of time. The same as `traffix outlook example-uk-cable --at 2023-11-01T00:00Z --plot FILE`.
///
/// # Errors
/// If the bundled data has no network, or the model refuses it.
pub fn sample_svg() -> Result<String, String> {
    let bundled = bundled()?;
    let network = bundled.networks.first().ok_or("no example network is bundled")?;
    let now = "2023-11-01T00:00:00Z".parse().map_err(|error| format!("{error}"))?;
    let until = "2023-11-15T00:00:00Z".parse().map_err(|error| format!("{error}"))?;
    let rus = planning::upcoming_of(&bundled.rus, now, until);
    let (question, _) = planning::outlook_input(&rus, network, now, 14);
    let answer = outlook(&question).map_err(|error| error.to_string())?;
    Ok(super::outlook_chart(&question, &answer, now).to_svg(&SvgOptions::default()))
}
