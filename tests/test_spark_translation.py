"""What DuckDB and Spark call the same is the same, value by value; what nobody compared is refused."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from test_spark import IS_POSSIBLE, QUICK, needs_spark

from kpi.absorbing import SQL
from kpi.measures import COUNT
from kpi.rollup import CENSUS, CUBOIDS, HISTOGRAM_CUBOIDS, HISTOGRAMS, ROLLUPS, bucket, counted, settled

if IS_POSSIBLE:
    from kpi.spark.translation import NotTranslated, translated

AS_OF = datetime(2024, 6, 30, 12, 0, 0, 1, tzinfo=UTC)
VALUES: dict[str, Any] = {"as_of": AS_OF, "window_seconds": 604_800, "ripe_now": AS_OF, "zone": "Europe/Berlin"}
ROWS = 20_000
DRAWN = """
SELECT
    i AS id,
    (hash(i) >> 1)::BIGINT // (1 << (i % 60)) * (CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END) AS number,
    i % 97 + 1 AS divisor,
    make_timestamptz((hash(i, 1) % 1719700000000000)::BIGINT) AS first_at,
    make_timestamptz((hash(i, 2) % 4260211200000000)::BIGINT - 2145916800000000) AS last_at,
    (1 + hash(i, 3) % 100000)::BIGINT AS low,
    ((hash(i, 4) % 2000000000)::BIGINT - 1000000000)::DECIMAL(18, 4) / 10000 AS amount_of_it,
    (hash(i, 5) % 1000000) / 99991.0 AS minutes,
    CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN 'é' WHEN i % 5 = 2 THEN '' WHEN i % 5 = 3 THEN 'Z' ELSE 'a' END AS word,
    left(sha256(i::VARCHAR), 32) AS customer,
    zones[i % len(zones) + 1] AS zone
FROM range($rows) AS numbers (i), (SELECT $zones AS zones)
"""
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]
EXPRESSIONS = {
    "quotient": "number // divisor",
    "remainder_free": "(number + 999999) // 1000000",
    "ratio": "number / divisor",
    "seconds_between": "date_diff('second', first_at, last_at)",
    "microseconds_between": "date_diff('microsecond', first_at, last_at)",
    "since_1970": "epoch_us(last_at)",
    "local_day": "CAST(timezone(zone, first_at) AS DATE)",
    "local_hour": "hour(timezone(zone, first_at))",
    "window_ends": "first_at + to_seconds($window_seconds)",
    "window_began": "first_at - to_seconds($window_seconds)",
    "is_known": "first_at <= $as_of",
    "is_ripe": "first_at <= getvariable('ripe_now')",
    "earliest": "least(first_at, CASE WHEN last_at > $as_of THEN last_at END)",
    "rounded": "CAST(round(minutes * 60000) AS BIGINT)",
    "points": "CAST(round(((amount - CAST(split_part('-0.98765..7.31', '..', 1) AS DECIMAL(9, 4))) * 40000)"
    " / (CAST(split_part('-0.98765..7.31', '..', 2) AS DECIMAL(9, 4)) - -1.5)) + 10000 AS BIGINT)",
    "units": "CAST(CAST(amount AS DECIMAL(38, 4)) * 10000 AS HUGEINT)",
    "squares": "CAST(low AS HUGEINT) * CAST(low AS HUGEINT)",
    "tie": "coalesce(('0x' || left(customer, 16))::UBIGINT, 0)",
    "truth": "CAST(number > 0 AS HUGEINT)",
    "is_other": "word <> 'a'",
    "is_one_of": "word IN ('a', 'é')",
    "bucket": bucket("low"),
    "bucket_of_the_negative": bucket("-low"),
}
LOGARITHMS = "SELECT CAST(round(ln(id + 1) * 1000000) AS BIGINT) AS logarithm, id FROM read_parquet($parts)"
GROUPED = """
SELECT grouping(zone, word) AS which, zone, word, count(*) AS events, count(*) FILTER (WHERE number > 0) AS positive,
    coalesce(sum(CAST(low AS HUGEINT)) FILTER (WHERE word = 'a'), 0) AS lows
