-- What the clock of each calendar showed at $as_of: microseconds of open time since its beginning. Relation: open_hours.
CREATE OR REPLACE TABLE {target}.clocks AS
SELECT
    store AS calendar,
    arg_max(
        1000000 * seconds_before + least(date_diff('microsecond', starts_at, CAST($as_of AS TIMESTAMPTZ)), 1000000 * seconds),
        starts_at
    ) AS known_clock
FROM open_hours
WHERE starts_at <= $as_of
GROUP BY store
