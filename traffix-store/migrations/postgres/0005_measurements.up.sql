-- Measurements: sums of bytes. None of it is in the change log.

-- Whoever writes measurements of a network writes its row first, so writers of one network take turns.
CREATE TABLE measured_network (
    key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id        text COLLATE "C" NOT NULL UNIQUE,
    -- The newest bin, in seconds since 1970, of all batches whose identifiers are forgotten.
    forgotten bigint
);

-- The batches that were added. `newest` is the start of the newest bin in seconds since 1970.
CREATE TABLE measured_batch (
    id      text COLLATE "C" PRIMARY KEY,
    network bigint NOT NULL REFERENCES measured_network (key),
    at      timestamptz NOT NULL,
    newest  bigint,
    sha256  bytea NOT NULL
);
CREATE INDEX measured_batch_age ON measured_batch (network, at);

-- What is counted. An empty text is an unknown platform, CDN or link.
CREATE TABLE measured_series (
    key      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    network  bigint NOT NULL REFERENCES measured_network (key),
    platform text COLLATE "C" NOT NULL,
    cdn      text COLLATE "C" NOT NULL,
    link     text COLLATE "C" NOT NULL,
    UNIQUE (network, platform, cdn, link)
);

-- A day of a network, counted from 1970 in UTC: the greatest common divisor and the least common multiple of the
-- steps that its bytes are kept at, a bit for each minute that was watched, the lowest first, and the bytes of every
-- series by the hour, packed, of all whose step divides an hour. An hour's bytes are there for good; those of shorter
-- bins are in `measured_bytes` beside them, for as long as they are kept.
CREATE TABLE measured_day (
    network     bigint NOT NULL REFERENCES measured_network (key),
    day         bigint NOT NULL,
    fine_secs   bigint NOT NULL CHECK (fine_secs > 0),
    coarse_secs bigint NOT NULL CHECK (coarse_secs > 0),
    minutes     bytea  NOT NULL,
    hours       bytea  NOT NULL,
    PRIMARY KEY (network, day)
);

-- Bytes of a series on a day in bins of one step, packed. A sum takes what divides an hour either from here or from
-- the hours, and everything else from here, so it counts nothing twice.
CREATE TABLE measured_bytes (
    network   bigint NOT NULL,
    day       bigint NOT NULL,
    step_secs bigint NOT NULL CHECK (step_secs > 0),
    series    bigint NOT NULL REFERENCES measured_series (key),
    points    bytea  NOT NULL,
    PRIMARY KEY (network, day, step_secs, series),
    FOREIGN KEY (network, day) REFERENCES measured_day (network, day)
);
-- The numbers are packed already: compressing them again costs time and gains nothing.
ALTER TABLE measured_day ALTER COLUMN hours SET STORAGE EXTERNAL;
ALTER TABLE measured_bytes ALTER COLUMN points SET STORAGE EXTERNAL;
