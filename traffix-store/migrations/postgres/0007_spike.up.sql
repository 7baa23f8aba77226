-- Spikes that were found in the measurements of a network, what may have caused them, and what people decided. Private
-- to the holders of keys, so not in the change log.

-- `scope` is total, cdn:X, platform:X or link:X. `until_at` is the end, or how far the spike was seen to run. Two of one
-- scope never overlap when they are written; the start of a running one may still move. `explanation` is null where it
-- has to be made (again).
CREATE TABLE spike (
    id          uuid PRIMARY KEY,
    owner       text COLLATE "C" NOT NULL,
    network     text COLLATE "C" NOT NULL,
    scope       text COLLATE "C" NOT NULL,
    start_at    timestamptz NOT NULL,
    until_at    timestamptz NOT NULL,
    running     boolean NOT NULL,
    detected_at timestamptz NOT NULL,
    document    json NOT NULL,
    explanation json NOT NULL,
    confirmed   text COLLATE "C",
    rejected    json NOT NULL,
    decided_at  timestamptz,
    decided_by  text,
    rev         bigint NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE INDEX spike_list ON spike (start_at, id);
CREATE INDEX spike_place ON spike (owner, network, scope, start_at);
