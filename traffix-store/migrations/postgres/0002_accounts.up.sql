-- What belongs to the holders of keys. Not part of the catalogue, so not in the change log.

-- Documents that the store never looks into are `json`, which keeps them to the letter; `jsonb` would turn
-- 1e16 into an integer, and a kept forecast must be repeatable.
CREATE TABLE network (
    owner      text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    rev        bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    profile    json NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE forecast (
    id            uuid PRIMARY KEY,
    owner         text COLLATE "C" NOT NULL,
    ru            text COLLATE "C" NOT NULL,
    network       text COLLATE "C" NOT NULL,
    made_at       timestamptz NOT NULL,
    model_version text NOT NULL,
    input         json NOT NULL,
    output        json NOT NULL
);
CREATE INDEX forecast_list ON forecast (owner, ru, made_at, id);

CREATE TABLE api_key (
    id            text COLLATE "C" PRIMARY KEY,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    name          text NOT NULL,
    role          text COLLATE "C" NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz
);

CREATE TABLE remembered_answer (
    owner           text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    request_sha256  bytea NOT NULL CHECK (length(request_sha256) = 32),
    answer          bytea NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (owner, idempotency_key)
);
CREATE INDEX remembered_answer_at ON remembered_answer (at);
