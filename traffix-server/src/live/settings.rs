//! From settings to readers of logs.

use traffix_telemetry::access_log::{Clients, Follower, Format, Limits, Reader, Reading};

use crate::ServeError;
use crate::config::{AccessLog, Config};

/// Checks the access logs of a configuration.
///
/// # Errors
/// If a site has no name, an unprintable one or another's, or a setting is none.
pub(super) fn check(config: &Config) -> Result<(), ServeError> {
    for (i, log) in config.access_log.iter().enumerate() {
        let wrong = |detail: &str| ServeError::Config(format!("access_log {:?}: {detail}", log.site));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if log.site.is_empty() || log.site.len() > 100 || !log.site.chars().all(plain) {
            return Err(wrong("site must be 1 to 100 letters, digits, dots, hyphens and underscores"));
        }
        if config.access_log[..i].iter().any(|other| other.site == log.site) {
            return Err(wrong("is there twice: name several files of one site by a pattern"));
        }
        if log.path.file_name().is_none() {
            return Err(wrong("path must name a file or a pattern of files"));
        }
        format(log)?;
        zone(log)?;
    }
    Ok(())
}

fn format(log: &AccessLog) -> Result<Option<Format>, ServeError> {
    let Some(name) = log.format.as_deref().filter(|name| *name != "auto") else { return Ok(None) };
    let known = || Format::ALL.map(Format::name).join(", ");
    let wrong =
        || ServeError::Config(format!("access_log {:?}: format must be one of {}", log.site, known()));
    Format::named(name).map(Some).ok_or_else(wrong)
}

fn zone(log: &AccessLog) -> Result<chrono_tz::Tz, ServeError> {
    let Some(name) = &log.time_zone else { return Ok(chrono_tz::UTC) };
    let wrong = |_| ServeError::Config(format!("access_log {:?}: {name:?} is no time zone", log.site));
    name.parse().map_err(wrong)
}

/// A reader of the logs of one site, at their start or end.
///
/// # Errors
/// As [`check`].
pub(super) fn reader(
    config: &Config,
    log: &AccessLog,
    resume: impl FnOnce(Follower) -> Follower,
) -> Result<Reader, ServeError> {
    let mut clients = Clients::default();
    for network in &config.live.internal {
        clients = clients.internal(*network);
    }
    // A proxy does not ask itself: its own addresses are those of the machine that it runs on.
    for other in config.access_log.iter().filter(|other| other.site != log.site) {
        for address in &other.addresses {
            clients = clients.proxy(&other.site, *address);
        }
    }
    let follower = Follower::new(vec![log.path.clone()], log.history, Limits::default());
    Ok(Reader::new(resume(follower), format(log)?, Reading { clients, zone: zone(log)? }))
}
