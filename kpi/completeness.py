"""Until when figures are final: later days are not over yet, or outcomes of their events are not known yet."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kpi.calendar import moment_before
from kpi.limits import Limit, limits_of
from kpi.metrics import Kpi
from kpi.store import State


def complete_until(state: State, kpi: Kpi, within_minutes: float | None) -> date:
    """The first local day whose figures of this KPI can still change as time goes on; before it, some may wait to be decided."""
    today = min(_days(state, state.as_of))
    match kpi.settles:
        case "at_once" | "when_decided":
            return today
        case "after_window":
            return min(_days(state, state.as_of - timedelta(days=state.settings.definitions.first_contact_window_days)))
        case "after_limit":
            return min((today, *_undecided(state, kpi, within_minutes)))


def _undecided(state: State, kpi: Kpi, within_minutes: float | None) -> Iterator[date]:
    """For each time limit the first day on which it holds and an event may still wait no longer than it."""
    duration = "resolution_time" if kpi.name == "resolution_time" else "response_time"
    limits = [limit for limit in limits_of(state.settings) if limit.kpi == duration]
    if within_minutes is not None:
        limits = [Limit(duration, date.min, date.max, round(within_minutes * 60))]
    for limit in limits:
        first = max(limit.starts_on, _decided_until(state, limit))
        if first <= limit.ends_on:
            yield first


def _decided_until(state: State, limit: Limit) -> date:
    """The day, at the store where it is earliest, since whose beginning an event may have waited no longer than the limit."""
    calendar = state.settings.calendar
    if limit.kpi == "resolution_time" or calendar.clock == "elapsed":
        return min(_days(state, state.as_of - timedelta(seconds=limit.seconds)))
    schedules = {calendar.default, *calendar.stores.values()}
    return min(_day(moment_before(one, state.as_of, limit.seconds), one.zone) for one in schedules)


def _days(state: State, moment: datetime) -> Iterator[date]:
    """The local days of a moment."""
    return (_day(moment, zone) for zone in state.zones)


def _day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()