FROM (SELECT * EXCLUDE (customer) FROM read_parquet($parts))
GROUP BY GROUPING SETS ((zone, word), (zone), (word))
"""
NEWEST = """
SELECT id, word FROM (
    SELECT * FROM read_parquet($parts) QUALIFY row_number() OVER (PARTITION BY zone, divisor ORDER BY first_at DESC, word DESC) = 1
)
"""
CHILD = f"""
import duckdb, json, sys
from datetime import datetime
from kpi.spark.cluster import session
from kpi.spark.translation import translated
from kpi.spark.zones import differences, of_duckdb, of_spark
values = {{name: datetime.fromisoformat(value) if "T" in str(value) else value for name, value in json.loads(sys.argv[1]).items()}}
small = {{"spark.driver.memory": "700m", "spark.sql.shuffle.partitions": "2", "spark.driver.extraJavaOptions": "{QUICK}"}}
with session("local[2]", small) as spark:
    for name, (parts, statement) in json.loads(sys.argv[2]).items():
        spark.read.parquet(parts).createOrReplaceTempView("parts")
        spark.sql(translated(statement, values)).write.parquet(f"{{sys.argv[3]}}/{{name}}")
    with duckdb.connect() as connection:
        steps = range(788_000, 960_000)
        found = of_duckdb(connection, {ZONES}, steps)
        summer = of_duckdb(connection, ["Europe/London"], steps)
    winter = {{("Europe/London", year): total for (_, year), total in of_spark(spark, ["Africa/Abidjan"], steps).items()}}
    print(json.dumps([sorted(differences(found, of_spark(spark, {ZONES}, steps))), len(differences(summer, winter)), len(summer)]))
"""


@needs_spark
def test_every_expression_that_a_statement_may_use_is_equal_on_both_engines(tmp_path: Path) -> None:
    chosen = ", ".join(f"{text} AS {name}" for name, text in EXPRESSIONS.items())
    drawn, numbers = str(tmp_path / "drawn.parquet"), str(tmp_path / "numbers.parquet")
    asked = {
        "expressions": (drawn, f"SELECT id, {chosen} FROM read_parquet($parts)"),
        "logarithms": (numbers, LOGARITHMS),
        "grouped": (drawn, GROUPED),
        "newest": (drawn, NEWEST),
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET VARIABLE ripe_now = $ripe_now", {"ripe_now": AS_OF})
        rows = f"SELECT * EXCLUDE (amount_of_it), amount_of_it::DECIMAL(9, 4) AS amount FROM ({DRAWN})"
        connection.execute(f"COPY ({rows}) TO '{drawn}'", {"rows": ROWS, "zones": ZONES})
        connection.execute(f"COPY (SELECT range AS id FROM range(1000001)) TO '{numbers}'")
        words = json.dumps(VALUES, default=datetime.isoformat)
        command = [sys.executable, "-c", CHILD, words, json.dumps(asked), str(tmp_path)]
        done = subprocess.run(command, env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        other_zones, years_of_another_zone, years = json.loads(done.stdout)
        assert other_zones == []
        assert years_of_another_zone >= years - 1  # the last one is a winter
        for name, (parts, statement) in asked.items():
            bound = {one: value for one, value in (VALUES | {"parts": parts}).items() if f"${one}" in statement}
            connection.execute(f"CREATE TABLE {name} AS {statement}", bound)
            connection.execute(f"CREATE TABLE spark_{name} AS FROM {name} LIMIT 0")
            connection.execute(f"INSERT INTO spark_{name} BY NAME SELECT * FROM read_parquet('{tmp_path}/{name}/*.parquet')")
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] > 100 or name == "grouped"
            columns = [column for column, *_ in connection.execute(f"DESCRIBE {name}").fetchall()]
            for column in columns:
                key = "id" if "id" in columns else ", ".join(columns)
                left, right = (f"(SELECT {key}, {column} AS found FROM {table})" for table in (name, f"spark_{name}"))
                different = f"(FROM {left} EXCEPT ALL FROM {right}) UNION ALL (FROM {right} EXCEPT ALL FROM {left})"
                assert connection.execute(f"{different} ORDER BY ALL LIMIT 6").fetchall() == [], (name, column)


@needs_spark
@pytest.mark.parametrize("name", ["arrivals", "newest", "held", "events", "repeated", "moving", "listed_values"])
def test_every_shared_statement_can_be_translated(name: str) -> None:
    assert translated((SQL / f"{name}.sql").read_text().replace("{target}.", ""), VALUES | {"first_row": 0, "last_row": 1})


@needs_spark
def test_every_measure_can_be_translated() -> None:
    for one in (*ROLLUPS.values(), CENSUS):
        assert translated(settled(one, CUBOIDS, "moving", is_signed=False), VALUES).count("COUNT(*)") >= sum(
            measure.value == COUNT for measure in one.measures
        )
    for each in HISTOGRAMS.values():
        assert "DIV" in translated(counted(each, HISTOGRAM_CUBOIDS, "moving"), VALUES)


@needs_spark
@pytest.mark.parametrize("text", ["dayofweek(a)", "avg(a)", "date_diff('minute', a, b)", "epoch_ms(a)", "CAST(a AS FLOAT)", "median(a)"])
def test_what_nobody_compared_is_refused(text: str) -> None:
    with pytest.raises(NotTranslated):
        translated(f"SELECT {text} FROM moving", {})
