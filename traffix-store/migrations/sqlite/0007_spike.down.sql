DROP TABLE spike;
