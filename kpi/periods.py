"""Days, weeks (from Monday), months and quarters, as half-open ranges of local dates."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Every = Literal["day", "week", "month", "quarter"]
EVERY: tuple[Every, ...] = ("day", "week", "month", "quarter")

Comparison = Literal["previous_period", "same_weekdays", "previous_year"]
COMPARISONS: tuple[Comparison, ...] = ("previous_period", "same_weekdays", "previous_year")

SAME_WEEKDAYS = timedelta(days=364)


@dataclass(frozen=True)
class Dates:
    """Local days from `start` until, not including, `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def start_of(day: date, every: Every) -> date:
    """The first day of the period that holds this day."""
    match every:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)


def following(start: date, every: Every) -> date:
    """The first day of the next period."""
    match every:
        case "day":
            return start + timedelta(days=1)
        case "week":
            return start + timedelta(days=7)
        case "month":
            return start_of(start.replace(day=28) + timedelta(days=4), "month")
        case "quarter":
            return start_of(start.replace(day=1) + timedelta(days=95), "quarter")


def preceding(start: date, every: Every) -> date:
    """The first day of the period before the one that starts here."""
    return start_of(start - timedelta(days=1), every)


def year_before(day: date) -> date:
    """The same calendar day a year earlier; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def compared_with(dates: Dates, comparison: Comparison) -> Dates:
    """The range a range of days is held against; of last year whole months are, else the same first and last day."""
    match comparison:
        case "previous_period":
            return Dates(dates.start - timedelta(days=dates.days), dates.start)
        case "same_weekdays":
            return Dates(dates.start - SAME_WEEKDAYS, dates.end - SAME_WEEKDAYS)
        case "previous_year":
            if dates.start.day == dates.end.day == 1:
                return Dates(year_before(dates.start), year_before(dates.end))
            last = dates.end - timedelta(days=1)
            return Dates(year_before(dates.start), year_before(last) + timedelta(days=1))


def period_compared_with(start: date, every: Every, comparison: Comparison) -> date:
    """The start of the period that the period starting here is held against."""
    match comparison:
        case "previous_period":
            return preceding(start, every)
        case "same_weekdays":
            return start_of(start - SAME_WEEKDAYS, every)
        case "previous_year":
            return start_of(year_before(start) + (timedelta(days=3) if every == "week" else timedelta()), every)


def starts(dates: Dates, every: Every) -> list[date]:
    """The starts of all periods that touch the range, in order."""
    found = [start_of(dates.start, every)]
    while (after := following(found[-1], every)) < dates.end:
        found.append(after)
    return found
