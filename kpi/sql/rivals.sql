-- The stored versions of those events, from the days they are on.
-- Relations: stored_events, stored_held, places, wanted.
CREATE OR REPLACE TEMP TABLE rows_there AS
SELECT stored_events.*
FROM stored_events
SEMI JOIN places USING (layer, row)
WHERE {days};

CREATE OR REPLACE TEMP TABLE rivals AS
SELECT 'event' AS kind, layer, row, event_key, source, event_id, updated_at, row_hash, customer_tie
FROM rows_there
UNION ALL
SELECT 'held' AS kind, layer, row, event_key, source, event_id, updated_at, row_hash, customer_tie
FROM stored_held
WHERE event_key IN (SELECT event_key FROM wanted)
