-- The versions that may become the newest of their event: what came, and what was held back and whose time has come.
-- Relations: arrivals, forgotten (event_key: events whose stored version came from a part that is not there any more), stored_held.
SET VARIABLE as_of = CAST($as_of AS TIMESTAMPTZ);

CREATE OR REPLACE TEMP VIEW contenders AS
SELECT * FROM arrivals
UNION ALL BY NAME
SELECT
    * EXCLUDE (layer, row, comes_at),
    TRUE AS was_held
FROM stored_held
WHERE comes_at <= getvariable('as_of')
  AND event_key NOT IN (SELECT event_key FROM forgotten)
