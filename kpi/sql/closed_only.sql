-- Sources of which no event is open, though more than a tenth took longer than a day.
SELECT
    source,
    CAST(sum({events}) AS BIGINT) AS ended
FROM {census}
WHERE disposition = 'normal'
GROUP BY source
HAVING
    sum({events}) >= $fewest
    AND sum({not_ended}) = 0
    AND sum({long}) > 0.1 * sum({events})
ORDER BY source
