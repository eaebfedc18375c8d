-- How many events, and how many rows each cuboid would have, on one of so many days.
SELECT {densities}
FROM (
    SELECT
        CAST(opened_at AS DATE) AS day,
        hour(opened_at) AS hour,
        store,
        region,
        channel,
        service,
        segment,
        agent
    FROM read_parquet($parts, hive_partitioning = FALSE)
    WHERE hash(CAST(opened_at AS DATE)) % $one_of = 0
)
