-- The good rows, canonical.
COPY (
    SELECT
        * EXCLUDE (content),
        ('0x' || left(sha256(content), 16))::UBIGINT AS row_hash
    FROM accepted
)
TO 'part.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
