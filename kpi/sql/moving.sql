-- What the settled sums are of: what an ended event adds has no age in it, so ages are empty here, and the ripe are mature.
-- Relation: changing.
CREATE OR REPLACE TEMP VIEW moving AS
SELECT
    *,
    CAST(NULL AS BIGINT) AS waiting_seconds,
    CAST(NULL AS BIGINT) AS unresolved_seconds,
    resolved_at IS NOT NULL AS is_mature
FROM changing
