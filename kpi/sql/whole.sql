-- What a base that is made at once has where batches have stored rows: none. Each is a relation of this name.
CREATE OR REPLACE TEMP VIEW contenders AS
SELECT * FROM arrivals;

CREATE OR REPLACE TEMP VIEW winners AS
SELECT * FROM newest;

CREATE OR REPLACE TEMP VIEW seekers AS
SELECT -1 AS layer, event_key AS row, customer_key, event_key, resolved_at
FROM fresh
WHERE resolved_at IS NOT NULL;

CREATE OR REPLACE TEMP VIEW known_contacts AS
SELECT opened_at, customer_key, merged_key
FROM fresh
WHERE disposition IN ('normal', 'merged');

CREATE OR REPLACE TEMP VIEW marked AS
SELECT
    fresh.* EXCLUDE (is_repeated),
    repeated.row IS NOT NULL AS is_repeated
FROM fresh
LEFT JOIN repeated ON repeated.row = fresh.event_key;

CREATE OR REPLACE TEMP VIEW changing AS
SELECT * FROM coming
