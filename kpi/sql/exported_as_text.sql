-- Exported events for a spreadsheet: moments in ISO 8601 (UTC, and local), and text that would be taken for a formula behind an
-- apostrophe. Moments without a zone are formatted three times faster than those with one.
SELECT * REPLACE (
    as_text(event_id) AS event_id,
    as_text(source) AS source,
    as_text(region) AS region,
    as_text(store) AS store,
    as_text(channel) AS channel,
    as_text(service) AS service,
    as_text(agent) AS agent,
    as_text(segment) AS segment,
    as_text(touchpoint) AS touchpoint,
    as_text(priority) AS priority,
    strftime(make_timestamp(epoch_us(opened_at)), '%Y-%m-%dT%H:%M:%SZ') AS opened_at,
    strftime(opened_at_local, '%Y-%m-%d %H:%M:%S') AS opened_at_local,
    strftime(make_timestamp(epoch_us(responded_at)), '%Y-%m-%dT%H:%M:%SZ') AS responded_at,
    strftime(make_timestamp(epoch_us(resolved_at)), '%Y-%m-%dT%H:%M:%SZ') AS resolved_at,
    strftime(make_timestamp(epoch_us(ended_at)), '%Y-%m-%dT%H:%M:%SZ') AS ended_at,
    strftime(make_timestamp(epoch_us(due_at)), '%Y-%m-%dT%H:%M:%SZ') AS due_at,
    strftime(make_timestamp(epoch_us(updated_at)), '%Y-%m-%dT%H:%M:%SZ') AS updated_at
)
