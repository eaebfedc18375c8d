-- Where the stored versions of the events are that came, or of which a version is not there any more. Only keys and days are read.
-- Relations: arrivals, forgotten (event_key), stored_events, stored_held.
SET VARIABLE as_of = CAST($as_of AS TIMESTAMPTZ);

CREATE OR REPLACE TEMP VIEW contenders AS
SELECT * FROM arrivals
UNION ALL BY NAME
SELECT
    * EXCLUDE (layer, row, comes_at),
    TRUE AS was_held
FROM stored_held
WHERE comes_at <= getvariable('as_of')
  AND event_key NOT IN (SELECT event_key FROM forgotten);

CREATE OR REPLACE TEMP TABLE wanted AS
SELECT event_key FROM contenders
UNION
SELECT event_key FROM forgotten;

CREATE OR REPLACE TEMP TABLE places AS
SELECT layer, row, opened_on, event_key
FROM stored_events
WHERE event_key IN (SELECT event_key FROM wanted)
