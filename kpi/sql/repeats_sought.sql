-- The resolved events that a contact that came or went may concern, and those that came: each with the keys it is sought by.
-- $first_contact and $last_contact are the bounds of contact_moves. Relations: stored_events, gone, fresh, contact_moves.
CREATE OR REPLACE TEMP TABLE seekers AS
SELECT layer, row, opened_on, customer_key, event_key, resolved_at, is_repeated
FROM stored_events
ANTI JOIN (FROM gone WHERE kind = 'event') AS gone USING (layer, row)
WHERE resolved_at >= $first_contact - to_seconds($window_seconds)
  AND resolved_at < $last_contact
  AND (
      customer_key IN (SELECT contact_key FROM contact_moves)
      OR event_key IN (SELECT contact_key FROM contact_moves)
  )
UNION ALL
SELECT -1 AS layer, rowid AS row, opened_on, customer_key, event_key, resolved_at, FALSE AS is_repeated
FROM fresh
WHERE resolved_at IS NOT NULL
