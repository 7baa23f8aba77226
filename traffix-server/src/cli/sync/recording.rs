//! Where answers come from: the network, with or without a recorder, or a recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Timelike as _, Utc};
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{PlatformId, Region};
use traffix_platforms::Platform;
use traffix_platforms::upstream::{Replay, Upstream};

use crate::cli::Failure;
use crate::config::Config;
use crate::jobs::{self, Plan};

/// Beside a recording: for which question its lists are the answer.
const SAMPLES_FILE: &str = "samples.toml";

/// Where answers come from.
pub(super) enum Source {
    Network { record: Option<PathBuf> },
    Recording { folder: PathBuf, replay: Arc<Replay>, newest: Option<DateTime<Utc>> },
}

/// The part of `samples.toml` that concerns lists. Other tables in it are for tests.
#[derive(Serialize, Deserialize)]
struct Samples {
    discover: Option<Window>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    now: toml::value::Datetime,
    from: toml::value::Datetime,
    until: toml::value::Datetime,
    region: Region,
}

impl Source {
    pub(super) fn new(replay: Option<&Path>, record: Option<&Path>) -> Result<Self, Failure> {
        let Some(folder) = replay else {
            return Ok(Self::Network { record: record.map(Path::to_owned) });
        };
        let (replay, newest) = jobs::replay(folder)
            .map_err(|error| Failure::usage(error).hint("a recording is a folder with a cassette.toml"))?;
        Ok(Self::Recording { folder: folder.to_owned(), replay: Arc::new(replay), newest })
    }

    /// The newest instant of a recording.
    pub(super) fn newest(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Network { .. } => None,
            Self::Recording { newest, .. } => *newest,
        }
    }

    /// The way to ask a source.
    pub(super) fn open(&self, config: &Config, id: &PlatformId) -> Result<Arc<dyn Upstream>, Failure> {
        match self {
            Self::Network { record } => {
                Ok(jobs::connect(config, id, record.as_deref()).map_err(Failure::usage)?.up)
            }
            Self::Recording { replay, .. } => Ok(Arc::clone(replay) as Arc<dyn Upstream>),
        }
    }

    /// The way to ask a platform, and the plan with the question that a recording answers.
    pub(super) fn connect(
        &self,
        config: &Config,
        platform: &dyn Platform,
        plan: &Plan,
    ) -> Result<(Arc<dyn Upstream>, Plan), Failure> {
        let mut plan = plan.clone();
        let id = platform.id();
        match self {
            Self::Network { record } => {
                if record.is_some() {
                    plan.now = plan.now.with_nanosecond(0).unwrap_or(plan.now);
                }
                if let Some(folder) = record {
                    remember(&folder.join(id.as_str()), &plan)?;
                }
            }
            Self::Recording { folder, .. } => {
                if let Some(window) = window(folder, id.as_str())? {
                    plan.back = window.now - window.from;
                    plan.ahead = window.until - window.now;
                    plan.listed_at = window.now;
                    plan.region = window.region;
                }
            }
        }
        Ok((self.open(config, &id)?, plan))
    }
}

/// What the lists of a recording were asked for.
struct Asked {
    now: DateTime<Utc>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    region: Region,
}

/// Looks beside the recording of a platform, in the layouts of a record and of a source checkout.
fn window(folder: &Path, platform: &str) -> Result<Option<Asked>, Failure> {
    let own = folder.file_name().is_some_and(|name| name == platform);
    let below = |folder: &Path| [folder.join("fixtures").join(SAMPLES_FILE), folder.join(SAMPLES_FILE)];
    let mut places = below(&folder.join(platform)).to_vec();
    if own {
        places.extend(below(folder));
    }
    let Some(path) = places.iter().find(|path| path.is_file()) else { return Ok(None) };
    let wrong = |detail: String| Failure::usage(format_args!("{}: {detail}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let samples: Samples = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let instant = |at: &toml::value::Datetime| {
        at.to_string().parse::<DateTime<Utc>>().map_err(|error| wrong(format!("{at}: {error}")))
    };
    let Some(asked) = samples.discover else { return Ok(None) };
    let (now, from, until) = (instant(&asked.now)?, instant(&asked.from)?, instant(&asked.until)?);
    Ok(Some(Asked { now, from, until, region: asked.region }))
}

/// Writes down for which question the lists are recorded.
fn remember(folder: &Path, plan: &Plan) -> Result<(), Failure> {
    let path = folder.join(SAMPLES_FILE);
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format_args!("cannot write {}: {error}", path.display()))
    };
    let instant = |at: DateTime<Utc>| {
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            .parse()
            .map_err(|error: toml::value::DatetimeParseError| failed(&error))
    };
    let now = plan.listed_at;
    let discover = Window {
        now: instant(now)?,
        from: instant(now - plan.back)?,
        until: instant(now + plan.ahead)?,
        region: plan.region.clone(),
    };
    let text = toml::to_string(&Samples { discover: Some(discover) }).map_err(|error| failed(&error))?;
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    std::fs::write(&path, text).map_err(|error| failed(&error))
}
