-- Tombstones, and versions of which something lies after "as of": it happens when the time has come.
-- Relation: winners.
CREATE OR REPLACE TEMP TABLE fresh_held AS
SELECT
    * EXCLUDE (was_held),
    CASE
        WHEN NOT is_deleted
            THEN least(
                CASE WHEN opened_at > $as_of THEN opened_at END,
                CASE WHEN responded_at > $as_of THEN responded_at END,
                CASE WHEN resolved_at > $as_of THEN resolved_at END,
                CASE WHEN closed_at > $as_of THEN closed_at END,
                CASE WHEN reopened_at > $as_of THEN reopened_at END,
                CASE WHEN answered_at > $as_of THEN answered_at END
            )
    END AS comes_at
FROM winners
WHERE is_deleted
   OR opened_at > $as_of
   OR responded_at > $as_of
   OR resolved_at > $as_of
   OR closed_at > $as_of
   OR reopened_at > $as_of
   OR answered_at > $as_of
