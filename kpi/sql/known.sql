-- The newest version of every event at a moment. Relation: versions (checked extracts).
CREATE TEMP MACRO known(moment) AS TABLE
SELECT *
FROM versions
WHERE updated_at <= moment
QUALIFY row_number() OVER (PARTITION BY source, event_id ORDER BY updated_at DESC, row_hash DESC, customer DESC) = 1
