-- The winning versions -> one row per event as it is known at $as_of, in whole seconds, ten-thousandths and local dates.
-- What passes with time alone (ages, ripeness) is not here: `stored` rows hold from what it follows.
-- Relations: winners, given (source, column_name), schedules (store, zone), limit_days (opened_on, response_seconds,
-- resolution_seconds).
CREATE OR REPLACE TEMP TABLE fresh AS
WITH present AS (
    SELECT
        source,
        event_id,
        coalesce(region, 'unknown') AS region,
        store,
        channel,
        service,
        coalesce(agent, 'unknown') AS agent,
        coalesce(segment, 'unknown') AS segment,
        coalesce(touchpoint, 'unknown') AS touchpoint,
        coalesce(priority, 'unknown') AS priority,
        coalesce(disposition, 'normal') AS disposition,
        customer,
        merged_into,
        event_key,
        row_hash,
        customer_tie,
        updated_at,
        opened_at,
        CASE WHEN responded_at <= $as_of THEN responded_at END AS responded_at,
        CASE WHEN resolved_at <= $as_of THEN resolved_at END AS resolved_at,
        coalesce(
            CASE WHEN resolved_at <= $as_of THEN resolved_at END,
            CASE WHEN closed_at <= $as_of THEN closed_at END
        ) AS ended_at,
        CASE WHEN reopened_at <= $as_of THEN reopened_at END AS reopened_at,
        CASE WHEN answered_at <= $as_of THEN answered_at END AS answered_at,
        coalesce(has_response, FALSE) AS has_response,
        coalesce(has_resolution, FALSE) AS has_resolution,
        coalesce(has_resolution, FALSE) OR coalesce(has_end, FALSE) AS has_end,
        due_at,
        contact_count,
        transfer_count,
        reopen_count,
        resolved_first_contact,
        agreement_met,
        CAST(split_part(coalesce(satisfaction_scale, '1..5'), '..', 1) AS DECIMAL(9, 4)) AS scale_lowest,
        CAST(split_part(coalesce(satisfaction_scale, '1..5'), '..', 2) AS DECIMAL(9, 4)) AS scale_highest,
        satisfaction,
        recommendation,
        effort,
        cost,
        handle_minutes,
        coalesce(outcome, 'unknown') AS outcome,
        failure_type,
        quality_passed,
        coalesce(is_complaint, FALSE) AS is_complaint
    FROM winners
    WHERE NOT is_deleted
      AND opened_at <= $as_of
),
local AS (
    SELECT
        present.*,
        coalesce(schedules.zone, $zone) AS zone,
        CAST(timezone(coalesce(schedules.zone, $zone), opened_at) AS DATE) AS opened_on,
        CAST(timezone(coalesce(schedules.zone, $zone), resolved_at) AS DATE) AS resolved_on,
        CAST(timezone(coalesce(schedules.zone, $zone), ended_at) AS DATE) AS ended_on,
        coalesce(answered_at, ended_at) AS dated_answer_at,
        CAST(
            timezone(
                coalesce(schedules.zone, $zone),
                coalesce(dated_answer_at, CASE WHEN coalesce(satisfaction, recommendation, effort) IS NOT NULL THEN opened_at END)
            ) AS DATE
        ) AS answered_on
    FROM present
    LEFT JOIN schedules USING (store)
)
SELECT
    local.source,
    event_id,
    region,
    store,
    channel,
    service,
    agent,
    segment,
    touchpoint,
    priority,
    disposition,
    opened_at,
    responded_at,
    resolved_at,
    ended_at,
    updated_at,
    due_at,
    zone,
    opened_on,
    resolved_on,
    ended_on,
    answered_on,
    (date_diff('microsecond', opened_at, responded_at) + 999999) // 1000000 AS response_seconds,
    responded_at IS NULL AND ended_at IS NULL AND NOT has_end AND NOT has_response AS is_waiting,
    '' AS calendar,
    epoch_us(opened_at) AS opened_clock,
    has_response,
    dated_answer_at IS NOT NULL AS has_answer_date,
    limit_days.response_seconds AS response_limit_seconds,
    (date_diff('microsecond', opened_at, resolved_at) + 999999) // 1000000 AS resolution_seconds,
    resolved_at IS NULL AND ended_at IS NULL AND NOT has_end AS is_unresolved,
    ended_at IS NOT NULL OR has_end AS is_ended,
    has_resolution,
    limit_days.resolution_seconds AS resolution_limit_seconds,
    customer IS NOT NULL AS has_customer,
    FALSE AS is_repeated,
    CASE
        WHEN reopened_at IS NULL THEN coalesce(reopen_count, 0) > 0
        ELSE reopened_at <= resolved_at + to_seconds($window_seconds)
    END AS is_reopened,
    reopened_at IS NOT NULL
        OR reopen_count IS NOT NULL
        OR counting.source IS NULL AS is_reopen_known,
    contact_count,
    transfer_count,
    resolved_first_contact,
    agreement_met,
    CAST(round(((satisfaction - scale_lowest) * 40000) / (scale_highest - scale_lowest)) + 10000 AS BIGINT) AS satisfaction_points,
    recommendation,
    effort,
    CAST(CAST(cost AS DECIMAL(38, 4)) * 10000 AS HUGEINT) AS cost_units,
    CAST(round(handle_minutes * 60000) AS BIGINT) AS handle_milliseconds,
    outcome,
    failure_type,
    quality_passed,
    is_complaint,
    event_key,
    row_hash,
    customer_tie,
    CASE WHEN customer IS NOT NULL AND service <> 'unknown' THEN hash(customer, service, 'customer') END AS customer_key,
    CASE WHEN merged_into IS NOT NULL THEN hash(local.source, merged_into) END AS merged_key
FROM local
LEFT JOIN limit_days USING (opened_on)
LEFT JOIN (SELECT source FROM given WHERE column_name = 'reopen_count') AS counting ON counting.source = local.source
