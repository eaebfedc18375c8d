-- When each store last opened an event, and its usual number of events a day over the days from its first to its last.
-- Only the events of each store's newest day are looked at.
WITH days AS (
    SELECT
        source,
        store,
        day,
        sum({events}) AS events
    FROM {census}
    GROUP BY source, store, day
    HAVING sum({events}) > 0
),
stores AS (
    SELECT
        source,
        store,
        max(day) AS newest_day,
        sum(events) / (date_diff('day', min(day), max(day)) + 1) AS events_a_day
    FROM days
    GROUP BY source, store
)
SELECT
    stores.source,
    stores.store,
    max(events.opened_at) AS last_at,
    any_value(stores.events_a_day) AS events_a_day
FROM stores
INNER JOIN events
    ON events.opened_on = stores.newest_day
    AND events.source = stores.source
    AND events.store = stores.store
GROUP BY stores.source, stores.store
ORDER BY last_at, stores.source, stores.store
