-- Where the catalogue comes from, what awaits a moderator, and time series. None of it is in the change log.

-- The identifiers that platforms give the titles, derived from the current documents like the other side tables.
-- `main` tells the listing's own identifier from its aliases.
CREATE TABLE ru_external (
    ru          text COLLATE "C" NOT NULL,
    platform    text COLLATE "C" NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    main        boolean NOT NULL,
    PRIMARY KEY (ru, platform, external_id)
);
CREATE INDEX ru_external_find ON ru_external (platform, external_id, ru, main);

INSERT INTO ru_external (ru, platform, external_id, main)
SELECT r.id, l.value ->> 'platform', l.value ->> 'external_id', true
FROM ru r JOIN change c ON c.seq = r.rev CROSS JOIN jsonb_array_elements(c.doc -> 'listings') l
WHERE l.value ->> 'external_id' IS NOT NULL;

INSERT INTO ru_external (ru, platform, external_id, main)
SELECT r.id, l.value ->> 'platform', a.value, false
FROM ru r JOIN change c ON c.seq = r.rev CROSS JOIN jsonb_array_elements(c.doc -> 'listings') l
CROSS JOIN jsonb_array_elements_text(l.value -> 'aliases') a
ON CONFLICT DO NOTHING;

-- Who pulls which source, and how far it got. `fence` grows with every holder.
CREATE TABLE source (
    id     text COLLATE "C" PRIMARY KEY,
    state  json NOT NULL,
    fence  bigint NOT NULL,
    holder text COLLATE "C",
    until  timestamptz,
    CHECK ((holder IS NULL) = (until IS NULL))
);

-- When listings are due. A row goes with the last listing of its identifier.
CREATE TABLE listing_pull (
    platform     text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL,
    due_at       timestamptz NOT NULL,
    succeeded_at timestamptz,
    failures     bigint NOT NULL,
    PRIMARY KEY (platform, external_id)
);
CREATE INDEX listing_pull_due ON listing_pull (platform, due_at, external_id);

CREATE TABLE proposal (
    id          text COLLATE "C" PRIMARY KEY,
    subject     json NOT NULL,
    status      text COLLATE "C" NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_at  timestamptz,
    decided_by  text,
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);
CREATE INDEX proposal_list ON proposal (status, proposed_at, id);

-- Time series: a row per series and day. `day` counts from 1970 in UTC, `points` is packed.
CREATE TABLE series (
    key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    metric    text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    source    text COLLATE "C" NOT NULL,
    step_secs bigint NOT NULL CHECK (step_secs > 0),
    UNIQUE (metric, subject, source, step_secs)
);

CREATE TABLE series_day (
    series bigint NOT NULL REFERENCES series (key),
    day    bigint NOT NULL,
    points bytea NOT NULL,
    PRIMARY KEY (series, day)
);
-- The points are packed already: compressing them again costs time and gains nothing.
ALTER TABLE series_day ALTER COLUMN points SET STORAGE EXTERNAL;
