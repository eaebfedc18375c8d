-- Events as a page lists them; $zone is the time zone of the reader.
SELECT
    event_id,
    store,
    channel,
    service,
    timezone($zone, opened_at) AS opened_at,
    response_seconds / 60.0 AS response_minutes,
    waiting_seconds / 60.0 AS waiting_minutes,
    timezone($zone, resolved_at) AS resolved_at,
    satisfaction_points / 10000.0 AS satisfaction,
    cost_units / 10000.0 AS cost,
    outcome,
    disposition
FROM events
