//! Parameters, and instants as both engines store them.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::types::Json;
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};
use uuid::Uuid;

use super::Net;

/// A value for a placeholder.
#[derive(Debug, Clone)]
pub(crate) enum Param {
    Bool(bool),
    Int(Option<i64>),
    Text(Option<String>),
    Json(Option<Json<Box<RawValue>>>),
    Letter(Letter),
    At(Option<Micros>),
    Bytes(Vec<u8>),
    Uuid(Uuid),
    Net(Option<Net>),
    /// A set of texts, see [`Engine::is_any_of`](super::Engine::is_any_of).
    Texts(Vec<String>),
    /// A set of numbers, likewise.
    Ints(Vec<i64>),
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Param {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Param {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Micros> for Param {
    fn from(value: Micros) -> Self {
        Self::At(Some(value))
    }
}

impl From<Option<Micros>> for Param {
    fn from(value: Option<Micros>) -> Self {
        Self::At(value)
    }
}

impl From<Option<Box<RawValue>>> for Param {
    fn from(value: Option<Box<RawValue>>) -> Self {
        Self::Json(value.map(Json))
    }
}

impl From<Box<RawValue>> for Param {
    fn from(value: Box<RawValue>) -> Self {
        Self::Json(Some(Json(value)))
    }
}

impl From<Letter> for Param {
    fn from(value: Letter) -> Self {
        Self::Letter(value)
    }
}

impl From<&[u8]> for Param {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Uuid> for Param {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

impl From<Net> for Param {
    fn from(value: Net) -> Self {
        Self::Net(Some(value))
    }
}

impl From<Option<Net>> for Param {
    fn from(value: Option<Net>) -> Self {
        Self::Net(value)
    }
}

impl From<Vec<String>> for Param {
    fn from(value: Vec<String>) -> Self {
        Self::Texts(value)
    }
}

impl From<Vec<i64>> for Param {
    fn from(value: Vec<i64>) -> Self {
        Self::Ints(value)
    }
}

/// A document kept to the letter: `json` on PostgreSQL, which stores the text as it is, where `jsonb` would turn
/// 1e16 into an integer.
#[derive(Debug, Clone)]
pub(crate) struct Letter(pub(crate) Box<RawValue>);

impl Type<Sqlite> for Letter {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Letter {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.get().to_owned(), buffer)
    }
}

impl Type<Postgres> for Letter {
    fn type_info() -> PgTypeInfo {
        // The fixed number of the type `json`; sqlx has no type that is declared so.
        PgTypeInfo::with_oid(Oid(114))
    }
}

impl PgHasArrayType for Letter {
    fn array_type_info() -> PgTypeInfo {
        // The fixed number of the type `json[]`.
        PgTypeInfo::with_oid(Oid(199))
    }
}

impl Encode<'_, Postgres> for Letter {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.get().as_bytes());
        Ok(IsNull::No)
    }
}

/// An instant in microseconds since 1970 in UTC: `timestamptz` on PostgreSQL, an integer on SQLite.
///
/// Its ends stand for "never" and "long ago"; they are infinite on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Micros(pub(crate) i64);

impl Micros {
    pub(crate) const LONG_AGO: Self = Self(i64::MIN);
    pub(crate) const NEVER: Self = Self(i64::MAX);

    /// The earliest and latest instants that documents are ordered by, the years 0 and 9999. What lies outside
    /// is moved to the nearer end, so that it stays within what both engines can hold.
    const FIRST: i64 = -62_167_219_200_000_000;
    const LAST: i64 = 253_402_300_799_999_999;

    /// PostgreSQL counts from 2000.
    const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

    pub(crate) fn instant(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.clamp(Self::FIRST, Self::LAST)).unwrap_or_default()
    }

    fn to_postgres(self) -> i64 {
        match self {
            Self::NEVER | Self::LONG_AGO => self.0,
            Self(micros) => micros - Self::POSTGRES_EPOCH,
        }
    }

    fn from_postgres(micros: i64) -> Self {
        match micros {
            i64::MAX | i64::MIN => Self(micros),
            _ => Self(micros.saturating_add(Self::POSTGRES_EPOCH)),
        }
    }
}

impl From<DateTime<Utc>> for Micros {
    fn from(instant: DateTime<Utc>) -> Self {
        Self(instant.timestamp_micros().clamp(Self::FIRST, Self::LAST))
    }
}

impl Type<Sqlite> for Micros {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for Micros {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode_by_ref(&self.0, buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Micros {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<Sqlite>>::decode(value).map(Self)
    }
}

impl Type<Postgres> for Micros {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Micros {
    fn array_type_info() -> PgTypeInfo {
        <DateTime<Utc> as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Micros {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.to_postgres(), buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Micros {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            // Parameters make every statement an extended query, whose answers are binary.
            PgValueFormat::Binary => <i64 as Decode<Postgres>>::decode(value).map(Self::from_postgres),
            PgValueFormat::Text => Err("an instant came as text".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_epoch_survive_the_way_to_postgres() {
        for micros in [i64::MIN, Micros::FIRST, -1, 0, 1, Micros::LAST, i64::MAX] {
            assert_eq!(Micros::from_postgres(Micros(micros).to_postgres()), Micros(micros));
        }
        assert_eq!(Micros(0).to_postgres(), -Micros::POSTGRES_EPOCH);
    }

    #[test]
    fn extreme_instants_move_to_the_nearer_end() {
        assert_eq!(
            Micros::from(DateTime::<Utc>::MAX_UTC).instant().to_rfc3339(),
            "9999-12-31T23:59:59.999999+00:00"
        );
        assert_eq!(Micros::from(DateTime::<Utc>::MIN_UTC), Micros(Micros::FIRST));
    }
}
