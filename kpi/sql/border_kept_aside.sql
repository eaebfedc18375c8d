-- The other rows: where, why, what was found and what was expected.
COPY (
    SELECT
        judged.file_row AS "row",
        left(judged.event_id, 200) AS event_id,
        checks.column_name AS "column",
        checks.reason,
        judged.found,
        checks.expected
    FROM judged
    INNER JOIN checks ON judged.failure = checks.number
    ORDER BY judged.file_row
)
TO 'kept_aside.parquet' (FORMAT parquet, COMPRESSION zstd)
