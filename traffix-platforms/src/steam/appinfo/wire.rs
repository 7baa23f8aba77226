//! Reading the tree: every figure is a text, some members have two shapes.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Branch, Depot, DepotTree, Manifest};
use crate::wire::instant;

/// A count as number or text, read without an intermediate copy: trees have thousands of them.
#[derive(Clone, Copy)]
struct Count(Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count, as number or text")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(Some(number)))
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Count, E> {
                Ok(Count(Some(flag.into())))
            }

            fn visit_unit<E: Error>(self) -> Result<Count, E> {
                Ok(Count(None))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Count, E> {
                match text.trim() {
                    "" => Ok(Count(None)),
                    digits => digits.parse().map(|number| Count(Some(number))).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Count::deserialize(deserializer).map(|count| count.0)
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(number(deserializer)?.and_then(instant))
}

/// `1` or `true`; everything else, and absence, is no.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(number(deserializer)? == Some(1))
}

/// A text that is absent if it is empty.
pub(super) fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Names with their roles, by a running number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Associations(BTreeMap<String, Association>);

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
struct Association {
    #[serde(rename = "type")]
    role: String,
    name: String,
}

impl Associations {
    pub(super) fn names(&self, role: &str) -> Vec<String> {
        self.0
            .values()
            .filter(|one| one.role == role && !one.name.is_empty())
            .map(|one| one.name.clone())
            .collect()
    }
}

/// The member `depots` mixes depots, by number, with members of other kinds.
impl<'de> Deserialize<'de> for DepotTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = DepotTree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("depots by number")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DepotTree, A::Error> {
                let mut tree = DepotTree::default();
                while let Some(key) = map.next_key::<TreeKey>()? {
                    match key {
                        TreeKey::Depot(id) => {
                            drop(tree.depots.insert(id, map.next_value::<DepotWire>()?.into()));
                        }
                        TreeKey::Branches => tree.branches = map.next_value::<BTreeMap<String, Branch>>()?,
                        TreeKey::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(tree)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// What a member of `depots` is, by its name.
enum TreeKey {
    Depot(u32),
    Branches,
    Other,
}

impl<'de> Deserialize<'de> for TreeKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = TreeKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a depot or another name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<TreeKey, E> {
                Ok(match name.parse() {
                    Ok(id) => TreeKey::Depot(id),
                    Err(_) if name == "branches" => TreeKey::Branches,
                    Err(_) => TreeKey::Other,
                })
            }
        }
        deserializer.deserialize_identifier(Reader)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DepotWire {
    config: ConfigWire,
    manifests: BTreeMap<String, Manifest>,
    #[serde(deserialize_with = "number")]
    dlcappid: Option<u64>,
    #[serde(deserialize_with = "number")]
    depotfromapp: Option<u64>,
    #[serde(deserialize_with = "number")]
    sharedinstall: Option<u64>,
    #[serde(deserialize_with = "number")]
    maxsize: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigWire {
    #[serde(deserialize_with = "word")]
    oslist: Option<String>,
    #[serde(deserialize_with = "word")]
    osarch: Option<String>,
    #[serde(deserialize_with = "word")]
    language: Option<String>,
    #[serde(deserialize_with = "flag")]
    lowviolence: bool,
}

impl From<DepotWire> for Depot {
    fn from(wire: DepotWire) -> Self {
        Self {
            systems: wire.config.oslist,
            word_bits: wire.config.osarch,
            language: wire.config.language,
            low_violence: wire.config.lowviolence,
            dlc: wire.dlcappid,
            from_app: wire.depotfromapp,
            shared: wire.sharedinstall.is_some_and(|shared| shared != 0),
            max_disk_bytes: wire.maxsize,
            manifests: wire.manifests,
        }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum ManifestKey {
    Gid,
    Download,
    Size,
    #[serde(other)]
    Other,
}

/// A manifest is an object; in older trees it is only its number.
impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Manifest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a manifest, as object or number")
            }

            fn visit_u64<E: Error>(self, gid: u64) -> Result<Manifest, E> {
                Ok(Manifest { gid, wire_bytes: None, disk_bytes: None })
            }

            fn visit_str<E: Error>(self, gid: &str) -> Result<Manifest, E> {
                gid.parse().map_err(E::custom).and_then(|gid| self.visit_u64(gid))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Manifest, A::Error> {
                let (mut gid, mut wire_bytes, mut disk_bytes) = (None, None, None);
                while let Some(key) = map.next_key::<ManifestKey>()? {
                    match key {
                        ManifestKey::Gid => gid = map.next_value::<Count>()?.0,
                        ManifestKey::Download => wire_bytes = map.next_value::<Count>()?.0,
                        ManifestKey::Size => disk_bytes = map.next_value::<Count>()?.0,
                        ManifestKey::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                let gid = gid.ok_or_else(|| A::Error::missing_field("gid"))?;
                Ok(Manifest { gid, wire_bytes, disk_bytes })
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
