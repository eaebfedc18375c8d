-- The sought events that are repeated. $first_end and $last_end are the bounds of the seekers' resolutions. Relations: stored_events,
-- gone, fresh, seekers.
CREATE OR REPLACE TEMP TABLE repeated AS
WITH sought AS (
    SELECT layer, row, resolved_at, customer_key AS contact_key FROM seekers WHERE customer_key IS NOT NULL
    UNION ALL
    SELECT layer, row, resolved_at, event_key AS contact_key FROM seekers
),
known AS (
    SELECT opened_at, customer_key, merged_key
    FROM stored_events
    ANTI JOIN (FROM gone WHERE kind = 'event') AS gone USING (layer, row)
    WHERE opened_at > $first_end
      AND opened_at <= $last_end + to_seconds($window_seconds)
      AND disposition IN ('normal', 'merged')
    UNION ALL
    SELECT opened_at, customer_key, merged_key
    FROM fresh
    WHERE disposition IN ('normal', 'merged')
),
contacts AS (
    SELECT opened_at, customer_key AS contact_key FROM known WHERE customer_key IS NOT NULL
    UNION ALL
    SELECT opened_at, merged_key AS contact_key FROM known WHERE merged_key IS NOT NULL
)
SELECT DISTINCT sought.layer, sought.row
FROM sought
INNER JOIN contacts
    ON contacts.contact_key = sought.contact_key
    AND contacts.opened_at > sought.resolved_at
    AND contacts.opened_at <= sought.resolved_at + to_seconds($window_seconds);

CREATE OR REPLACE TEMP TABLE flips AS
SELECT layer, row, opened_on
FROM seekers
LEFT JOIN (SELECT layer, row, TRUE AS is_found FROM repeated) AS repeated USING (layer, row)
WHERE layer >= 0
  AND is_repeated <> coalesce(is_found, FALSE);

UPDATE fresh
SET is_repeated = TRUE
WHERE rowid IN (SELECT row FROM repeated WHERE layer = -1)
