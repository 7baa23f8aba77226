-- Who delivers. Assertions are in the change log one by one, lists of prefixes one change a CDN and import.

CREATE TABLE assertion (
    id       TEXT    PRIMARY KEY,
    rev      INTEGER NOT NULL UNIQUE REFERENCES change (seq),
    platform TEXT,
    cdn      TEXT,
    asn      INTEGER,
    net      BLOB,
    status   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX assertion_platform ON assertion (platform, id);
CREATE INDEX assertion_cdn ON assertion (cdn, id);
CREATE INDEX assertion_net ON assertion (net, id) WHERE net IS NOT NULL;

-- `net` is the family (4 or 6), the address and the length in bytes, which sort as PostgreSQL sorts `cidr`.
CREATE TABLE cdn_prefix (
    net      BLOB    NOT NULL,
    cdn      TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    asn      INTEGER,
    kind     TEXT    NOT NULL,
    tenancy  TEXT    NOT NULL,
    observed TEXT,
    PRIMARY KEY (net, cdn, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX cdn_prefix_cdn ON cdn_prefix (cdn, net, source);
