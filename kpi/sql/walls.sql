-- Local times to moments. A local time is tried with the offset in force a day before and a day after it.
INSERT INTO wall_moments
WITH offsets AS (
    SELECT
        wall,
        timezone('UTC', wall) AS as_utc,
        timezone('UTC', timezone($zone, as_utc - INTERVAL 24 HOUR)) - (as_utc - INTERVAL 24 HOUR) AS offset_before,
        timezone('UTC', timezone($zone, as_utc + INTERVAL 24 HOUR)) - (as_utc + INTERVAL 24 HOUR) AS offset_after
    FROM unjudged
),
candidates AS (
    SELECT
        wall,
        as_utc - offset_before AS by_before,
        as_utc - offset_after AS by_after,
        timezone($zone, as_utc - offset_before) = wall AS fits_before,
        timezone($zone, as_utc - offset_after) = wall AS fits_after
    FROM offsets
),
kinds AS (
    SELECT
        *,
        CASE
            WHEN fits_before AND fits_after AND by_before <> by_after THEN 'ambiguous'
            WHEN NOT fits_before AND NOT fits_after THEN 'nonexistent'
        END AS is_odd
    FROM candidates
),
moments AS (
    SELECT
        wall,
        CASE
            WHEN is_odd = 'ambiguous' AND $ambiguous = 'earlier' THEN least(by_before, by_after)
            WHEN is_odd = 'ambiguous' AND $ambiguous = 'later' THEN greatest(by_before, by_after)
            WHEN is_odd = 'nonexistent' AND $nonexistent = 'shift' THEN by_before
            WHEN is_odd IS NULL AND fits_before THEN by_before
            WHEN is_odd IS NULL THEN by_after
        END AS moment,
        is_odd
    FROM kinds
)
SELECT
    wall,
    moment,
    CASE
        WHEN moment IS NOT NULL THEN NULL
        WHEN is_odd = 'ambiguous' THEN $twice
        ELSE $never
    END AS reason,
    is_odd
FROM moments
