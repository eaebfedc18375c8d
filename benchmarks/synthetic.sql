-- Synthetic events from number $first to before $last of $all, spread over three years; every value is drawn from a hash of the number.
WITH drawn AS (
    SELECT
        i,
        hash(i) AS h1, hash(i * 7919 + 1) AS h2, hash(i * 104729 + 2) AS h3, hash(i * 15485863 + 3) AS h4
    FROM range($first, $last) AS numbers(i)
),
events AS (
    SELECT
        i,
        h1, h2, h3, h4,
        TIMESTAMPTZ '2023-11-01 00:00:00+00' + to_microseconds((i::HUGEINT * 94608000 * 1000000 // $all)::BIGINT + (h1 % 3600000000)::BIGINT) AS opened_at,
        ((h1 >> 8) % 300)::INT AS store_number,
        exp(3.0 + 1.4 * sqrt(-2 * ln(((h2 % 999983) + 1) / 999985.0)) * cos(6.283185307 * ((h3 % 999979) / 999979.0))) AS wait_minutes
    FROM drawn
)
SELECT
    'E' || lpad(i::VARCHAR, 10, '0') AS event_id,
    opened_at + to_microseconds((least(wait_minutes, 100000) * 60000000 * 4)::BIGINT + 3000000) AS updated_at,
    opened_at,
    CASE WHEN h4 % 1000 < 985 THEN opened_at + to_microseconds((least(wait_minutes, 100000) * 60000000 / 3)::BIGINT) END AS responded_at,
    CASE WHEN h4 % 1000 < 970 THEN opened_at + to_microseconds((least(wait_minutes, 100000) * 60000000 * 4)::BIGINT) END AS resolved_at,
    CASE WHEN h4 % 1000 BETWEEN 970 AND 989 THEN opened_at + to_microseconds((least(wait_minutes, 100000) * 60000000 * 4)::BIGINT) END AS closed_at,
    'S' || lpad(store_number::VARCHAR, 3, '0') AS store,
    'Region ' || (store_number % 12) AS region,
    'channel ' || ((h1 >> 20) % 8) AS channel,
    'service ' || ((h1 >> 28) % 30) AS service,
    'A' || (store_number * 10 + (h1 >> 36) % 10) AS agent,
    'segment ' || ((h1 >> 44) % 5) AS segment,
    'C' || (h2 >> 12) % ($all // 3 + 1) AS customer,
    (1 + (h2 >> 40) % 3)::INT AS contact_count,
    CASE WHEN (h2 >> 44) % 50 = 0 THEN 1 ELSE 0 END AS reopen_count,
    ((h2 >> 48) % 3)::INT AS transfer_count,
    CASE WHEN (h3 >> 8) % 4 = 0 THEN (1 + (h3 >> 12) % 5)::INT END AS satisfaction,
    CASE WHEN (h3 >> 8) % 4 = 0 THEN ((h3 >> 16) % 11)::INT END AS recommendation,
    CASE WHEN (h3 >> 8) % 4 = 0 THEN (1 + (h3 >> 20) % 7)::INT END AS effort,
    (((h3 >> 24) % 5000) / 100.0)::DECIMAL(9, 2) AS cost,
    ((h3 >> 36) % 600) / 10.0 AS handle_minutes,
    CASE WHEN (h4 >> 12) % 20 = 0 THEN 'failure' ELSE 'success' END AS outcome,
    CASE WHEN (h4 >> 20) % 10 = 0 THEN (h4 >> 24) % 20 > 0 END AS quality_passed,
    (h4 >> 32) % 40 = 0 AS is_complaint
FROM events
