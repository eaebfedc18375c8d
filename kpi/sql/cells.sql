-- Texts to moments: one reading only, or a reason why not.
INSERT INTO cell_moments
WITH placed AS (
    SELECT
        readings.cell,
        readings.wall,
        coalesce(readings.moment, wall_moments.moment) AS moment,
        wall_moments.reason
    FROM readings
    LEFT JOIN wall_moments ON wall_moments.wall = readings.wall
    WHERE readings.wall IS NOT NULL OR readings.moment IS NOT NULL
),
summed AS (
    SELECT
        cell,
        count(DISTINCT wall) + count(DISTINCT moment) FILTER (wall IS NULL) AS reading_count,
        min(wall) AS wall,
        min(moment) AS moment,
        min(reason) AS reason
    FROM placed
    GROUP BY cell
)
SELECT
    unread.cell,
    CASE WHEN reading_count = 1 THEN summed.wall END,
    CASE WHEN reading_count = 1 THEN summed.moment END,
    CASE
        WHEN reading_count IS NULL THEN $unreadable
        WHEN reading_count > 1 THEN $two_readings
        ELSE summed.reason
    END
FROM unread
LEFT JOIN summed ON summed.cell = unread.cell
