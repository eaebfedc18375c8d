"""Roll-ups by the engine that the number of events asks for: DuckDB on this machine, or Spark on many."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from kpi import building, store
from kpi.errors import ConfigError, KpiError
from kpi.extracts import READ
from kpi.pace import Progress
from kpi.settings import read_settings
from kpi.store import State

ENGINES = ("duckdb", "spark")
SPARK = "kpi.spark.engine"
COPIED = (READ, f"{READ}.sha256")
"""The files of a folder of extracts that are brought here: those that are read, and their checksums."""


@dataclass(frozen=True)
class Cluster:
    """Where Spark runs and what it is configured with; `output` is a folder or URL that every worker reads and writes, or empty."""

    master: str
    configuration: Mapping[str, str]
    output: str


def is_url(place: str) -> bool:
    """Whether a place is an address such as s3a://bucket/folder, and not a folder of this machine."""
    return "://" in place


def by_duckdb(folder: Path, extracts: str, progress: Progress) -> State:
    """The state of a data folder, built anew on this machine; extracts of another folder are copied into it first."""
    if is_url(extracts):
        raise ConfigError("--extracts {found}: DuckDB reads a folder of this machine. Use --engine spark, or copy them.", found=extracts)
    for file in sorted(Path(extracts).rglob("*")) if extracts else ():
        if file.name.endswith(COPIED):
            _copy(file, folder / "extracts" / file.relative_to(extracts))
    return store.load_anew(folder, progress, building.build)


def by_spark(folder: Path, extracts: str, cluster: Cluster, progress: Progress) -> State:
    """The same state, made on a cluster."""
    if read_settings(folder).calendar.clock == "opening_hours":
        raise ConfigError("calendar.toml: clock is opening_hours, which only DuckDB counts so far. Use --engine duckdb.")
    try:
        engine = import_module(SPARK)
    except ModuleNotFoundError as error:
        raise KpiError(
            "{module} is not installed. Spark is an extra: uv sync --extra spark, or pip install 'kpi-dashboard[spark]'.",
            module=str(error.name).partition(".")[0],
        ) from error
    state: State = engine.load(folder, extracts, cluster, progress)
    return state


def _copy(file: Path, target: Path) -> None:
    """A file into the extracts, whole or not at all; one of this size is there already."""
    if target.exists() and target.stat().st_size == file.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.coming")
    shutil.copyfile(file, draft)
    draft.replace(target)
