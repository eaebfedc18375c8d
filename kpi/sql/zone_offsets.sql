-- What local clocks show at every half hour since 1970 (`step`), added up by zone and year so that another offset makes another sum.
WITH moments AS (
    SELECT
        zone,
        step,
        timezone(zone, TIMESTAMPTZ '1970-01-01 00:00:00+00' + to_seconds(step * 1800)) AS local_at
    FROM read_parquet($parts)
)
SELECT
    zone,
    step // 17532 AS year,
    sum(CAST(epoch_us(local_at) // 1000000 - step * 1800 AS HUGEINT) * (step % 1009 + 1)) AS found
FROM moments
GROUP BY zone, step // 17532
