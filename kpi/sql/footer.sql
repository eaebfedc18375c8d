-- What the footer of extract.parquet claims: one row.
WITH chunks AS (
    SELECT
        row_group_id,
        row_group_num_rows,
        compression,
        num_values < 0
            OR row_group_num_rows < 0
            OR total_compressed_size < 0
            OR total_compressed_size > $size
            OR total_uncompressed_size < 0
            OR (num_values > 0 AND (data_page_offset < 4 OR data_page_offset >= $size))
            OR (num_values > 0 AND (dictionary_page_offset < 0 OR dictionary_page_offset >= $size))
            OR (list_contains($columns, path_in_schema) AND num_values <> row_group_num_rows) AS is_impossible
    FROM parquet_metadata('extract.parquet')
),

row_groups AS (
    SELECT
        row_group_id,
        any_value(row_group_num_rows)::HUGEINT AS row_count
    FROM chunks
    GROUP BY row_group_id
)

SELECT
    (SELECT num_rows FROM parquet_file_metadata('extract.parquet')) AS row_count,
    (SELECT count(*) FROM row_groups) AS row_group_count,
    (SELECT coalesce(sum(row_count), 0) FROM row_groups) AS row_count_of_groups,
    (SELECT coalesce(bool_or(is_impossible), false) FROM chunks) AS is_impossible,
    (SELECT list(DISTINCT compression) FROM chunks) AS codecs
