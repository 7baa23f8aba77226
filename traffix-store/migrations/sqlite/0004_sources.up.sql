-- Where the catalogue comes from, what awaits a moderator, and time series. None of it is in the change log.

-- The identifiers that platforms give the titles, derived from the current documents like the other side tables.
-- `main` tells the listing's own identifier from its aliases.
CREATE TABLE ru_external (
    ru          TEXT    NOT NULL,
    platform    TEXT    NOT NULL,
    external_id TEXT    NOT NULL,
    main        INTEGER NOT NULL CHECK (main IN (0, 1)),
    PRIMARY KEY (ru, platform, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ru_external_find ON ru_external (platform, external_id, ru, main);

INSERT INTO ru_external (ru, platform, external_id, main)
SELECT r.id, json_extract(l.value, '$.platform'), json_extract(l.value, '$.external_id'), 1
FROM ru r CROSS JOIN change c CROSS JOIN json_each(c.doc, '$.listings') l
WHERE c.seq = r.rev AND json_extract(l.value, '$.external_id') IS NOT NULL;

INSERT INTO ru_external (ru, platform, external_id, main)
SELECT r.id, json_extract(l.value, '$.platform'), a.value, 0
FROM ru r CROSS JOIN change c CROSS JOIN json_each(c.doc, '$.listings') l CROSS JOIN json_each(l.value, '$.aliases') a
WHERE c.seq = r.rev
ON CONFLICT DO NOTHING;

-- Who pulls which source, and how far it got. `fence` grows with every holder.
CREATE TABLE source (
    id     TEXT    PRIMARY KEY,
    state  TEXT    NOT NULL,
    fence  INTEGER NOT NULL,
    holder TEXT,
    until  INTEGER,
    CHECK ((holder IS NULL) = (until IS NULL))
) STRICT, WITHOUT ROWID;

-- When listings are due. A row goes with the last listing of its identifier.
CREATE TABLE listing_pull (
    platform     TEXT    NOT NULL,
    external_id  TEXT    NOT NULL,
    due_at       INTEGER NOT NULL,
    succeeded_at INTEGER,
    failures     INTEGER NOT NULL,
    PRIMARY KEY (platform, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX listing_pull_due ON listing_pull (platform, due_at, external_id);

CREATE TABLE proposal (
    id          TEXT    PRIMARY KEY,
    subject     TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    proposed_at INTEGER NOT NULL,
    decided_at  INTEGER,
    decided_by  TEXT,
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_list ON proposal (status, proposed_at, id);

-- Time series: a row per series and day. `day` counts from 1970 in UTC, `points` is packed.
CREATE TABLE series (
    key       INTEGER PRIMARY KEY,
    metric    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    source    TEXT    NOT NULL,
    step_secs INTEGER NOT NULL CHECK (step_secs > 0),
    UNIQUE (metric, subject, source, step_secs)
) STRICT;

CREATE TABLE series_day (
    series INTEGER NOT NULL REFERENCES series (key),
    day    INTEGER NOT NULL,
    points BLOB    NOT NULL,
    PRIMARY KEY (series, day)
) STRICT, WITHOUT ROWID;
