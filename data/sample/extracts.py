"""The truth as it was known at each export, written as parquet files."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.sample.columns import table, timestamps
from data.sample.company import STORES
from data.sample.events import drawn_months
from data.sample.plan import DAY, NEVER, Events, Flags, Plan, moment, months
from data.sample.stories import REEXPORTED_DAYS, REEXPORTS

ROWS_PER_FILE = 500_000


@dataclass(frozen=True)
class History:
    """The monthly extracts, the events that the re-exports need, and those whose cost was exported wrong."""

    paths: list[Path]
    followed: Events
    wrong: Events


def write_all(plan: Plan, folder: Path) -> list[Path]:
    """Every extract of the sample."""
    history = write_history(plan, folder)
    first = pq.ParquetFile(history.paths[0]).read_row_group(0)
    return [
        *history.paths,
        *write_reexports(plan, folder, history.followed),
        *write_correction(plan, folder, history.wrong),
        *write_deletions(plan, folder, first),
        *write_faults(folder, first),
    ]


def write_history(plan: Plan, folder: Path) -> History:
    """One extract a month: what was opened or changed in it."""
    last_export = moment(plan.last_day - timedelta(days=REEXPORTS.days_before_end), time(2))
    previous, paths, followed, wrong = 0, list[Path](), Events(), Events()
    for days, drawn in zip(months(plan), drawn_months(plan), strict=True):
        at = min(moment(plan.first_day + timedelta(days=days.stop), time(0)), last_export)
        everything = joined(followed, drawn)
        events = known(plan, everything, at)
        rows = chosen_rows(events, events["is_known"] & (events["updated"] > previous))
        paths += write_parts(table(rows, rows["cost_exported"]), folder, f"{plan.first_day + timedelta(days=days.start):%Y-%m}")
        followed = chosen_rows(everything, changes_after(everything, at))
        wrong = joined(wrong, chosen_rows(drawn, drawn["is_wrong"]))
        previous = at
    return History(paths, followed, wrong)


def write_reexports(plan: Plan, folder: Path, followed: Events) -> list[Path]:
    """The last days again, on each of the last three occasions, with whatever changed since the export before."""
    previous = moment(plan.last_day - timedelta(days=2), time(2))
    occasions = [moment(plan.last_day - timedelta(days=1), time(2)), moment(plan.last_day, time(2)), plan.as_of]
    paths: list[Path] = []
    for number, at in enumerate(occasions, start=1):
        events = known(plan, followed, at)
        recent = events["opened"] > at - REEXPORTED_DAYS * DAY
        rows = chosen_rows(events, events["is_known"] & (recent | (events["updated"] > previous)))
        paths += write_parts(table(rows, rows["cost_exported"]), folder, f"reexport_{number}")
        previous = at
    return paths


def write_correction(plan: Plan, folder: Path, wrong: Events) -> list[Path]:
    corrected_at = moment(plan.last_day - timedelta(days=3), time(9))
    rows = known(plan, wrong, corrected_at)
    rows["updated"] = np.full(rows["opened"].size, corrected_at)
    return write_parts(table(rows, rows["cost"]), folder, "correction_costs_S003")


def write_deletions(plan: Plan, folder: Path, first: pa.Table) -> list[Path]:
    """Three tombstones. They are the newest change, so that "as of" is the same for every number of events."""
    rows = first.slice(10, 3)
    updated = timestamps(np.full(rows.num_rows, plan.as_of))
    rows = rows.set_column(rows.schema.get_field_index("updated_at"), "updated_at", updated)
    rows = rows.set_column(rows.schema.get_field_index("is_deleted"), "is_deleted", pa.array([True] * rows.num_rows))
    return write_parts(rows, folder, "deletions")


def write_faults(folder: Path, first: pa.Table) -> list[Path]:
    """What an extract must not contain: four rows to refuse, beside two copies of good ones, and a file cut off in the middle."""
    rows = first.slice(0, 6).to_pylist()
    for number, row in enumerate(rows[:4], start=1):
        row["event_id"] = f"SYN-FAULT-{number}"
    rows[0]["closed_at"] = rows[0]["resolved_at"] = rows[0]["opened_at"] - timedelta(hours=1)
    rows[1]["satisfaction"] = 9
    rows[2]["opened_at"] = datetime(1900, 1, 1, tzinfo=ZoneInfo("UTC"))
    rows[3]["outcome"] = "fine"
    paths = write_parts(pa.Table.from_pylist(rows, schema=first.schema), folder, "bad_rows")
    broken = folder / "synthetic_broken.parquet"
    broken.write_bytes(paths[0].read_bytes()[:2_000])
    return [*paths, broken]


def write_parts(rows: pa.Table, folder: Path, name: str) -> list[Path]:
    """One file, or as many as keep each below ROWS_PER_FILE; none for no rows."""
    starts = range(0, rows.num_rows, ROWS_PER_FILE)
    suffixes = [""] if len(starts) == 1 else [f"_part{number}" for number in range(1, len(starts) + 1)]
    paths = [folder / f"synthetic_{name}{suffix}.parquet" for suffix in suffixes]
    for path, start in zip(paths, starts, strict=True):
        pq.write_table(rows.slice(start, ROWS_PER_FILE), path, compression="zstd")
    return paths


def known(plan: Plan, events: Events, at: int) -> Events:
    """The moments of each event as far as they had happened, with the moment of the last change. The silent store stops early."""
    until = np.where(events["store"] == STORES.index("S007"), min(at, plan.silent_from), at)
    is_reopened = events["reopened"] <= until
    closed = np.where(is_reopened, events["closed"], events["first_ended"])
    moments = {
        "opened": events["opened"],
        "responded": events["responded"],
        "closed": closed,
        "resolved": np.where(events["unresolved"], NEVER, closed),
        "reopened": events["reopened"],
        "answered": events["answered"],
    }
    moments = {name: np.where(happened <= until, happened, NEVER) for name, happened in moments.items()}
    updated = np.max([np.where(happened == NEVER, 0, happened) for happened in moments.values()], axis=0)
    return events | moments | {"updated": updated, "is_known": events["opened"] <= until}


def changes_after(events: Events, at: int) -> Flags:
    """Whether something still happens to an event, or happened so lately that a re-export repeats it."""
    moments = [events[name] for name in ("opened", "responded", "closed", "answered")]
    last_change = np.max([np.where(happened == NEVER, 0, happened) for happened in moments], axis=0)
    return (last_change > at) | (events["opened"] > at - 2 * REEXPORTED_DAYS * DAY)


def chosen_rows(events: Events, rows: Flags) -> Events:
    return {name: values[rows] for name, values in events.items()}


def joined(first: Events, second: Events) -> Events:
    return {name: np.concatenate([first[name], second[name]]) for name in second} if first else second
