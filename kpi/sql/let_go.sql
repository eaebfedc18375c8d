-- What is not needed any more: a batch is several times as large in memory as on the disk.
SET VARIABLE arrived = (SELECT count(*) FROM arrivals);

DROP VIEW newest;

DROP VIEW contenders;

DROP TABLE arrivals;

DROP TABLE winners
