"""Local days are those of a table of time zones, and every program brings its own: two that differ make different days."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
from pyspark.sql import SparkSession

from kpi.absorbing import SQL, literal
from kpi.errors import StateError
from kpi.spark.translation import translated

HALF_HOUR = 1_800
"""Clocks have changed at full and half hours since 1970."""

Sums = dict[tuple[str, int], int]


def refuse_other_zones(
    spark: SparkSession, connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], zones: Sequence[str], as_of: datetime
) -> None:
    """Fail when Spark's Java and DuckDB tell different local times of these zones while the events happened."""
    first = connection.execute((SQL / "first_moment.sql").read_text(), {"parts": literal(parts)}).fetchall()[0][0]
    steps = range(int(first.timestamp()) // HALF_HOUR - 1, int(as_of.timestamp()) // HALF_HOUR + 2)
    differing = sorted(differences(of_duckdb(connection, zones, steps), of_spark(spark, zones, steps)))
    if differing:
        raise StateError(
            "{zone}: DuckDB and Spark's Java know different local times in {year}. Install the same time zones for Java on every"
            " machine of the cluster (a newer Java, or its tzupdater), or use --engine duckdb.",
            zone=differing[0][0],
            year=1970 + differing[0][1],
        )


def differences(one: Sums, other: Sums) -> set[tuple[str, int]]:
    """The zones and years that are not the same in both."""
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def of_duckdb(connection: duckdb.DuckDBPyConnection, zones: Sequence[str], steps: range) -> Sums:
    """A sum over all offsets from UTC of each zone in each year, every half hour: another offset makes another sum."""
    steps_of_zones = "(SELECT step, unnest($zones) AS zone FROM range($first, $last) AS steps (step))"
    statement = _offsets().replace("read_parquet($parts)", steps_of_zones)
    values = {"zones": list(zones), "first": steps.start, "last": steps.stop}
    return {(zone, year): int(found) for zone, year, found in connection.execute(statement, values).fetchall()}


def of_spark(spark: SparkSession, zones: Sequence[str], steps: range) -> Sums:
    """The same by Java's time zones."""
    named = spark.createDataFrame([(zone,) for zone in zones], "zone STRING")
    spark.range(steps.start, steps.stop).withColumnRenamed("id", "step").crossJoin(named).createOrReplaceTempView("parts")
    return {(row.zone, row.year): int(row.found) for row in spark.sql(translated(_offsets(), {})).collect()}


def _offsets() -> str:
    return (SQL / "zone_offsets.sql").read_text()
