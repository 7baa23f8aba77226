//! What the platform's client does when something is new.

use serde::{Deserialize, Serialize};

use super::stated::{Provenance, Stated};

/// Client behaviour that shapes traffic, as far as somebody has written it down; absent is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Whether the client updates without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_update: Option<Stated<bool>>,
    /// When it does so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_when: Option<Stated<UpdateWhen>>,
    /// Whether titles can be downloaded before they can be played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preload: Option<Stated<bool>>,
    /// What limits the rate of a download besides the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Stated<Throttle>>,
    /// Whether clients fetch from each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_to_peer: Option<Stated<PeerToPeer>>,
}

/// When a client starts an automatic update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateWhen {
    /// As soon as it learns of it.
    AtOnce,
    /// In a window of the local night.
    NightlyWindow,
    /// Outside the local busy hours, over days; at once only for what was used lately.
    OffPeak,
    /// In waves that the platform releases over days or weeks.
    Staged,
    /// When the user starts the title or the client.
    OnLaunch,
}

/// What limits the rate of a download besides the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throttle {
    /// Nothing.
    None,
    /// A setting that users may change; off by default.
    UserLimit,
}

/// Whether clients fetch from each other, by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerToPeer {
    /// Never.
    Off,
    /// Only from devices in the same home: nothing of it crosses the access line.
    LocalNetwork,
    /// From anybody.
    Internet,
}

impl Behaviour {
    /// Every stated fact: its name, its value in words, its provenance.
    pub fn facts(&self) -> Vec<(&'static str, String, &Provenance)> {
        fn fact<'a, T: Serialize>(
            name: &'static str,
            stated: Option<&'a Stated<T>>,
        ) -> Option<(&'static str, String, &'a Provenance)> {
            let stated = stated?;
            let words = match serde_json::to_value(&stated.value).ok()? {
                serde_json::Value::String(word) => word.replace('-', " "),
                serde_json::Value::Bool(true) => "yes".to_owned(),
                serde_json::Value::Bool(false) => "no".to_owned(),
                other => other.to_string(),
            };
            Some((name, words, &stated.provenance))
        }
        [
            fact("auto update", self.auto_update.as_ref()),
            fact("update when", self.update_when.as_ref()),
            fact("preload", self.preload.as_ref()),
            fact("throttle", self.throttle.as_ref()),
            fact("peer to peer", self.peer_to_peer.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
