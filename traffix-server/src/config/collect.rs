//! Measuring: where flows arrive, how long sums are kept, and who may read them.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counting what routers export, beside the server. Off until an address is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Collect {
    /// Addresses for `NetFlow` v5 and v9, such as `0.0.0.0:2055`. Every address understands every protocol.
    #[schemars(with = "Vec<String>")]
    pub netflow: Vec<SocketAddr>,
    /// Addresses for IPFIX, such as `0.0.0.0:4739`.
    #[schemars(with = "Vec<String>")]
    pub ipfix: Vec<SocketAddr>,
    /// Addresses for sFlow, such as `0.0.0.0:6343`.
    #[schemars(with = "Vec<String>")]
    pub sflow: Vec<SocketAddr>,
    /// The network that is measured: a file with its profile, the id of an example, or `KEY-ID/ID` for one that a key
    /// saved. Read again every minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Networks that routers export from; everybody may if empty.
    #[schemars(with = "Vec<String>")]
    pub accept: Vec<IpNet>,
    /// Threads for each address; 0 for one per processor.
    pub workers: usize,
    /// Bytes of datagrams that may wait in the kernel for each thread; more than `net.core.rmem_max` is not given.
    pub receive_buffer_bytes: usize,
    /// Length of bins in seconds; divides a day. Bins shorter than a minute are kept as minutes.
    pub step_secs: u32,
    /// Seconds after its end at which a bin is written; what comes later is added to it.
    pub grace_secs: u32,
    /// Folder for what could not be written when the server stopped; read and emptied at the next start.
    pub spool: PathBuf,
}

impl Default for Collect {
    fn default() -> Self {
        Self {
            netflow: Vec::new(),
            ipfix: Vec::new(),
            sflow: Vec::new(),
            network: None,
            accept: Vec::new(),
            workers: 0,
            receive_buffer_bytes: 16 << 20,
            step_secs: 60,
            grace_secs: 60,
            spool: "traffix-spool".into(),
        }
    }
}

impl Collect {
    /// All addresses to listen on, each once.
    pub(crate) fn listen(&self) -> Vec<SocketAddr> {
        let mut all = [self.netflow.as_slice(), &self.ipfix, &self.sflow].concat();
        all.sort_unstable();
        // Port 0 is another port every time.
        all.dedup_by(|a, b| a == b && a.port() != 0);
        all
    }
}

/// How long measurements are kept, and how finely. Days are UTC days and count back from today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days of minutes; what is older becomes bins of 5 minutes.
    pub minute_days: u32,
    /// Days of 5 minutes, those of minutes included; what is older becomes hours.
    pub five_minute_days: u32,
    /// Days in all; what is older is forgotten.
    pub hour_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        let traffix_store::Retention { minute_days, five_minute_days, hour_days } =
            traffix_store::Retention::default();
        Self { minute_days, five_minute_days, hour_days }
    }
}

impl From<Retention> for traffix_store::Retention {
    fn from(retention: Retention) -> Self {
        let Retention { minute_days, five_minute_days, hour_days } = retention;
        Self { minute_days, five_minute_days, hour_days }
    }
}

/// Who may read measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Measurements {
    /// Whether reading measurements and imported series needs no key. Off, because how much traffic a network has, from whom
    /// and over which links, is a business secret of most; the catalogue is public knowledge and open by
    /// `auth.open_reading`. A key of any role reads the measurements of all networks of the server.
    pub open_reading: bool,
}
