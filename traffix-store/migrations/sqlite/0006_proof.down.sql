DROP TABLE learned;
DROP TABLE outcome;
-- Without its mark, a frozen forecast would look like one that somebody asked to keep.
CREATE TABLE thawed (id BLOB PRIMARY KEY) STRICT;
INSERT INTO thawed (id) SELECT id FROM frozen;
DROP TABLE frozen;
DELETE FROM forecast WHERE id IN (SELECT id FROM thawed);
DROP TABLE thawed;
