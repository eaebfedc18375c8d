"""A series from any CSV file, judged by the same engine as the KPIs: for analysts who hold it against what they have."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kpi.errors import ConfigError
from kpi.spc.charts import Chance, ChartType, Sums
from kpi.spc.conventions import Convention
from kpi.spc.judging import Judgement, Scope, judge
from kpi.spc.rules import RuleSet
from kpi.spc.runs import rephased
from kpi.spc.scales import LINEAR

KINDS: tuple[tuple[Chance, tuple[str, ...]], ...] = (
    ("shares", ("numerator", "denominator")),
    ("pooled", ("mean", "sd", "n")),
    ("none", ("value",)),
)
"""How the points are given, and by which columns."""

RUN_BASELINE, RUN_LENGTH = 13, 9
"""Points behind the first median of a run chart, and in a row on one side of it to begin another (runcharter's)."""

LARGEST_ROWS = 100_000


@dataclass(frozen=True)
class Worksheet:
    """The times as they stand in the file, and one series of their sums."""

    times: tuple[str, ...]
    sums: Sums


def read_worksheet(file: Path, baseline: int | None) -> Worksheet:
    """The file's series, its first `baseline` rows setting the limits (all, without a number). Empty cells are gaps."""
    rows = _rows(file)
    names = tuple(rows[0]) if rows else ()
    kind = next(((chance, columns) for chance, columns in KINDS if set(columns) <= set(names)), None)
    if kind is None or "time" not in names:
        raise ConfigError(
            "{where}: columns {found}, expected time and either value, or numerator and denominator, or mean, sd and n. Name them so.",
            where=file,
            found=", ".join(names) or "none",
        )
    chance, columns = kind
    cells = {name: np.array([[_number(row[name], name, number, file) for number, row in enumerate(rows, start=2)]]) for name in columns}
    times = tuple(row["time"] for row in rows)
    return Worksheet(times, _sums(chance, cells, _weekdays(times), len(times) if baseline is None else baseline))


def judged_rows(sheet: Worksheet, chart: ChartType, rules: RuleSet, convention: Convention) -> list[dict[str, Any]]:
    """Every point with its limits and signals, as a record."""
    if (chart.needs in ("shares", "rates")) != (sheet.sums.chance == "shares") and chart.needs != "values":
        raise ConfigError(
            "a {chart} chart needs {needs}. Give the columns of those, or choose another chart.", chart=chart.name, needs=_columns_of(chart)
        )
    shape = sheet.sums.value.shape
    everywhere = np.ones(shape, dtype=np.bool_)
    scope = Scope(np.zeros(shape, dtype=np.int64), everywhere, *_range(sheet.sums, chart), smallest=0.0, is_relative=False)
    found = judge(sheet.sums, chart, rules.rules, convention, scope)
    return [_record(sheet, found, place) for place in range(shape[1])]


def levels(sheet: Worksheet, baseline: int | None) -> list[dict[str, Any]]:
    """The medians that a run chart would begin anew, each with a run of nine on one side of the one before."""
    count = min(RUN_BASELINE if baseline is None else baseline, len(sheet.times))
    return [
        {"from": sheet.times[level.start], "until": sheet.times[level.end], "median": level.median}
        for level in rephased(sheet.sums.value[0], count, RUN_LENGTH)
    ]


def _columns_of(chart: ChartType) -> str:
    match chart.needs:
        case "shares" | "rates":
            return "numerator and denominator"
        case "means":
            return "mean, sd and n"
        case _:
            return "value"


def _range(sums: Sums, chart: ChartType) -> tuple[float, float]:
    """Shares lie in 0..1 and counts are not negative; of other values nothing is known."""
    if chart.needs == "shares" or (chart.needs == "values" and sums.chance == "shares"):
        return (0.0, np.inf) if chart.name == "np" else (0.0, 1.0)
    return (0.0, np.inf) if chart.needs in ("counts", "rates", "intervals") or chart.name in ("moving_range", "s") else (-np.inf, np.inf)


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="", restkey="")
            rows = [row for _, row in zip(range(LARGEST_ROWS + 1), reader, strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError("{where}: cannot be read ({found}), expected a CSV file in UTF-8.", where=file, found=error) from error
    if len(rows) > LARGEST_ROWS:
        raise ConfigError("{where}: more than {expected} rows. Take fewer.", where=file, expected=LARGEST_ROWS)
    if not rows:
        raise ConfigError("{where}: no rows, expected a header and one row a point.", where=file)
    return rows


def _number(cell: str, column: str, row: int, file: Path) -> float:
    if not cell.strip():
        return np.nan
    try:
        found = float(cell)
    except ValueError:
        found = np.nan
    if not isfinite(found):
        raise ConfigError(
            "{where}: line {row}: {column} is {found}, expected a number with a decimal point, or nothing for a gap.",
            where=file,
            row=row,
            column=column,
            found=repr(cell),
        )
    return found


def _sums(chance: Chance, cells: Mapping[str, NDArray[np.float64]], weekday: NDArray[np.int8], baseline: int) -> Sums:
    match chance:
        case "shares":
            numerator, n = cells["numerator"], cells["denominator"]
            squares = numerator
        case "pooled":
            n = cells["n"]
            numerator = cells["mean"] * n
            squares = np.where(n > 1, (n - 1) * np.nan_to_num(cells["sd"]) ** 2, 0) + cells["mean"] ** 2 * n
        case _:
            numerator, n, squares = cells["value"], np.ones(cells["value"].shape), cells["value"] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(n > 0, numerator / n, np.nan)
    used = np.isfinite(value) & (np.arange(value.shape[1]) < baseline)
    return Sums(value, numerator, np.nan_to_num(n), squares, used, weekday, chance, LINEAR)


def _weekdays(times: Sequence[str]) -> NDArray[np.int8]:
    """Weekdays where every time is a day of its own; else there are none."""
    try:
        days = [date.fromisoformat(time) for time in times]
    except ValueError:
        return np.full(len(times), -1, dtype=np.int8)
    is_daily = all(0 < (after - before).days < 7 for before, after in pairwise(days))
    return np.array([day.weekday() if is_daily else -1 for day in days], dtype=np.int8)


def _record(sheet: Worksheet, found: Judgement, place: int) -> dict[str, Any]:
    def at(array: NDArray[np.float64]) -> float | None:
        return float(array[0, place]) if np.isfinite(array[0, place]) else None

    marks = {name: int(marked.members[0, place]) for name, marked in found.marks.items()}
    return {
        "time": sheet.times[place],
        "value": at(sheet.sums.value),
        "n": float(sheet.sums.n[0, place]),
        "statistic": at(found.statistic),
        "centre": at(found.centre),
        "lower": at(found.lower),
        "upper": at(found.upper),
        "z": at(found.z),
        "grade": int(found.grade[0, place]),
        "signals": marks,
        "completes": [name for name, marked in found.marks.items() if marked.completing[0, place]],
        "in_baseline": bool(sheet.sums.baseline[0, place]),
    }
