-- Instants are microseconds since 1970 in UTC; the largest and smallest integer stand for "never" and
-- "long ago", so that what has no date sorts last and matches no window.

-- The change log. It holds every version of every entity exactly once: what an entity was before a change is
-- the document of the change that `prev` points to, and what it is now is the document of its latest change.
CREATE TABLE change (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    actor  TEXT    NOT NULL,
    entity TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    op     TEXT    NOT NULL CHECK (op IN ('create', 'update', 'delete')),
    prev   INTEGER REFERENCES change (seq),
    doc    TEXT    CHECK ((doc IS NULL) = (op = 'delete')),
    CHECK ((prev IS NULL) = (op = 'create'))
) STRICT;
CREATE INDEX change_entity ON change (entity, id, seq);
CREATE INDEX change_at ON change (at, seq);

CREATE TABLE company (
    id  TEXT    PRIMARY KEY,
    rev INTEGER NOT NULL UNIQUE REFERENCES change (seq)
) STRICT, WITHOUT ROWID;

-- What lists are filtered and ordered by, derived from the current document in the transaction that writes it.
-- `row_key` never changes, unlike `rev`: the index of titles refers to it.
CREATE TABLE ru (
    row_key    INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    rev        INTEGER NOT NULL UNIQUE REFERENCES change (seq),
    kind       TEXT    NOT NULL CHECK (kind IN ('release', 'update')),
    content    TEXT    NOT NULL,
    release_id TEXT    REFERENCES ru (id) DEFERRABLE INITIALLY DEFERRED,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    wire_bytes INTEGER,
    words      TEXT    NOT NULL,
    CHECK ((kind = 'update') = (release_id IS NOT NULL))
) STRICT;
-- Covers the filters, so that a scan for a rare combination never touches the table.
CREATE INDEX ru_list ON ru (first_at, id, rev, kind, content, last_at, wire_bytes);
CREATE INDEX ru_release ON ru (release_id, first_at, id) WHERE release_id IS NOT NULL;

-- The side tables are as derived as `ru`, written and removed with it by one function, so they spend no time on
-- references to it. They repeat `first_at` so that a filtered list is one range of one index, in order.
CREATE TABLE ru_platform (
    ru       TEXT    NOT NULL,
    platform TEXT    NOT NULL,
    first_at INTEGER NOT NULL,
    PRIMARY KEY (ru, platform)
) STRICT, WITHOUT ROWID;
CREATE INDEX ru_platform_list ON ru_platform (platform, first_at, ru);

CREATE TABLE ru_company (
    ru       TEXT    NOT NULL,
    role     TEXT    NOT NULL CHECK (role IN ('publisher', 'developer')),
    company  TEXT    NOT NULL REFERENCES company (id),
    first_at INTEGER NOT NULL,
    PRIMARY KEY (ru, role, company)
) STRICT, WITHOUT ROWID;
CREATE INDEX ru_company_list ON ru_company (company, role, first_at, ru);

CREATE TABLE ru_category (
    ru       TEXT    NOT NULL,
    category TEXT    NOT NULL,
    first_at INTEGER NOT NULL,
    PRIMARY KEY (ru, category)
) STRICT, WITHOUT ROWID;
CREATE INDEX ru_category_list ON ru_category (category, first_at, ru);

CREATE TABLE ru_window (
    ru       TEXT    NOT NULL,
    start_at INTEGER NOT NULL,
    end_at   INTEGER NOT NULL,
    PRIMARY KEY (ru, start_at, end_at)
) STRICT, WITHOUT ROWID;

-- `words` comes normalised and separated by spaces, so the tokenizer must only split: `ascii` leaves every
-- other character alone. It is the index of `ru.words`, kept by the triggers.
CREATE VIRTUAL TABLE ru_title USING fts5 (
    words, content = 'ru', content_rowid = 'row_key', tokenize = 'ascii', detail = 'none', columnsize = 0,
    prefix = '2 3'
);
CREATE TRIGGER ru_title_insert AFTER INSERT ON ru BEGIN
    INSERT INTO ru_title (rowid, words) VALUES (new.row_key, new.words);
END;
CREATE TRIGGER ru_title_delete AFTER DELETE ON ru BEGIN
    INSERT INTO ru_title (ru_title, rowid, words) VALUES ('delete', old.row_key, old.words);
END;
CREATE TRIGGER ru_title_update AFTER UPDATE OF words ON ru WHEN old.words <> new.words BEGIN
    INSERT INTO ru_title (ru_title, rowid, words) VALUES ('delete', old.row_key, old.words);
    INSERT INTO ru_title (rowid, words) VALUES (new.row_key, new.words);
END;
