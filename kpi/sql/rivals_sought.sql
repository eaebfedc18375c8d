-- Where the stored versions of the events are that came, or of which a version is not there any more. Only keys and days are read.
-- Relations: contenders, forgotten (event_key), stored_events.
CREATE OR REPLACE TEMP TABLE wanted AS
SELECT event_key FROM contenders
UNION
SELECT event_key FROM forgotten;

CREATE OR REPLACE TEMP TABLE places AS
SELECT layer, row, opened_on, event_key
FROM stored_events
WHERE event_key IN (SELECT event_key FROM wanted)
