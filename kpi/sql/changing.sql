-- The events whose part in the sums changes: those that went (-1), that came (1), and that became ripe because time passed (their
-- window sums alone). Relations: old, coming, stored_events, gone.
SET VARIABLE ripe_before = CAST($before AS TIMESTAMPTZ) - to_seconds($window_seconds);

CREATE OR REPLACE TEMP TABLE ripened AS
SELECT stored_events.*
FROM stored_events
ANTI JOIN (FROM gone WHERE kind = 'event') AS gone USING (layer, row)
WHERE resolved_at > CAST($before AS TIMESTAMPTZ) - to_seconds($window_seconds)
  AND resolved_at <= CAST($as_of AS TIMESTAMPTZ) - to_seconds($window_seconds);

CREATE OR REPLACE TEMP VIEW changing AS
SELECT * FROM coming
UNION ALL BY NAME
SELECT
    * EXCLUDE (layer, row),
    CAST(-1 AS TINYINT) AS sign,
    CASE WHEN resolved_at <= getvariable('ripe_before') THEN -1 ELSE 0 END AS ripe_sign
FROM old
UNION ALL BY NAME
SELECT
    * EXCLUDE (layer, row),
    CAST(0 AS TINYINT) AS sign,
    1 AS ripe_sign
FROM ripened
