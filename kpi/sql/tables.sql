-- The tables of a base or a layer, but the roll-ups: events as they are stored, versions held back (tombstones, and what lies after
-- "as of"), the rows of lower files that these take the place of, the columns each part gives, values of dimensions, and knowledge.
CREATE TABLE {target}.events AS
SELECT * FROM fresh LIMIT 0;

CREATE TABLE {target}.held AS
SELECT * FROM fresh_held LIMIT 0;

CREATE TABLE {target}.gone (kind VARCHAR, layer BIGINT, row BIGINT);

CREATE TABLE {target}.given (part VARCHAR, source VARCHAR, column_name VARCHAR);

CREATE TABLE {target}.listed_values (name VARCHAR, value VARCHAR, events BIGINT)
