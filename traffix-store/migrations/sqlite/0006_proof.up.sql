-- How good forecasts were: which were frozen before a release, what was measured then, and what it taught. Private to
-- the holders of keys, so not in the change log.

-- Marks a kept forecast as frozen. The first one of an event and a lead stays. An event is an RU on a network on the UTC
-- day of its release: a date that slips to another day makes another event. `score` is written once.
CREATE TABLE frozen (
    id          BLOB    PRIMARY KEY REFERENCES forecast (id),
    owner       TEXT    NOT NULL,
    network     TEXT    NOT NULL,
    ru          TEXT    NOT NULL,
    release_day INTEGER NOT NULL,
    lead        TEXT    NOT NULL,
    release_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    late        INTEGER NOT NULL CHECK (late IN (0, 1)),
    score       TEXT,
    UNIQUE (owner, network, ru, release_day, lead)
) STRICT;
CREATE INDEX frozen_list ON frozen (owner, due_at, id);
CREATE INDEX frozen_open ON frozen (release_day, owner, network, ru);

-- What was measured of an event, or why it could not be.
CREATE TABLE outcome (
    owner       TEXT    NOT NULL,
    network     TEXT    NOT NULL,
    ru          TEXT    NOT NULL,
    release_day INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    document    TEXT    NOT NULL,
    PRIMARY KEY (owner, network, ru, release_day)
) STRICT, WITHOUT ROWID;

-- What measured events taught about a network. Written only together with the outcome of the event that taught it.
CREATE TABLE learned (
    owner      TEXT    NOT NULL,
    network    TEXT    NOT NULL,
    rev        INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    PRIMARY KEY (owner, network)
) STRICT, WITHOUT ROWID;
