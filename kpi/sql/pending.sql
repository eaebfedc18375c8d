-- The resolved events whose window has not ended, and what is known of all. Relations: events, stored_held.
SET VARIABLE ripe_now = CAST($as_of AS TIMESTAMPTZ) - to_seconds($window_seconds);

CREATE OR REPLACE TEMP VIEW unripe AS
SELECT * FROM events
WHERE resolved_at > getvariable('ripe_now');

CREATE OR REPLACE TABLE {target}.knowledge AS
SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    count(*) FILTER (WHERE is_deleted) AS deleted_count,
    count(*) FILTER (WHERE NOT is_deleted AND opened_at > $as_of) AS unopened_count,
    CAST($later AS BIGINT) AS later_count,
    CAST($window_seconds AS BIGINT) AS window_seconds
FROM stored_held
