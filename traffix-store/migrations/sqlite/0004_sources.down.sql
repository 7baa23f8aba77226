DROP TABLE series_day;
DROP TABLE series;
DROP TABLE proposal;
DROP TABLE listing_pull;
DROP TABLE source;
DROP TABLE ru_external;
