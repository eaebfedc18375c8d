"""A state made on a cluster: extracts are checked on this machine, events and roll-ups made there, and served from one base."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
from pyspark.sql import SparkSession

from kpi import building, store
from kpi.absorbing import Knowing
from kpi.building import EVENTS, Site, Stack
from kpi.errors import StateError
from kpi.extracts import READ
from kpi.pace import Progress
from kpi.scaling import Cluster, is_url
from kpi.spark import cluster as clusters
from kpi.spark import tables, zones
from kpi.store import State

MADE = "made_by_spark"
"""The folder of the state where the tables lie until they are in the base, unless another place is named."""


def load(folder: Path, extracts: str, cluster: Cluster, progress: Progress) -> State:
    """Check what is new, make every table on the cluster, and publish the base that holds them."""
    with clusters.session(cluster.master, cluster.configuration) as spark:
        if extracts:
            clusters.fetch(spark, extracts, folder / "extracts")
        return store.load_anew(folder, progress, lambda site, name, as_of: _base(spark, cluster, site, name, as_of))


def _base(spark: SparkSession, cluster: Cluster, site: Site, name: str, as_of: datetime) -> Stack:
    if not site.parts:
        return building.build(site, name, as_of)
    shared = site.folder.absolute() / MADE
    shutil.rmtree(shared, ignore_errors=True)
    own = Path(cluster.output).absolute() if cluster.output else shared
    output = cluster.output if is_url(cluster.output) else _address(own)

    def made(connection: duckdb.DuckDBPyConnection, knowing: Knowing) -> Iterator[tuple[str, Sequence[Path]]]:
        parts = list(site.parts)
        calendar = site.settings.calendar
        kept = sorted({calendar.default.zone, *(one.zone for one in calendar.stores.values())})
        zones.refuse_other_zones(spark, connection, parts, kept, as_of)
        sent = clusters.send(spark, parts, f"{output}/parts") if cluster.output else [_address(one.absolute()) for one in parts]
        names = []
        for name in tables.roll_up(spark, sent, sum(site.rows.values()), tables.settings_of(connection), knowing, output):
            names.append(name)
            site.progress(len(names), tables.HOW_MANY, EVENTS, 0)
        for name in names:
            here = shared / name if is_url(cluster.output) else own / name
            if is_url(cluster.output):
                clusters.fetch(spark, f"{output}/{name}", here)
            files = sorted(here.glob(f"*{READ}"))
            if not files:
                raise StateError("{where}: holds no table. Name an --output that this machine and every worker see.", where=here)
            yield name.partition(".")[0], files

    try:
        return building.bring_in(site, name, as_of, made)
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def _address(file: Path) -> str:
    """A file of this machine, whatever the cluster takes for its own file system."""
    return f"file://{file}"
