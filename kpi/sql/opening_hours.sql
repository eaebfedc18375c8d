-- Response times and ages counted on the stores' opening hours: open seconds until the later instant minus those until the
-- earlier. Relations: events, open_hours (store, or '' for every other store, starts_at, ends_at, seconds_before).
CREATE OR REPLACE TABLE events AS
WITH moments AS (
    SELECT
        events.* EXCLUDE (response_seconds, waiting_seconds),
        coalesce(calendars.store, '') AS calendar,
        CAST($as_of AS TIMESTAMPTZ) AS known_at
    FROM events
    LEFT JOIN (SELECT DISTINCT store FROM open_hours WHERE store <> '') AS calendars USING (store)
),
clocked AS (
    SELECT
        moments.*,
        1000000 * opening.seconds_before
            + least(date_diff('microsecond', opening.starts_at, moments.opened_at), 1000000 * opening.seconds) AS opened_clock,
        1000000 * responding.seconds_before
            + least(date_diff('microsecond', responding.starts_at, moments.responded_at), 1000000 * responding.seconds) AS responded_clock,
        1000000 * knowing.seconds_before
            + least(date_diff('microsecond', knowing.starts_at, moments.known_at), 1000000 * knowing.seconds) AS known_clock
    FROM moments
    ASOF LEFT JOIN open_hours AS opening
        ON opening.store = moments.calendar AND opening.starts_at <= moments.opened_at
    ASOF LEFT JOIN open_hours AS responding
        ON responding.store = moments.calendar AND responding.starts_at <= moments.responded_at
    ASOF LEFT JOIN open_hours AS knowing
        ON knowing.store = moments.calendar AND knowing.starts_at <= moments.known_at
)
SELECT
    * EXCLUDE (calendar, known_at, opened_clock, responded_clock, known_clock),
    CASE
        WHEN responded_at IS NOT NULL THEN (coalesce(responded_clock, 0) - coalesce(opened_clock, 0) + 999999) // 1000000
    END AS response_seconds,
    CASE
        WHEN responded_at IS NULL AND NOT is_ended AND NOT has_response
            THEN (coalesce(known_clock, 0) - coalesce(opened_clock, 0) + 999999) // 1000000
    END AS waiting_seconds
FROM clocked
ORDER BY opened_on, store, channel;
