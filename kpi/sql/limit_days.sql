-- The time limits of every day that an event may have: joined by day, which is fast, and not by range.
CREATE OR REPLACE TEMP TABLE limit_days AS
WITH days AS (
    SELECT CAST(day AS DATE) AS opened_on
    FROM range(TIMESTAMP '1900-12-01', TIMESTAMP '2038-02-01', INTERVAL 1 DAY) AS days (day)
)
SELECT
    days.opened_on,
    response_limits.seconds AS response_seconds,
    resolution_limits.seconds AS resolution_seconds
FROM days
LEFT JOIN limits AS response_limits
    ON response_limits.kpi = 'response_time'
    AND days.opened_on BETWEEN response_limits.starts_on AND response_limits.ends_on
LEFT JOIN limits AS resolution_limits
    ON resolution_limits.kpi = 'resolution_time'
    AND days.opened_on BETWEEN resolution_limits.starts_on AND resolution_limits.ends_on
