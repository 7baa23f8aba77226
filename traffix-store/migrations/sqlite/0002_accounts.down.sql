DROP TABLE remembered_answer;
DROP TABLE api_key;
DROP TABLE forecast;
DROP TABLE network;
