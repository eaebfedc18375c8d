-- The versions that become the newest of their event, and the stored rows that they take the place of.
-- Relations: arrivals, forgotten (event_key: events whose stored version came from a part that is not there any more), stored_events,
-- stored_held.
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

CREATE OR REPLACE TEMP TABLE rivals AS
WITH wanted AS (
    SELECT event_key FROM contenders
    UNION
    SELECT event_key FROM forgotten
)
SELECT 'event' AS kind, layer, row, event_key, source, event_id, updated_at, row_hash, customer_tie
FROM stored_events
WHERE event_key IN (SELECT event_key FROM wanted)
UNION ALL
SELECT 'held' AS kind, layer, row, event_key, source, event_id, updated_at, row_hash, customer_tie
FROM stored_held
WHERE event_key IN (SELECT event_key FROM wanted);

CREATE OR REPLACE TEMP TABLE twice AS
SELECT event_key
FROM contenders
GROUP BY event_key
HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE winners AS
WITH newest AS (
    SELECT * FROM contenders
    WHERE event_key NOT IN (SELECT event_key FROM twice)
    UNION ALL
    SELECT *
    FROM (FROM contenders WHERE event_key IN (SELECT event_key FROM twice))
    QUALIFY row_number() OVER (
        PARTITION BY source, event_id
        ORDER BY updated_at DESC, row_hash DESC, customer_tie DESC, was_held DESC
    ) = 1
)
SELECT newest.*
FROM newest
ANTI JOIN (FROM rivals WHERE event_key NOT IN (SELECT event_key FROM forgotten)) AS rivals
    ON rivals.source = newest.source
    AND rivals.event_id = newest.event_id
    AND (
        (rivals.updated_at, rivals.row_hash, rivals.customer_tie) > (newest.updated_at, newest.row_hash, newest.customer_tie)
        OR (
            (rivals.updated_at, rivals.row_hash, rivals.customer_tie) = (newest.updated_at, newest.row_hash, newest.customer_tie)
            AND NOT newest.was_held
        )
    );

CREATE OR REPLACE TEMP TABLE gone AS
SELECT kind, layer, row
FROM rivals
SEMI JOIN winners
    ON winners.source = rivals.source
    AND winners.event_id = rivals.event_id
UNION
SELECT kind, layer, row
FROM rivals
WHERE event_key IN (SELECT event_key FROM forgotten)
