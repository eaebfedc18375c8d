-- Nothing came: only time passed, or all versions of the forgotten events are gone.
CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT
    * EXCLUDE (layer, row, comes_at),
    FALSE AS was_held
FROM stored_held
LIMIT 0
