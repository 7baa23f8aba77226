-- Infinite instants stand for "never" and "long ago", so that what has no date sorts last and matches no
-- window. Identifiers compare by bytes (COLLATE "C"): pages must not depend on the locale of the database.

-- The change log. It holds every version of every entity exactly once: what an entity was before a change is
-- the document of the change that `prev` points to, and what it is now is the document of its latest change.
CREATE TABLE change (
    seq    bigint PRIMARY KEY,
    at     timestamptz NOT NULL,
    actor  text NOT NULL,
    entity text COLLATE "C" NOT NULL,
    id     text COLLATE "C" NOT NULL,
    op     text COLLATE "C" NOT NULL CHECK (op IN ('create', 'update', 'delete')),
    prev   bigint REFERENCES change (seq),
    doc    jsonb CHECK ((doc IS NULL) = (op = 'delete')),
    CHECK ((prev IS NULL) = (op = 'create'))
);
-- Documents of ordinary size stay in the row as they are: compressing them costs more than writing them.
ALTER TABLE change SET (toast_tuple_target = 8160);
CREATE INDEX change_entity ON change (entity, id, seq);
CREATE INDEX change_at ON change (at, seq);

CREATE TABLE company (
    id  text COLLATE "C" PRIMARY KEY,
    rev bigint NOT NULL UNIQUE REFERENCES change (seq)
);

-- What lists are filtered and ordered by, derived from the current document in the transaction that writes it.
-- `words` comes normalised and separated by spaces: no text search configuration has a say in it.
CREATE TABLE ru (
    row_key    bigint PRIMARY KEY,
    id         text COLLATE "C" NOT NULL UNIQUE,
    rev        bigint NOT NULL UNIQUE REFERENCES change (seq),
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('release', 'update')),
    content    text COLLATE "C" NOT NULL,
    release_id text COLLATE "C" REFERENCES ru (id) DEFERRABLE INITIALLY DEFERRED,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    wire_bytes bigint,
    words      text NOT NULL,
    title      tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED,
    CHECK ((kind = 'update') = (release_id IS NOT NULL))
);
CREATE INDEX ru_list ON ru (first_at, id) INCLUDE (rev, kind, content, last_at, wire_bytes);
CREATE INDEX ru_release ON ru (release_id, first_at, id) WHERE release_id IS NOT NULL;
CREATE INDEX ru_title ON ru USING gin (title);

-- The side tables are as derived as `ru`, written and removed with it by one function, so they spend no time on
-- references to it. They repeat `first_at` so that a filtered list is one range of one index, in order.
CREATE TABLE ru_platform (
    ru       text COLLATE "C" NOT NULL,
    platform text COLLATE "C" NOT NULL,
    first_at timestamptz NOT NULL,
    PRIMARY KEY (ru, platform)
);
CREATE INDEX ru_platform_list ON ru_platform (platform, first_at, ru);

CREATE TABLE ru_company (
    ru       text COLLATE "C" NOT NULL,
    role     text COLLATE "C" NOT NULL CHECK (role IN ('publisher', 'developer')),
    company  text COLLATE "C" NOT NULL REFERENCES company (id),
    first_at timestamptz NOT NULL,
    PRIMARY KEY (ru, role, company)
);
CREATE INDEX ru_company_list ON ru_company (company, role, first_at, ru);

CREATE TABLE ru_category (
    ru       text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    first_at timestamptz NOT NULL,
    PRIMARY KEY (ru, category)
);
CREATE INDEX ru_category_list ON ru_category (category, first_at, ru);

CREATE TABLE ru_window (
    ru       text COLLATE "C" NOT NULL,
    start_at timestamptz NOT NULL,
    end_at   timestamptz NOT NULL,
    PRIMARY KEY (ru, start_at, end_at)
);
