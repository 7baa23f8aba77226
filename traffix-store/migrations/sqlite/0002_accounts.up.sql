-- What belongs to the holders of keys. Not part of the catalogue, so not in the change log.

CREATE TABLE network (
    owner      TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    rev        INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    profile    TEXT    NOT NULL,
    PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE forecast (
    id            BLOB    PRIMARY KEY,
    owner         TEXT    NOT NULL,
    ru            TEXT    NOT NULL,
    network       TEXT    NOT NULL,
    made_at       INTEGER NOT NULL,
    model_version TEXT    NOT NULL,
    input         TEXT    NOT NULL,
    output        TEXT    NOT NULL
) STRICT;
CREATE INDEX forecast_list ON forecast (owner, ru, made_at, id);

CREATE TABLE api_key (
    id            TEXT    PRIMARY KEY,
    secret_sha256 BLOB    NOT NULL CHECK (length(secret_sha256) = 32),
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER
) STRICT;

CREATE TABLE remembered_answer (
    owner          TEXT    NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_sha256 BLOB    NOT NULL CHECK (length(request_sha256) = 32),
    answer         BLOB    NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (owner, idempotency_key)
) STRICT;
CREATE INDEX remembered_answer_at ON remembered_answer (at);
