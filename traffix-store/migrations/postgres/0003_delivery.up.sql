-- Who delivers. Assertions are in the change log one by one, lists of prefixes one change a CDN and import.

CREATE TABLE assertion (
    id       text COLLATE "C" PRIMARY KEY,
    rev      bigint NOT NULL UNIQUE REFERENCES change (seq),
    platform text COLLATE "C",
    cdn      text COLLATE "C",
    asn      bigint,
    net      cidr,
    status   text COLLATE "C" NOT NULL
);
CREATE INDEX assertion_platform ON assertion (platform, id);
CREATE INDEX assertion_cdn ON assertion (cdn, id);
CREATE INDEX assertion_net ON assertion (net, id) WHERE net IS NOT NULL;

CREATE TABLE cdn_prefix (
    net      cidr NOT NULL,
    cdn      text COLLATE "C" NOT NULL,
    source   text COLLATE "C" NOT NULL,
    asn      bigint,
    kind     text COLLATE "C" NOT NULL,
    tenancy  text COLLATE "C" NOT NULL,
    observed text COLLATE "C",
    PRIMARY KEY (net, cdn, source)
);
CREATE INDEX cdn_prefix_cdn ON cdn_prefix (cdn, net, source);
