-- The versions that become the newest of their event, and the stored rows that they take the place of.
-- Relations: newest, rivals, forgotten (event_key: events whose stored version came from a part that is not there any more).
CREATE OR REPLACE TEMP TABLE winners AS
SELECT newest.*
FROM newest
ANTI JOIN (FROM rivals WHERE event_key NOT IN (SELECT event_key FROM forgotten)) AS rivals
    ON rivals.source = newest.source
    AND rivals.event_id = newest.event_id
    AND (
        (rivals.updated_at, rivals.row_hash, rivals.customer_tie) > (newest.updated_at, newest.row_hash, newest.customer_tie)
        OR (
            (rivals.updated_at, rivals.row_hash, rivals.customer_tie) = (newest.updated_at, newest.row_hash, newest.customer_tie)
            AND NOT newest.was_held
        )
    );

CREATE OR REPLACE TEMP TABLE gone AS
SELECT kind, layer, row
FROM rivals
SEMI JOIN winners
    ON winners.source = rivals.source
    AND winners.event_id = rivals.event_id
UNION
SELECT kind, layer, row
FROM rivals
WHERE event_key IN (SELECT event_key FROM forgotten)
