-- Every remaining version of the forgotten events.
CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT
    * EXCLUDE (file_row),
    hash(source, event_id) AS event_key,
    coalesce(('0x' || left(customer, 16))::UBIGINT, 0) AS customer_tie,
    FALSE AS was_held
FROM read_parquet($parts, hive_partitioning = FALSE)
WHERE updated_at <= $as_of
  AND hash(source, event_id) IN (SELECT event_key FROM forgotten)
