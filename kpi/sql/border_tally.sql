-- How many rows fail which check (NULL: none); what the good ones say, and the first update of each.
SELECT
    failure,
    count(*) AS row_count,
    max(updated_at) AS newest_update,
    min(updated_at) AS oldest_update,
    count(*) FILTER (WHERE store IS NULL) AS unknown_store_count,
    count(*) FILTER (WHERE channel IS NULL) AS unknown_channel_count,
    count(*) FILTER (WHERE service IS NULL) AS unknown_service_count
FROM judged
GROUP BY failure
ORDER BY failure
