-- Response times counted on the stores' opening hours: open time until the later instant minus that until the earlier. Relations:
-- fresh, open_hours (store, or '' for every other store, starts_at, ends_at, seconds_before).
CREATE OR REPLACE TEMP TABLE fresh AS
WITH moments AS (
    SELECT
        fresh.* EXCLUDE (response_seconds, calendar, opened_clock),
        coalesce(calendars.store, '') AS calendar
    FROM fresh
    LEFT JOIN (SELECT DISTINCT store FROM open_hours WHERE store <> '') AS calendars USING (store)
),
clocked AS (
    SELECT
        moments.*,
        1000000 * opening.seconds_before
            + least(date_diff('microsecond', opening.starts_at, moments.opened_at), 1000000 * opening.seconds) AS opened_clock,
        1000000 * responding.seconds_before
            + least(date_diff('microsecond', responding.starts_at, moments.responded_at), 1000000 * responding.seconds) AS responded_clock
    FROM moments
    ASOF LEFT JOIN open_hours AS opening
        ON opening.store = moments.calendar AND opening.starts_at <= moments.opened_at
    ASOF LEFT JOIN open_hours AS responding
        ON responding.store = moments.calendar AND responding.starts_at <= moments.responded_at
)
SELECT
    * EXCLUDE (opened_clock, responded_clock),
    coalesce(opened_clock, 0) AS opened_clock,
    CASE
        WHEN responded_at IS NOT NULL THEN (coalesce(responded_clock, 0) - coalesce(opened_clock, 0) + 999999) // 1000000
    END AS response_seconds
FROM clocked
