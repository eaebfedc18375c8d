-- The newest version of each event among those that contend. Relation: contenders.
CREATE OR REPLACE TEMP VIEW newest AS
SELECT *
FROM contenders
QUALIFY row_number() OVER (
    PARTITION BY source, event_id
    ORDER BY updated_at DESC, row_hash DESC, customer_tie DESC, was_held DESC
) = 1
