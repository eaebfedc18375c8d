-- The moment that the events are known at, and the versions that are no event then. Relations: versions; macro known.
CREATE TABLE knowledge AS
SELECT
    CAST($as_of AS TIMESTAMPTZ) AS as_of,
    (SELECT count(*) FROM versions) AS version_count,
    (SELECT count(*) FROM versions WHERE updated_at > $as_of) AS later_count,
    count(*) AS known_count,
    count(*) FILTER (WHERE is_deleted) AS deleted_count,
    count(*) FILTER (WHERE NOT is_deleted AND opened_at > $as_of) AS unopened_count
FROM known($as_of)
