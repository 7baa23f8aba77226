-- Spikes that were found in the measurements of a network, what may have caused them, and what people decided. Private
-- to the holders of keys, so not in the change log.

-- `scope` is total, cdn:X, platform:X or link:X. `until_at` is the end, or how far the spike was seen to run. Two of one
-- scope never overlap when they are written; the start of a running one may still move. `explanation` is null where it
-- has to be made (again).
CREATE TABLE spike (
    id          BLOB    PRIMARY KEY,
    owner       TEXT    NOT NULL,
    network     TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    start_at    INTEGER NOT NULL,
    until_at    INTEGER NOT NULL,
    running     INTEGER NOT NULL CHECK (running IN (0, 1)),
    detected_at INTEGER NOT NULL,
    document    TEXT    NOT NULL,
    explanation TEXT    NOT NULL,
    confirmed   TEXT,
    rejected    TEXT    NOT NULL,
    decided_at  INTEGER,
    decided_by  TEXT,
    rev         INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX spike_list ON spike (start_at, id);
CREATE INDEX spike_place ON spike (owner, network, scope, start_at);
