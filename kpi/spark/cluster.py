"""A Spark cluster: how it is reached, and the files that it shares with this machine, in a folder or an object store."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from kpi.errors import StateError
from kpi.scaling import COPIED

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""What results depend on: nobody's configuration of a cluster changes a figure."""

AS_THEY_ARE = {"__globPaths__": "false"}
"""Paths are names and no patterns."""


@contextmanager
def session(master: str, configuration: Mapping[str, str]) -> Generator[SparkSession]:
    """A session of its own on the cluster; without a master, what `spark-submit` or its configuration says, else this machine."""
    try:
        builder = SparkSession.builder.appName("kpi rollup")
        for name, value in ({"spark.ui.enabled": "false"} | dict(configuration) | SETTINGS).items():
            builder = builder.config(name, value)
        spark = (builder.master(master) if master else builder).getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise StateError(
            "Spark could not be started ({found}). It needs Java 17 or newer: apt-get install default-jre-headless; and a cluster"
            " of the same version that answers at {master}.",
            found=_first_line(error),
            master=master or "local[*]",
        ) from error
    try:
        spark.sparkContext.setLogLevel("ERROR")
        yield spark
    except (PySparkException, Py4JError) as error:
        raise StateError("Spark could not make the roll-ups ({found}). Nothing was changed.", found=_first_line(error)) from error
    finally:
        spark.stop()


def fetch(spark: SparkSession, place: str, folder: Path) -> None:
    """The parquet files and checksums below a place into a folder, each whole or not at all; those of the same size are there."""
    files, hadoop = _file_system(spark, place)
    root = files.makeQualified(hadoop.Path(place))
    every = files.listFiles(root, True)
    while every.hasNext():
        found = every.next()
        name = root.toUri().relativize(found.getPath().toUri()).getPath()
        target = folder / name
        if not name.endswith(COPIED) or (target.exists() and target.stat().st_size == found.getLen()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.coming")
        files.copyToLocalFile(False, found.getPath(), hadoop.Path(str(draft)), True)
        draft.replace(target)


def send(spark: SparkSession, sent: Sequence[Path], place: str) -> list[str]:
    """Files of this machine into a place, unless they are there; their addresses."""
    files, hadoop = _file_system(spark, place)
    there = []
    for file in sent:
        target = hadoop.Path(f"{place.rstrip('/')}/{file.name}")
        if not files.exists(target) or files.getFileStatus(target).getLen() != file.stat().st_size:
            files.copyFromLocalFile(False, True, hadoop.Path(str(file)), target)
        there.append(str(target.toString()))
    return there


def _file_system(spark: SparkSession, place: str) -> tuple[Any, Any]:
    java: Any = spark.sparkContext._jvm
    hadoop = java.org.apache.hadoop.fs
    context: Any = spark.sparkContext._jsc
    return hadoop.Path(place).getFileSystem(context.hadoopConfiguration()), hadoop


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:500]
