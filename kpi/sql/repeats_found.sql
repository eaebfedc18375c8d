-- The events that were stored otherwise than they are now go and come again; those that come are marked.
-- Relations: stored_events, seekers, repeated, fresh, old, gone.
CREATE OR REPLACE TEMP TABLE flips AS
SELECT layer, row, opened_on
FROM seekers
LEFT JOIN (SELECT layer, row, TRUE AS is_found FROM repeated) AS repeated USING (layer, row)
WHERE layer >= 0
  AND is_repeated <> coalesce(is_found, FALSE);

UPDATE fresh
SET is_repeated = TRUE
WHERE rowid IN (SELECT row FROM repeated WHERE layer = -1)
