-- What was kept aside: unreadable rows, rows of refused events, and single values. Text that a spreadsheet would run is disarmed (macro as_text).
CREATE TABLE kept_aside AS
WITH refused AS (
    SELECT
        members.row_id,
        first.name,
        first.reason,
        first.found,
        first.expected
    FROM members
    JOIN (SELECT DISTINCT ON (row_id) * FROM problems ORDER BY row_id, number) AS first ON first.row_id = members.event_row
    UNION ALL
    SELECT DISTINCT ON (row_id) row_id, name, reason, found, expected
    FROM (SELECT * FROM problems ORDER BY row_id, number)
    WHERE row_id NOT IN (SELECT row_id FROM members)
),
listed AS (
    SELECT raw.row_id, raw.part, raw.file_row, 'row' AS kept, name, reason, found, expected
    FROM refused
    JOIN raw ON raw.row_id = refused.row_id
    UNION ALL
    SELECT raw.row_id, raw.part, raw.file_row, 'value', name, reason, found, expected
    FROM aside
    JOIN raw ON raw.row_id = aside.row_id
    WHERE aside.row_id NOT IN (SELECT row_id FROM problems)
    UNION ALL
    SELECT NULL, part, file_row, 'row', '', $unreadable, found, expected
    FROM broken
)
SELECT
    listed.row_id,
    as_text(parts.label) AS file,
    listed.file_row AS row,
    listed.kept,
    as_text(listed.name) AS column,
    as_text(coalesce(origins.raw, listed.name)) AS raw_column,
    as_text(listed.reason) AS reason,
    as_text(left(listed.found, $longest)) AS found,
    as_text(listed.expected) AS expected
FROM listed
JOIN parts ON parts.part = listed.part
LEFT JOIN origins ON origins.name = listed.name
ORDER BY listed.part, listed.file_row, listed.kept, listed.name
