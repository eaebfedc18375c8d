-- The versions of some parts that are known at $as_of, each with the key of its event.
-- The keys are 64-bit hashes: they find an event fast, and what they find is compared in full.
CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT
    * EXCLUDE (file_row),
    hash(source, event_id) AS event_key,
    coalesce(('0x' || left(customer, 16))::UBIGINT, 0) AS customer_tie,
    FALSE AS was_held
FROM read_parquet($parts, hive_partitioning = FALSE)
WHERE updated_at <= $as_of
  AND file_row_number >= $first_row
  AND file_row_number < $last_row
