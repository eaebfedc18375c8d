-- The events as they are known at a moment: what is stored, with the ages of what is open, and whether windows have ended.
-- `{as_of}`, `{window_seconds}`, `{known_clock}` and `{stored}` are this package's own.
CREATE OR REPLACE VIEW events AS
SELECT
    * EXCLUDE (layer, row, is_waiting, is_unresolved, calendar, opened_clock{clock_column}, event_key, row_hash, customer_tie, customer_key, merged_key),
    CASE WHEN is_waiting THEN ({known_clock} - opened_clock + 999999) // 1000000 END AS waiting_seconds,
    CASE
        WHEN is_unresolved THEN (epoch_us(TIMESTAMPTZ '{as_of}') - epoch_us(opened_at) + 999999) // 1000000
    END AS unresolved_seconds,
    resolved_at <= TIMESTAMPTZ '{as_of}' - to_seconds({window_seconds}) AS is_mature
FROM {stored}
