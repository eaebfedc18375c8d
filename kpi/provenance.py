"""What a file of events says of itself: which events, as of when, by whose days and under which definitions."""

import json
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from kpi import calendar, metrics
from kpi.browse import OPEN_AT_END, Selection
from kpi.circumstances import circumstances
from kpi.metrics import KPIS, chosen, missing
from kpi.periods import Dates
from kpi.report import ALWAYS, effective_filters
from kpi.store import SQL, State
from kpi.words import text

DEFINING = (*sorted(SQL.glob("*.sql")), Path(metrics.__file__), Path(calendar.__file__))
DEFINITIONS_VERSION = sha256(b"".join(file.read_bytes() for file in DEFINING)).hexdigest()[:16]
"""Changes when anything does by which events are derived or KPIs defined."""

ANY = "any"
NONE = "none"
BETWEEN = " | "
ACTIVE = frozenset('",;|\\=@+%＝＋－＠⁺⁻')
"""What would end a cell or start a formula in one, in some spreadsheet."""

Provenance = Mapping[str, str | list[str]]


def provenance(state: State, selection: Selection, rows: int) -> Provenance:
    """Names and what they are: always the same for the same events, so that it has no moment of download in it."""
    found = circumstances(state, selection.question)
    definitions = state.settings.definitions
    filters = effective_filters(selection.question)
    return {
        "rows": str(rows),
        "days_of": selection.on,
        **_days(selection.question.dates),
        **{f"where.{name}": list(values) for name, values in filters.items()},
        "as_of": (found["as_of"] or NONE).replace("+00:00", "Z"),
        "version": found["version"],
        "time_zone": found["time_zone"],
        "store_time_zones": [f"{name}: {zone}" for name, zone in found["store_time_zones"].items()],
        "clock": found["clock"],
        "first_contact_window_days": str(found["first_contact_window_days"]),
        "first_contact_resolution": chosen("first_contact_resolution", definitions.first_contact_variant, state.measured).name,
        "currency": definitions.currency or NONE,
        "settings_version": state.settings.digest[:16],
        "definitions_version": DEFINITIONS_VERSION,
        "decisions": _decisions(state, selection.on),
        "files_refused": str(found["files_refused"]),
        "rows_kept_aside": str(found["rows_kept_aside"]),
    }


def _days(dates: Dates) -> dict[str, str]:
    """The first and the last day, both included."""
    first = ANY if dates.start == ALWAYS.start else dates.start.isoformat()
    last = ANY if dates.end == ALWAYS.end else (dates.end - timedelta(days=1)).isoformat()
    return {"first_day": first, "last_day": last}


def _decisions(state: State, on: str) -> list[str]:
    """The measured KPIs that count these events by this date, with the numbers of the decisions that define them."""
    kpis = [kpi for kpi in KPIS if (OPEN_AT_END if kpi.aggregate == "stock" else kpi.on) == on]
    return [f"{kpi.name} {kpi.decision}" for kpi in kpis if not missing(kpi, state.measured)]


def comment_lines(found: Provenance) -> list[str]:
    """The lines above a CSV, each one cell whatever the names in it; a name of one word, a colon, the values between bars."""
    title = text("Service KPIs: events. Lines like this one say what they are.")
    return [f"# {_one_cell(title)}", *(f"# {name}: {_listed(value)}".rstrip() for name, value in found.items())]


def _listed(value: str | list[str]) -> str:
    return _one_cell(value) if isinstance(value, str) else BETWEEN.join(map(_one_cell, value))


def _one_cell(words: str) -> str:
    """The words with what is active or unseen as JSON escapes it, so that `json.loads` within quotes gives them back."""
    return "".join(letter if letter.isprintable() and letter not in ACTIVE else _escaped(letter) for letter in words)


def _escaped(letter: str) -> str:
    written = json.dumps(letter)[1:-1]
    return written if written.startswith("\\u") else f"\\u{ord(letter):04x}"


def metadata(found: Provenance) -> dict[str, str]:
    """The same for a parquet file: lists as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in found.items()}
