-- Measurements: sums of bytes. None of it is in the change log.

-- Whoever writes measurements of a network writes its row first, so writers of one network take turns.
CREATE TABLE measured_network (
    key       INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    -- The newest bin, in seconds since 1970, of all batches whose identifiers are forgotten.
    forgotten INTEGER
) STRICT;

-- The batches that were added. `newest` is the start of the newest bin in seconds since 1970.
CREATE TABLE measured_batch (
    id      TEXT    PRIMARY KEY,
    network INTEGER NOT NULL REFERENCES measured_network (key),
    at      INTEGER NOT NULL,
    newest  INTEGER,
    sha256  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX measured_batch_age ON measured_batch (network, at);

-- What is counted. An empty text is an unknown platform, CDN or link.
CREATE TABLE measured_series (
    key      INTEGER PRIMARY KEY,
    network  INTEGER NOT NULL REFERENCES measured_network (key),
    platform TEXT    NOT NULL,
    cdn      TEXT    NOT NULL,
    link     TEXT    NOT NULL,
    UNIQUE (network, platform, cdn, link)
) STRICT;

-- A day of a network, counted from 1970 in UTC: the greatest common divisor and the least common multiple of the
-- steps that its bytes are kept at, a bit for each minute that was watched, the lowest first, and the bytes of every
-- series by the hour, packed, of all whose step divides an hour. An hour's bytes are there for good; those of shorter
-- bins are in `measured_bytes` beside them, for as long as they are kept.
CREATE TABLE measured_day (
    network     INTEGER NOT NULL REFERENCES measured_network (key),
    day         INTEGER NOT NULL,
    fine_secs   INTEGER NOT NULL CHECK (fine_secs > 0),
    coarse_secs INTEGER NOT NULL CHECK (coarse_secs > 0),
    minutes     BLOB    NOT NULL,
    hours       BLOB    NOT NULL,
    PRIMARY KEY (network, day)
) STRICT, WITHOUT ROWID;

-- Bytes of a series on a day in bins of one step, packed. A sum takes what divides an hour either from here or from
-- the hours, and everything else from here, so it counts nothing twice.
CREATE TABLE measured_bytes (
    network   INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    step_secs INTEGER NOT NULL CHECK (step_secs > 0),
    series    INTEGER NOT NULL REFERENCES measured_series (key),
    points    BLOB    NOT NULL,
    PRIMARY KEY (network, day, step_secs, series),
    FOREIGN KEY (network, day) REFERENCES measured_day (network, day)
) STRICT, WITHOUT ROWID;
