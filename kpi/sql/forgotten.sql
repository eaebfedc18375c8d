-- The events of which a version is in no part any more.
CREATE OR REPLACE TEMP TABLE forgotten AS
SELECT DISTINCT hash(source, event_id) AS event_key
FROM read_parquet($parts, hive_partitioning = FALSE)
