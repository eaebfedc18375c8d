-- Which events are repeated, after rows went and came: a later contact of the same customer for the same service, or an event
-- merged into it, opened within the window after the resolution. Relations: rows_there, gone, fresh.
CREATE OR REPLACE TEMP TABLE old AS
SELECT rows_there.*
FROM rows_there
SEMI JOIN (FROM gone WHERE kind = 'event') AS gone USING (layer, row);

CREATE OR REPLACE TEMP TABLE contact_moves AS
WITH rows_moved AS (
    SELECT 1 AS sign, disposition, opened_at, customer_key, merged_key FROM fresh
    UNION ALL
    SELECT -1 AS sign, disposition, opened_at, customer_key, merged_key FROM old
),
contacts AS (
    SELECT sign, opened_at, customer_key AS contact_key
    FROM rows_moved
    WHERE disposition IN ('normal', 'merged') AND customer_key IS NOT NULL
    UNION ALL
    SELECT sign, opened_at, merged_key AS contact_key
    FROM rows_moved
    WHERE disposition IN ('normal', 'merged') AND merged_key IS NOT NULL
)
SELECT contact_key, opened_at
FROM contacts
GROUP BY contact_key, opened_at
HAVING sum(sign) <> 0;
