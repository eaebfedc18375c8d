-- The events that came, each with its part in the sums: whether it is in those that wait for its window. Relation: fresh.
SET VARIABLE ripe_now = CAST($as_of AS TIMESTAMPTZ) - to_seconds($window_seconds);

CREATE OR REPLACE TEMP VIEW coming AS
SELECT
    *,
    CAST(1 AS TINYINT) AS sign,
    CASE WHEN resolved_at <= getvariable('ripe_now') THEN 1 ELSE 0 END AS ripe_sign
FROM fresh
