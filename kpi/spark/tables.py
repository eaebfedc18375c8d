"""The tables of a base, made on a Spark cluster from all parts at once, by the statements that DuckDB runs batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import duckdb
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType

from kpi import rollup
from kpi.absorbing import ORDER, SQL, TABLES, Knowing
from kpi.rollup import CENSUS, HISTOGRAMS, Rollup
from kpi.spark.cluster import AS_THEY_ARE
from kpi.spark.translation import translated

ROWS_A_FILE = 500_000
SHUFFLES = "spark.sql.shuffle.partitions"
KINDS = {"VARCHAR": StringType(), "DATE": DateType(), "BIGINT": LongType()}
HOW_MANY = 3 + 4 * len(TABLES) + len(HISTOGRAMS)
"""Tables that are written, or a few more."""

SETTINGS = ("schedules", "limit_days", "given")


def settings_of(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[StructType, list[tuple[Any, ...]]]]:
    """The small tables that events are derived with, as DuckDB made them."""
    found = {}
    for name in SETTINGS:
        columns = connection.execute(f"DESCRIBE SELECT * FROM {name}").fetchall()  # noqa: S608 (our own names)
        schema = StructType([StructField(column, KINDS[kind]) for column, kind, *_ in columns])
        found[name] = (schema, connection.execute(f"SELECT * FROM {name}").fetchall())  # noqa: S608 (our own names)
    return found


def roll_up(
    spark: SparkSession,
    parts: Sequence[str],
    rows: int,
    settings: Mapping[str, tuple[StructType, list[tuple[Any, ...]]]],
    knowing: Knowing,
    output: str,
) -> Iterator[str]:
    """Write every table of a base below `output`, and tell the name of each as it is done.

    The keys of events and customers are lists of texts in them; DuckDB hashes them when it reads the tables.
    """
    yield from _Work(spark, rows, knowing, output).tables(parts, settings)


class _Work:
    """One run: the relations it has made have the names that the statements use."""

    def __init__(self, spark: SparkSession, rows: int, knowing: Knowing, output: str) -> None:
        self.spark = spark
        self.knowing = knowing
        self.output = output
        self.files = max(rows // ROWS_A_FILE, 1)
        window = timedelta(seconds=knowing.window_seconds)
        self.values = {
            "as_of": knowing.as_of,
            "ripe_now": knowing.as_of - window,
            "window_seconds": knowing.window_seconds,
            "zone": knowing.settings.calendar.default.zone,
            "first_row": 0,
            "last_row": 1,
        }
        if not spark.sparkContext.getConf().contains(SHUFFLES):
            spark.conf.set(SHUFFLES, max(2 * spark.sparkContext.defaultParallelism, 4 * self.files))

    def tables(self, parts: Sequence[str], settings: Mapping[str, tuple[StructType, list[tuple[Any, ...]]]]) -> Iterator[str]:
        for name, (schema, content) in settings.items():
            self.spark.createDataFrame(content, schema).createOrReplaceTempView(name)
        self.spark.read.options(**AS_THEY_ARE).parquet(*parts).createOrReplaceTempView("parts")
        self.statement("arrivals")
        self.statement("whole", "contenders")
        self.keep("newest")
        self.statement("whole", "winners")
        yield self.write("held", self.made("held"))
        self.keep("fresh", self.made("events"))
        self.statement("whole", "seekers")
        self.statement("whole", "known_contacts")
        self.statement("repeated")
        marked = self.made("whole", "marked").repartitionByRange(self.files, "opened_on")
        yield self.write("events", marked.sortWithinPartitions(*ORDER.split(", ")))
        self.read("events").createOrReplaceTempView("fresh")
        for name in ("coming", "whole", "moving"):
            self.statement(name, {"whole": "changing"}.get(name, name))
        yield self.write("listed_values", self.made("listed_values"))
        for one in TABLES:
            yield from self.sums(one)
        for each in HISTOGRAMS.values() if self.knowing.histograms else ():
            yield self.write(each.name, self.query(rollup.counted(each, self.knowing.histograms, "moving")))

    def sums(self, one: Rollup) -> Iterator[str]:
        """The finest cuboids from the events, the others from them."""
        yield self.write(one.name, self.query(rollup.settled(one, self.knowing.sums, "moving", is_signed=False)))
        if one is CENSUS:
            return
        self.read(one.name).createOrReplaceTempView("finest")
        for number, query in enumerate(rollup.coarser(one, self.knowing.sums, "finest")):
            yield self.write(f"{one.name}.{number}", self.query(query))

    def statement(self, file: str, name: str = "") -> None:
        """Make a relation of a statement of an SQL file: the one that makes this name."""
        self.made(file, name or file).createOrReplaceTempView(name or file)

    def made(self, file: str, name: str = "") -> DataFrame:
        statements = [one for one in (SQL / f"{file}.sql").read_text().split(";\n") if "SELECT" in one]
        if name and len(statements) > 1:
            statements = [one for one in statements if f" {name} AS\n" in one]
        [statement] = statements
        return self.query(statement.replace("{target}.", ""))

    def query(self, statement: str) -> DataFrame:
        return self.spark.sql(translated(statement, self.values))

    def keep(self, name: str, made: DataFrame | None = None) -> None:
        """Make a relation that is asked more than once, and keep it on the workers' disks."""
        (made or self.made(name)).persist(StorageLevel.DISK_ONLY).createOrReplaceTempView(name)

    def write(self, name: str, made: DataFrame) -> str:
        made.write.mode("overwrite").parquet(f"{self.output}/{name}")
        return name

    def read(self, name: str) -> DataFrame:
        return self.spark.read.options(**AS_THEY_ARE).parquet(f"{self.output}/{name}")
