-- The stored events whose repetition began or ended take the place of themselves. Relations: stored_events, flips, old, fresh, gone.
CREATE OR REPLACE TEMP TABLE flipped AS
SELECT stored_events.*
FROM stored_events
SEMI JOIN flips USING (layer, row)
WHERE {days};

INSERT INTO old BY NAME
SELECT * FROM flipped;

INSERT INTO fresh BY NAME
SELECT
    * EXCLUDE (layer, row) REPLACE (NOT is_repeated AS is_repeated)
FROM flipped;

INSERT INTO gone
SELECT 'event', layer, row
FROM flips
