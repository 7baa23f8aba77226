DROP TABLE cdn_prefix;
DROP TABLE assertion;
