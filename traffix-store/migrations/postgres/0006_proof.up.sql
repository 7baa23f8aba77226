-- How good forecasts were: which were frozen before a release, what was measured then, and what it taught. Private to
-- the holders of keys, so not in the change log.

-- Marks a kept forecast as frozen. The first one of an event and a lead stays. An event is an RU on a network on the UTC
-- day of its release: a date that slips to another day makes another event. `score` is written once.
CREATE TABLE frozen (
    id          uuid PRIMARY KEY REFERENCES forecast (id),
    owner       text COLLATE "C" NOT NULL,
    network     text COLLATE "C" NOT NULL,
    ru          text COLLATE "C" NOT NULL,
    release_day timestamptz NOT NULL,
    lead        text COLLATE "C" NOT NULL,
    release_at  timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    late        boolean NOT NULL,
    score       json,
    UNIQUE (owner, network, ru, release_day, lead)
);
CREATE INDEX frozen_list ON frozen (owner, due_at, id);
CREATE INDEX frozen_open ON frozen (release_day, owner, network, ru);

-- What was measured of an event, or why it could not be.
CREATE TABLE outcome (
    owner       text COLLATE "C" NOT NULL,
    network     text COLLATE "C" NOT NULL,
    ru          text COLLATE "C" NOT NULL,
    release_day timestamptz NOT NULL,
    state       text COLLATE "C" NOT NULL,
    at          timestamptz NOT NULL,
    document    json NOT NULL,
    PRIMARY KEY (owner, network, ru, release_day)
);

-- What measured events taught about a network. Written only together with the outcome of the event that taught it.
CREATE TABLE learned (
    owner      text COLLATE "C" NOT NULL,
    network    text COLLATE "C" NOT NULL,
    rev        bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    document   json NOT NULL,
    PRIMARY KEY (owner, network)
);
