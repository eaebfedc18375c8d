-- The contacts that may make a sought event a repeated one. $first_end and $last_end are the bounds of the seekers' resolutions.
-- Relations: stored_events, gone, fresh.
CREATE OR REPLACE TEMP TABLE known_contacts AS
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
