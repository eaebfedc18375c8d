-- By how much the number of events of each value of each dimension changes, whatever their disposition.
INSERT INTO {target}.listed_values
WITH counted AS (
    SELECT
        grouping(region, store, channel, service, agent, segment, touchpoint, priority, source, disposition) AS which,
        region, store, channel, service, agent, segment, touchpoint, priority, source, disposition,
        sum(sign) AS events
    FROM moving
    GROUP BY GROUPING SETS (
        (region), (store), (channel), (service), (agent), (segment), (touchpoint), (priority), (source), (disposition)
    )
)
SELECT
    CASE which
        WHEN 511 THEN 'region'
        WHEN 767 THEN 'store'
        WHEN 895 THEN 'channel'
        WHEN 959 THEN 'service'
        WHEN 991 THEN 'agent'
        WHEN 1007 THEN 'segment'
        WHEN 1015 THEN 'touchpoint'
        WHEN 1019 THEN 'priority'
        WHEN 1021 THEN 'source'
        WHEN 1022 THEN 'disposition'
    END AS name,
    coalesce(region, store, channel, service, agent, segment, touchpoint, priority, source, disposition) AS value,
    events
FROM counted
WHERE events <> 0
