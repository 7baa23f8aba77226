DROP TABLE measured_bytes;
DROP TABLE measured_day;
DROP TABLE measured_series;
DROP TABLE measured_batch;
DROP TABLE measured_network;
