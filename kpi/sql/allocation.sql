-- A pool of $units ten-thousandths shared by driver: the shares add up to the pool exactly (largest remainder).
CREATE OR REPLACE TEMP TABLE shares AS
WITH totals AS (
    SELECT
        row_id,
        driver,
        sum(driver) OVER () AS driver_total
    FROM bearers
),
floors AS (
    SELECT
        row_id,
        ($units::HUGEINT * driver) // driver_total::HUGEINT AS floor_units,
        ($units::HUGEINT * driver) % driver_total::HUGEINT AS remainder
    FROM totals
),
ranked AS (
    SELECT
        row_id,
        floor_units,
        row_number() OVER (ORDER BY remainder DESC, row_id) AS place,
        $units - sum(floor_units) OVER () AS left_over
    FROM floors
)
SELECT
    row_id,
    CAST($sign * (floor_units + CASE WHEN place <= left_over THEN 1 ELSE 0 END) AS DECIMAL(22,4)) / 10000 AS amount
FROM ranked
