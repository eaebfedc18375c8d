-- When each store last opened an event, and its usual number of events a day over the days from its first to its last.
SELECT
    source,
    store,
    max(opened_at) AS last_at,
    count(*) / (date_diff('day', min(opened_on), max(opened_on)) + 1) AS events_a_day
FROM events
GROUP BY source, store
ORDER BY last_at, source, store
