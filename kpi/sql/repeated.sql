-- The sought events that are repeated: a later contact of the same customer for the same service, or an event merged into it, was
-- opened within the window after the resolution. Relations: seekers, known_contacts.
CREATE OR REPLACE TEMP TABLE repeated AS
WITH sought AS (
    SELECT layer, row, resolved_at, customer_key AS contact_key FROM seekers WHERE customer_key IS NOT NULL
    UNION ALL
    SELECT layer, row, resolved_at, event_key AS contact_key FROM seekers
),
contacts AS (
    SELECT opened_at, customer_key AS contact_key FROM known_contacts WHERE customer_key IS NOT NULL
    UNION ALL
    SELECT opened_at, merged_key AS contact_key FROM known_contacts WHERE merged_key IS NOT NULL
)
SELECT DISTINCT sought.layer, sought.row
FROM sought
INNER JOIN contacts
    ON contacts.contact_key = sought.contact_key
    AND contacts.opened_at > sought.resolved_at
    AND contacts.opened_at <= sought.resolved_at + to_seconds($window_seconds)
