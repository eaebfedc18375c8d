"""The sums behind a KPI, each an integer over events that meet a condition: what reports add up and roll-ups keep."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from kpi.metrics import Kpi, find

Ripens = Literal["never_changes", "when_ended", "when_mature"]

COUNT = "1"
NOTHING = "FALSE"
WITHIN = "$within_seconds"
AGES = ("waiting_seconds", "unresolved_seconds", "$as_of")
"""What an open event alone has, or what time alone decides of it."""

RIPENESS = "is_mature"


@dataclass(frozen=True)
class Measure:
    """The sum of `value` (an integer of an event, 1 to count) over the events that meet `condition`. Both are SQL of this package."""

    value: str
    condition: str

    @property
    def name(self) -> str:
        """The column of a roll-up: it changes with the definition, so that no old sum is taken for a new one."""
        return f"m{sha256(f'{self.value} if {self.condition}'.encode()).hexdigest()[:12]}"

    @property
    def ripens(self) -> Ripens:
        """From when on an event's part in the sum changes only with the event itself."""
        words = f"{self.value} {self.condition}"
        if RIPENESS in words:
            return "when_mature"
        return "when_ended" if any(age in words for age in AGES) else "never_changes"

    @property
    def asks_limit(self) -> bool:
        """Whether a question may replace the time limit in it."""
        return WITHIN in f"{self.value} {self.condition}"

    def sql(self, given: str) -> str:
        """The sum over a relation of events: never NULL. `given` starts a condition that every counted event meets."""
        if self.value == COUNT:
            return f"count(*) FILTER (WHERE {given}({self.condition}))"
        return f"coalesce(sum({self.value}) FILTER (WHERE {given}({self.condition})), 0)"

    def of_one(self) -> str:
        """What a single event adds."""
        return f"CASE WHEN {self.condition} THEN {self.value} ELSE 0 END"

    def rolled(self, given: str) -> str:
        """The same over a roll-up."""
        if self.condition == NOTHING:
            return "CAST(0 AS BIGINT)"
        return f"coalesce(sum({self.name}) FILTER (WHERE {given}TRUE), 0)"


EVENTS = Measure(COUNT, "TRUE")


def measures(kpi: Kpi) -> dict[str, Measure]:
    """The measures of a ratio, by what they are to it; then the reasons for which events are left out."""
    value = f"CAST({kpi.numerator} AS HUGEINT)"
    found = {
        "numerator": Measure(value, kpi.denominator),
        "denominator": Measure(COUNT, kpi.denominator),
        "undetermined": Measure(COUNT, kpi.undetermined),
        "unsettled": Measure(COUNT, _unsettled(kpi)),
    }
    if kpi.unit != "share":
        found["squares"] = Measure(f"{value} * {value}", kpi.denominator)
    return found | left_out_measures(kpi)


def left_out_measures(kpi: Kpi) -> dict[str, Measure]:
    """The events that a KPI cannot judge, by reason."""
    return {code: Measure(COUNT, condition) for code, condition in kpi.left_out}


def _unsettled(kpi: Kpi) -> str:
    """Events for which a period waits however long it has been over: by another date than the KPI's own, those not ended too."""
    if kpi.settles == "when_decided":
        return kpi.undetermined
    if kpi.on == find(kpi.name).on:
        return NOTHING
    return "ended_at IS NULL OR NOT is_mature" if kpi.settles == "after_window" else "ended_at IS NULL"


def stock_measures(kpi: Kpi) -> dict[str, Measure]:
    """What a day adds to the open requests, or takes from them: their number, the sum of their openings (microseconds since 1970),
    and those of which nobody knows when they ended.
    """
    [(_, undated)] = kpi.left_out
    return {
        "count": Measure(COUNT, f"NOT ({undated})"),
        "openings": Measure("CAST(epoch_us(opened_at) AS HUGEINT)", f"NOT ({undated})"),
        "undated": Measure(COUNT, undated),
        "all_count": EVENTS,
    }
