"""What figures and files depend on besides what was asked: the moment, whose days, which settings, what is missing."""

from dataclasses import asdict
from typing import Any

from kpi.report import Question
from kpi.store import State
from kpi.tally import kept_out


def circumstances(state: State, question: Question) -> dict[str, Any]:
    """By name, as JSON takes it; `as_of` None: no events yet."""
    calendar = state.settings.calendar
    return {
        "as_of": state.as_of.isoformat() if state.tally.rows else None,
        "version": state.version,
        "time_zone": calendar.default.zone,
        "is_time_zone_chosen": calendar.is_zone_chosen,
        "store_time_zones": {name: one.zone for name, one in calendar.stores.items() if one.zone != calendar.default.zone},
        "clock": calendar.clock,
        "where": {name: list(values) for name, values in question.where.items()},
        "first_contact_window_days": state.settings.definitions.first_contact_window_days,
        **asdict(kept_out(state.verdicts)),
    }
