//! What the update service would offer to one device.
//!
//! Known from watching devices: it may change without notice. The answer is signed by Apple; the signature is not
//! checked here, so the sizes are as trustworthy as the connection.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::ID;
use super::package::UpdatePackage;
use super::property_list::Assets;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream};

/// The audience of everybody who is in no beta programme, on phones and tablets.
pub const IOS_AUDIENCE: &str = "01c1d682-6e8f-4908-b724-5501fe3f5e5c";

/// A device that looks for updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Model: `iPhone17,1`.
    pub product_type: String,
    /// Board: `D93AP`.
    pub board: String,
    /// Version that it runs.
    pub version: String,
    /// Build that it runs.
    pub build: String,
}

/// The packages that `device` is offered, for the audience of its system.
///
/// # Errors
/// As every request; [`PlatformError::Malformed`] if the answer is no signed list.
pub async fn offers(
    up: &dyn Upstream,
    device: &Device,
    audience: &str,
) -> Result<Fetched<Vec<UpdatePackage>>, PlatformError> {
    let call = Call::new(ID, "assets", up);
    let request = Request::get("https://gdmf.apple.com/v2/assets").post_json(&json!({
        "ClientVersion": 2,
        "AssetType": "com.apple.MobileAsset.SoftwareUpdate",
        "AssetAudience": audience,
        "ProductType": device.product_type,
        "HWModelStr": device.board,
        "ProductVersion": device.version,
        "BuildVersion": device.build,
    }));
    let fetched = call.bytes(request).await?;
    let payload = payload(&fetched.value).ok_or_else(|| call.malformed("payload", "not a signed list"))?;
    let assets: Assets = call.parse_json(&payload)?;
    Ok(fetched.map(|_| assets.assets.into_iter().map(UpdatePackage::from).collect()))
}

/// The middle of `header.payload.signature`.
pub(super) fn payload(token: &[u8]) -> Option<Vec<u8>> {
    let mut parts = token.trim_ascii().split(|byte| *byte == b'.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then(|| BASE64_URL_SAFE_NO_PAD.decode(payload).ok())?
}
