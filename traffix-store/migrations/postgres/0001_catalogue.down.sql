DROP TABLE ru_window;
DROP TABLE ru_category;
DROP TABLE ru_company;
DROP TABLE ru_platform;
DROP TABLE ru;
DROP TABLE company;
DROP TABLE change;
