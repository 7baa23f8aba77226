//! ipsw.me, a volunteer service: the packages of one model, full ones and differences.

use serde::Deserialize;
use traffix_core::{Evidence, SourceKind};

use super::ID;
use super::package::UpdatePackage;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::wire::count;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    firmwares: Vec<Firmware>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Firmware {
    identifier: Option<String>,
    version: Option<String>,
    buildid: String,
    prerequisitebuildid: Option<String>,
    #[serde(deserialize_with = "count")]
    filesize: Option<u64>,
}

/// The packages over the air of the model `iPhone17,1`.
///
/// # Errors
/// [`PlatformError::NotFound`] if the service does not know the model; else as every request.
pub async fn packages_of_model(
    up: &dyn Upstream,
    model: &str,
) -> Result<Fetched<Vec<UpdatePackage>>, PlatformError> {
    let request =
        Request::get("https://api.ipsw.me/v4/device").segment(model).query("type", "ota").fresh_for(21_600);
    let found: Fetched<Answer> = Call::new(ID, "ipsw.me", up).json(request).await?;
    Ok(found.map(|found| {
        let packages = found.firmwares.into_iter().map(|firmware| UpdatePackage {
            build: firmware.buildid,
            version: firmware.version,
            from_build: firmware.prerequisitebuildid.filter(|build| !build.is_empty()),
            devices: vec![firmware.identifier.unwrap_or_else(|| model.to_owned())],
            wire_bytes: firmware.filesize.filter(|bytes| *bytes > 0),
        });
        packages.collect()
    }))
}

/// Evidence that volunteers say so.
pub(super) fn evidence<T>(fetched: &Fetched<T>) -> Evidence {
    Evidence { kind: SourceKind::Community, confidence: 0.8, ..fetched.evidence() }
}

/// The newest phone and the newest tablet among `models`: they stand for the others, whose packages differ by a few
/// percent.
pub(super) fn typical(models: &[String]) -> Vec<&str> {
    let newest = |family: &str| {
        let numbered = models.iter().filter_map(|model| {
            let (major, minor) = model.strip_prefix(family)?.split_once(',')?;
            Some(((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?), model.as_str()))
        });
        numbered.max().map(|(_, model)| model)
    };
    ["iPhone", "iPad"].into_iter().filter_map(newest).collect()
}
