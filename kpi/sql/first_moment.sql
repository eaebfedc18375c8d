-- The first moment whose local day an event may be attributed to.
SELECT least(min(opened_at), min(resolved_at), min(closed_at), min(answered_at))
FROM read_parquet($parts, hive_partitioning = FALSE)
