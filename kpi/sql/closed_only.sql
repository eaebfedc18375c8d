SELECT
    source,
    count(*) AS ended
FROM events
WHERE disposition = 'normal'
GROUP BY source
HAVING
    count(*) >= $fewest
    AND count(*) FILTER (WHERE ended_at IS NULL) = 0
    AND quantile_cont(date_diff('second', opened_at, ended_at), 0.9) > $days * 86400
ORDER BY source
