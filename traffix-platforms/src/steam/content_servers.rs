//! Which servers Steam offers to a network: its own caches, caches inside operators, third-party CDNs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use traffix_core::catalogue::Region;
use traffix_core::delivery::{Assertion, EvidenceKind, HostPattern, PartialDate, Role, Status, Tenancy};

use super::api::web_api;
use super::wire::{ContentServer, Enveloped, SteamPipe};
use super::{ID, PROFILE};
use crate::upstream::{Call, Upstream};
use crate::{PlatformError, Vantage};

/// Servers asked for; a client asks for as many.
const SERVERS: u32 = 20;
/// The address is left out of the source: it may be a customer's.
const SOURCE: &str = "https://api.steampowered.com/IContentServerDirectoryService/GetServersForSteamPipe/v1/";
/// How sure it is that a Steam cache under a foreign name stands inside an operator. Assumed.
const EMBEDDED_CONFIDENCE: f64 = 0.6;

/// The servers offered to the address in `from`, each once. Without an address, Steam offers what suits the address that
/// asks, whatever region was meant: then the assertions say no region.
pub(super) async fn delivery(up: &dyn Upstream, from: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
    let call = Call::new(ID, "GetServersForSteamPipe", up);
    let mut request = web_api("IContentServerDirectoryService/GetServersForSteamPipe/v1")
        .query("cell_id", 0)
        .query("max_servers", SERVERS)
        .fresh_for(3600);
    if let Some(address) = from.address {
        request = request.query("ip_override", address);
    }
    let answer = call.json::<Enveloped<SteamPipe>>(request).await?;
    let region = from.address.and(Some(&from.region)).filter(|region| **region != Region::WORLD);
    let mut assertions = BTreeMap::new();
    for (index, server) in answer.value.response.servers.iter().enumerate() {
        let at = || format!("response.servers[{index}].host");
        let assertion = server
            .assertion(answer.observed_at, region)
            .ok_or_else(|| call.malformed(at(), format!("{:?} is no host", server.host)))?;
        assertions.entry(server.host.to_ascii_lowercase()).or_insert(assertion);
    }
    Ok(assertions.into_values().collect())
}

impl ContentServer {
    fn assertion(&self, seen: DateTime<Utc>, region: Option<&Region>) -> Option<Assertion> {
        let name = without_port(&self.host);
        let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        let host = match address {
            Some(_) => None,
            None => Some(name.parse::<HostPattern>().ok().filter(HostPattern::is_exact)?),
        };
        let (role, known) = self.role(name);
        let evidence = EvidenceKind::Official;
        let certain = known.is_some() || role != Role::EmbeddedCache;
        let china: Region = "CN".parse().ok()?;
        Some(Assertion {
            platform: Some(ID),
            cdn: known.and_then(|known| known.cdn.clone()),
            asn: known.and_then(|known| known.asn),
            prefix: address.map(IpNet::from),
            role,
            tenancy: tenancy(role),
            region: if self.steam_china_only { Some(china) } else { region.cloned() },
            site: site(name).map(str::to_owned),
            status: Status::Current,
            evidence,
            source: Arc::from(SOURCE),
            observed: Some(PartialDate::day(seen.date_naive())),
            valid_from: None,
            valid_until: None,
            confidence: if certain { evidence.confidence() } else { EMBEDDED_CONFIDENCE },
            share_hint: self.share(),
            note: Some(self.note(name)),
            host,
        })
    }

    /// What the server is to Steam, and the assertion of the profile that knows its name. Steam says which kind it
    /// is; a name alone decides nothing: a CDN is never taken for Valve because it is below `steamcontent.com`.
    fn role(&self, name: &str) -> (Role, Option<&'static Assertion>) {
        match self.kind.as_str() {
            "SteamCache" => match known(name, Role::Origin) {
                Some(own) => (Role::Origin, Some(own)),
                None if below(name, "steamserver.net") => (Role::Origin, None),
                None => (Role::EmbeddedCache, None),
            },
            "OpenCache" => (Role::EmbeddedCache, known(name, Role::EmbeddedCache)),
            _ => (Role::Cdn, known(name, Role::Cdn)),
        }
    }

    fn share(&self) -> Option<Arc<str>> {
        let load = self.weighted_load.map(|load| format!("weighted load {load}"));
        let entries =
            self.num_entries_in_client_list.map(|count| format!("{count} entries in the client's list"));
        let said: Vec<String> = load.into_iter().chain(entries).collect();
        (!said.is_empty()).then(|| said.join(", ").into())
    }

    fn note(&self, name: &str) -> Arc<str> {
        let mut said = vec![format!("offered as {}", clean(&self.kind))];
        said.extend(
            self.vhost
                .as_deref()
                .filter(|vhost| *vhost != name)
                .map(|vhost| format!("asked for as {}", clean(vhost))),
        );
        said.extend((self.https_support.as_deref() == Some("none")).then(|| "HTTP only".to_owned()));
        if !self.allowed_app_ids.is_empty() {
            let apps: Vec<String> = self.allowed_app_ids.iter().take(20).map(u32::to_string).collect();
            said.push(format!("for the apps {} only", apps.join(", ")));
        }
        said.join("; ").into()
    }
}

/// The most specific current assertion of the profile about this name in this role that names a CDN.
fn known(name: &str, role: Role) -> Option<&'static Assertion> {
    let of_role =
        PROFILE.assertions.iter().filter(|known| known.role == role && known.status == Status::Current);
    let named = of_role
        .filter(|known| known.cdn.is_some() && known.host.as_ref().is_some_and(|host| host.matches(name)));
    named.max_by_key(|known| {
        known.host.as_ref().map(|host| (host.is_exact(), host.suffix().is_none(), host.as_str().len()))
    })
}

fn tenancy(role: Role) -> Tenancy {
    match role {
        Role::Origin => Tenancy::Dedicated,
        Role::Cdn => Tenancy::Shared,
        Role::EmbeddedCache => Tenancy::Embedded,
    }
}

fn below(name: &str, domain: &str) -> bool {
    name.to_ascii_lowercase().strip_suffix(domain).is_some_and(|labels| labels.ends_with('.'))
}

/// The site in `cache7-fra1.steamcontent.com` and `ext1-fra1.steamserver.net`.
fn site(name: &str) -> Option<&str> {
    let (label, _) = name.split_once('.')?;
    let (server, site) = label.split_once('-')?;
    let numbered = ["cache", "ext"].iter().any(|kind| {
        server
            .strip_prefix(kind)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    });
    let code =
        (1..=8).contains(&site.len()) && site.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (numbered && code).then_some(site)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some((name, _)) if name.ends_with(']') => name,
        _ => host,
    }
}

/// A word of a stranger, short and printable.
fn clean(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}
