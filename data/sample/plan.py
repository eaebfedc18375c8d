"""What is drawn once for the whole sample: how many events each day has, and how busy each store is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from data.sample.company import CHANNELS, REGIONS, SERVICES, STORES, WEEKDAY_SHARES
from data.sample.stories import NEW_PROCEDURE, SILENT_HOURS, Story

Numbers = NDArray[np.int64]
Measures = NDArray[np.float64]
Flags = NDArray[np.bool_]
Events = dict[str, NDArray[Any]]

ZONE = ZoneInfo("Europe/Paris")
AS_OF_TIME = time(14, 5)
MINUTE, HOUR, DAY = 60, 3_600, 86_400
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Plan:
    """What is drawn once for the whole sample. Days are numbered from `first_day`; `loads` is the log load of a day and store."""

    seed: int
    first_day: date
    last_day: date
    counts: Numbers
    hours: Numbers
    loads: Measures
    store_shares: Measures

    @property
    def as_of(self) -> int:
        return moment(self.last_day, AS_OF_TIME)

    @property
    def silent_from(self) -> int:
        return self.as_of - SILENT_HOURS * HOUR

    def day_of(self, story: Story) -> int:
        return (story.begins_on(self.last_day) - self.first_day).days


def moment(day: date, local: time) -> int:
    """Seconds since 1970 of a local wall clock."""
    return int(datetime.combine(day, local, ZONE).timestamp())


def year_ago_quarter(last_day: date) -> date:
    """First day of the quarter a year before the last complete one: the earliest day a year-on-year comparison needs."""
    months = last_day.year * 12 + (last_day.month - 1) // 3 * 3 - 15
    return date(months // 12, months % 12 + 1, 1)


def autocorrelated(random: np.random.Generator, days: int, series: int, deviation: float) -> Measures:
    """`series` columns of noise in which a day keeps 0.4 of the day before."""
    shocks = random.normal(0, deviation * np.sqrt(1 - 0.4**2), (days, series))
    for day in range(1, days):
        shocks[day] += 0.4 * shocks[day - 1]
    return shocks


def day_shares(random: np.random.Generator, first_day: date, days: int) -> Measures:
    weekdays = (np.arange(days) + first_day.weekday()) % 7
    shares = np.array(WEEKDAY_SHARES)[weekdays] * np.exp(autocorrelated(random, days, 1, 0.10)[:, 0])
    open_hours = sum(channel.share * sum(channel.hours[: AS_OF_TIME.hour]) / sum(channel.hours) for channel in CHANNELS)
    shares[-1] *= open_hours
    return shares / shares.sum()


def drawn_plan(events: int, last_day: date, seed: int) -> Plan:
    first_day = year_ago_quarter(last_day)
    days = (last_day - first_day).days + 1
    random = np.random.default_rng([seed, 0])
    store_shares = random.uniform(0.7, 1.3, len(STORES))
    store_shares[[STORES.index(store) for store in ("S003", "S007", "S014")]] = 1.3
    return Plan(
        seed=seed,
        first_day=first_day,
        last_day=last_day,
        counts=random.multinomial(events, day_shares(random, first_day, days)),
        hours=np.array([[moment(first_day + timedelta(days=day), time(hour)) for hour in range(24)] for day in range(days)]),
        loads=autocorrelated(random, days, 1, 0.06) + autocorrelated(random, days, len(STORES), 0.10),
        store_shares=store_shares / store_shares.sum(),
    )


def months(plan: Plan) -> Iterator[range]:
    """The days of each calendar month."""
    firsts = [day for day in range(plan.counts.size) if (plan.first_day + timedelta(days=day)).day == 1]
    yield from (range(first, following) for first, following in zip(firsts, [*firsts[1:], plan.counts.size], strict=True))


def codes(random: np.random.Generator, shares: tuple[float, ...] | Measures, size: int) -> Numbers:
    """Positions drawn with the given shares."""
    steps = np.cumsum(shares)
    return np.searchsorted(steps / steps[-1], random.random(size), side="right")


def lognormal(random: np.random.Generator, median: Measures | float, spread: float, size: int) -> Measures:
    return median * np.exp(spread * random.standard_normal(size))


def failure_share(plan: Plan, events: Events, usual: float, before: float, after: float) -> Measures:
    """A share of failures that differs before and after the new procedure for returns in the East."""
    returns = events["service"] == [service.name for service in SERVICES].index("returns")
    concerned = returns & (events["region"] == REGIONS.index("East"))
    changed = events["day"] >= plan.day_of(NEW_PROCEDURE)
    return np.where(concerned, np.where(changed, after, before), usual)
