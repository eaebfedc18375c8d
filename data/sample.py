"""The sample extracts: synthetic events of twenty stores, with stories to find in them.

Nothing here was measured anywhere. Every file says so: `synthetic` in its name and in its parquet metadata.

    python data/sample.py extracts --events 60000

One truth is drawn month by month, and an extract is the truth as it was known at the moment of the export: what had not
happened yet is empty, and `updated_at` is the last thing that had happened. So a later extract of the same event is a newer
version of it, and an unchanged event is an exact copy.

Columns left out on purpose, so that a page can say "not measured": resolved_first_contact, agreement_met, satisfaction_scale.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Measures = NDArray[np.float64]
Flags = NDArray[np.bool_]
Events = dict[str, NDArray[Any]]

SOURCE = "synthetic_sample"
ZONE = ZoneInfo("Europe/Paris")
LAST_DAY = date(2026, 10, 31)
AS_OF_TIME = time(14, 5)
SILENT_HOURS = 30
WAVE_DAYS = 10
REEXPORTED_DAYS = 7
ROWS_PER_FILE = 500_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How customers ask. `spread` is the standard deviation of the log of the wait; `hours` weighs the 24 hours of a day."""

    name: str
    share: float
    wait_minutes: float
    spread: float
    patience_minutes: float
    handle_minutes: float
    hours: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Service:
    """What they ask for. `followed_up` is the share that takes days to resolve instead of one conversation."""

    name: str
    touchpoint: str
    share: float
    cost: float
    followed_up: float
    due_hours: int


@dataclass(frozen=True, kw_only=True)
class Story:
    """Something to find in the sample. It begins `days_before_end` days before the last day."""

    name: str
    where: str
    days_before_end: int
    what: str

    def begins_on(self, last_day: date = LAST_DAY) -> date:
        return last_day - timedelta(days=self.days_before_end)


SHOP_HOURS = (0.0,) * 8 + (0.5, 1.0, 1.3, 1.2, 0.9, 0.9, 1.1, 1.1, 1.2, 1.2, 0.8, 0.4) + (0.0,) * 4
CALL_HOURS = (0.02,) * 7 + (0.4, 0.9, 1.2, 1.3, 1.2, 0.9, 0.9, 1.1, 1.1, 1.1, 1.0, 0.8, 0.5, 0.3, 0.1, 0.05, 0.02)
WRITTEN_HOURS = (0.1,) * 6 + (0.2, 0.5, 0.9, 1.1, 1.1, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.6, 0.4, 0.2)
RUSH_HOURS = (10, 11, 17)
WEEKDAY_SHARES = (1.15, 1.05, 1.0, 1.0, 1.1, 0.8, 0.45)

CHANNELS = (
    Channel(name="phone", share=0.30, wait_minutes=1.0, spread=0.80, patience_minutes=40, handle_minutes=6, hours=CALL_HOURS),
    Channel(name="chat", share=0.22, wait_minutes=3.0, spread=0.83, patience_minutes=120, handle_minutes=8, hours=CALL_HOURS),
    Channel(name="email", share=0.18, wait_minutes=9.0, spread=0.36, patience_minutes=20_000, handle_minutes=9, hours=WRITTEN_HOURS),
    Channel(name="counter", share=0.18, wait_minutes=6.0, spread=0.52, patience_minutes=600, handle_minutes=11, hours=SHOP_HOURS),
    Channel(name="app", share=0.12, wait_minutes=7.0, spread=0.45, patience_minutes=10_000, handle_minutes=5, hours=WRITTEN_HOURS),
)
SERVICES = (
    Service(name="orders", touchpoint="purchase", share=0.27, cost=9.0, followed_up=0.15, due_hours=72),
    Service(name="delivery", touchpoint="delivery", share=0.20, cost=11.0, followed_up=0.30, due_hours=120),
    Service(name="returns", touchpoint="after sale", share=0.17, cost=16.0, followed_up=0.35, due_hours=168),
    Service(name="billing", touchpoint="payment", share=0.15, cost=12.0, followed_up=0.25, due_hours=96),
    Service(name="repairs", touchpoint="after sale", share=0.11, cost=34.0, followed_up=0.60, due_hours=240),
    Service(name="advice", touchpoint="purchase", share=0.10, cost=7.0, followed_up=0.03, due_hours=48),
)
STORES = tuple(f"S{number:03d}" for number in range(1, 21))
REGIONS = ("North", "South", "East", "West")
SEGMENTS = ("private", "business", "premium")
PRIORITIES = ("normal", "high")
AGENTS_PER_STORE = 6
AGENTS = tuple(f"{store}-A{number}" for store in STORES for number in range(1, AGENTS_PER_STORE + 1))
OUTCOMES = ("success", "failure", "partial", "unknown", "abandoned")
FAILURE_TYPES = ("system", "process", "people", "communication", "expectation")
DISPOSITIONS = ("normal", "duplicate", "spam", "test", "merged", "cancelled")
DISPOSITION_SHARES = (0.964, 0.012, 0.008, 0.004, 0.009, 0.003)
SCORE_SHARES = (0.014, 0.018, 0.058, 0.250, 0.660)

SLOW_STORE = Story(
    name="slow store",
    where="store S014, mostly chat",
    days_before_end=35,
    what="Waits grow week by week: on chat about three times as long in the last weeks, elsewhere only a little longer.",
)
NEW_PROCEDURE = Story(
    name="new procedure",
    where="service returns, region East",
    days_before_end=124,
    what="First-contact resolution rises from about 85 % to about 96 % from one day to the next: a new phase.",
)
SILENT_STORE = Story(
    name="silent store",
    where="store S007",
    days_before_end=1,
    what=f"No event and no change for the last {SILENT_HOURS} hours: its data has stopped, its service need not have.",
)
SURVEY_WAVE = Story(
    name="survey wave",
    where="all stores",
    days_before_end=70,
    what="For ten days twice as many answers as usual, with slightly lower scores.",
)
OPEN_EVENTS = Story(
    name="open events",
    where="all stores, mostly email",
    days_before_end=2,
    what="A part of the last days is not answered or not resolved yet, and a few older events are open too.",
)
REEXPORTS = Story(
    name="re-exports",
    where="files synthetic_reexport_*",
    days_before_end=2,
    what="The last seven days were exported three more times: many exact copies and some newer versions of the same events.",
)
CORRECTION = Story(
    name="correction",
    where="store S003, costs of one day",
    days_before_end=40,
    what="One day's costs were exported ten times too high and corrected by a later extract.",
)
DEARER_SERVICE = Story(
    name="dearer service",
    where="all stores",
    days_before_end=365,
    what="The cost per service is about 8 % above the same quarter of last year.",
)
STORIES = (SLOW_STORE, NEW_PROCEDURE, SILENT_STORE, SURVEY_WAVE, OPEN_EVENTS, REEXPORTS, CORRECTION, DEARER_SERVICE)


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


def codes(random: np.random.Generator, shares: tuple[float, ...] | Measures, size: int) -> Numbers:
    """Positions drawn with the given shares."""
    steps = np.cumsum(shares)
    return np.searchsorted(steps / steps[-1], random.random(size), side="right")


def lognormal(random: np.random.Generator, median: Measures | float, spread: float, size: int) -> Measures:
    return median * np.exp(spread * random.standard_normal(size))


def drawn_hours(random: np.random.Generator, channel: Numbers, last: Flags) -> Numbers:
    """Local hour of day of each event; the last day stops before the hour of `AS_OF_TIME`."""
    uniform = random.random(channel.size)
    hour = np.empty(channel.size, dtype=np.int64)
    for code, asked in enumerate(CHANNELS):
        steps = np.cumsum(asked.hours) / sum(asked.hours)
        chosen = channel == code
        until = np.where(last[chosen], steps[AS_OF_TIME.hour - 1], 1.0)
        hour[chosen] = np.searchsorted(steps, uniform[chosen] * until, side="right")
    return hour


def openings(plan: Plan, random: np.random.Generator, days: range) -> Events:
    """Who asked for what, where and when, in order of opening."""
    day = np.repeat(np.arange(days.start, days.stop), plan.counts[days.start : days.stop])
    channel = codes(random, np.array([asked.share for asked in CHANNELS]), day.size)
    hour = drawn_hours(random, channel, day == plan.counts.size - 1)
    opened = plan.hours[day, hour] + random.integers(0, HOUR, day.size)
    order = np.argsort(opened, kind="stable")
    store = codes(random, plan.store_shares, day.size)
    silent = (opened[order] > plan.silent_from) & (store == STORES.index("S007"))
    store[silent] = (store[silent] + random.integers(1, len(STORES), silent.sum())) % len(STORES)
    return {
        "number": plan.counts[: days.start].sum() + np.arange(day.size) + 1,
        "day": day[order],
        "hour": hour[order],
        "opened": opened[order],
        "channel": channel[order],
        "store": store,
        "region": store // (len(STORES) // len(REGIONS)),
        "agent": store * AGENTS_PER_STORE + random.integers(0, AGENTS_PER_STORE, day.size),
        "service": codes(random, np.array([service.share for service in SERVICES]), day.size),
        "segment": codes(random, (0.70, 0.20, 0.10), day.size),
        "priority": codes(random, (0.9, 0.1), day.size),
        "disposition": codes(random, DISPOSITION_SHARES, day.size),
    }


def slow_store_growth(plan: Plan, events: Events) -> Measures:
    """What the story adds to the logarithm of the wait."""
    begins = plan.day_of(SLOW_STORE)
    progress = np.clip((events["day"] - begins) / SLOW_STORE.days_before_end, 0, 1) * (events["store"] == STORES.index("S014"))
    return progress * np.where(events["channel"] == channel_code("chat"), 1.8, 0.3)


def channel_code(name: str) -> int:
    return [channel.name for channel in CHANNELS].index(name)


def waits(plan: Plan, random: np.random.Generator, events: Events) -> Measures:
    """Seconds until somebody answers, had the customer unlimited patience."""
    size = events["opened"].size
    median = np.array([channel.wait_minutes for channel in CHANNELS])[events["channel"]]
    spread = np.array([channel.spread for channel in CHANNELS])[events["channel"]]
    rush = 0.10 * np.isin(events["hour"], RUSH_HOURS)
    logarithm = spread * random.standard_normal(size) + plan.loads[events["day"], events["store"]] + rush
    seconds = MINUTE * median * np.exp(logarithm + slow_store_growth(plan, events))
    seconds[(random.random(size) < 0.02) & (events["channel"] == channel_code("phone"))] = 0
    written = np.isin(events["channel"], (channel_code("email"), channel_code("app")))
    recent = events["opened"] > plan.as_of - 21 * DAY
    forgotten = written & (random.random(size) < np.where(recent, 0.015, 0.006))
    seconds = np.where(forgotten, lognormal(random, 3.0 * DAY, 1.5, size), seconds)
    pile = (events["channel"] == channel_code("email")) & (events["opened"] > plan.as_of - OPEN_EVENTS.days_before_end * DAY)
    return seconds + pile * (random.random(size) < 0.35) * random.uniform(1, 4, size) * DAY


def endings(plan: Plan, random: np.random.Generator, events: Events) -> Events:
    """When it was answered, resolved, reopened, resolved again, closed. What does not happen happens `NEVER`."""
    size = events["opened"].size
    wait = waits(plan, random, events)
    patience = MINUTE * random.exponential(np.array([channel.patience_minutes for channel in CHANNELS])[events["channel"]])
    abandoned = wait > patience
    given_up = ~abandoned & (random.random(size) < 0.004)
    followed_up = random.random(size) < np.array([service.followed_up for service in SERVICES])[events["service"]]
    handled = lognormal(random, np.array([channel.handle_minutes for channel in CHANNELS])[events["channel"]], 0.5, size)
    took = handled * MINUTE + followed_up * lognormal(random, 1.2 * DAY, 1.0, size)
    responded = events["opened"] + np.round(wait).astype(np.int64)
    ended = np.where(abandoned, events["opened"] + patience, responded + took).astype(np.int64)
    reopens = ~abandoned & ~given_up & (random.random(size) < failure_share(plan, events, 0.021, 0.07, 0.008))
    reopened = ended + random.integers(2 * HOUR, 6 * DAY, size)
    resolved_again = reopened + lognormal(random, 0.6 * DAY, 0.8, size).astype(np.int64)
    closed = np.where(reopens, resolved_again, ended)
    unresolved = abandoned | given_up
    return {
        "responded": np.where(abandoned, NEVER, responded),
        "first_ended": ended,
        "reopened": np.where(reopens, reopened, NEVER),
        "closed": closed,
        "resolved": np.where(unresolved, NEVER, closed),
        "abandoned": abandoned,
        "unresolved": unresolved,
        "handle_minutes": np.round(handled, 2),
    }


def failure_share(plan: Plan, events: Events, usual: float, before: float, after: float) -> Measures:
    """A share of failures that differs before and after the new procedure for returns in the East."""
    returns = events["service"] == [service.name for service in SERVICES].index("returns")
    concerned = returns & (events["region"] == REGIONS.index("East"))
    changed = events["day"] >= plan.day_of(NEW_PROCEDURE)
    return np.where(concerned, np.where(changed, after, before), usual)


def surveys(plan: Plan, random: np.random.Generator, events: Events) -> Events:
    """Who answered the survey and how: worse after a long wait, a failure, and in the survey wave."""
    size = events["opened"].size
    wave_day = events["day"] - plan.day_of(SURVEY_WAVE)
    wave = (wave_day >= 0) & (wave_day < WAVE_DAYS)
    answers = ~events["unresolved"] & (random.random(size) < np.where(wave, 0.54, 0.27)) & (events["disposition"] == 0)
    delay = np.minimum(lognormal(random, 5.0 * HOUR, 1.2, size), 10 * DAY).astype(np.int64)
    late = events["responded"] - events["opened"] > 15 * MINUTE
    displeasure = 0.035 * wave + 0.15 * late + 0.15 * (events["outcome"] == 1) + 0.05 * (events["reopened"] != NEVER)
    score = 1 + np.searchsorted(np.cumsum(SCORE_SHARES[:-1]), random.random(size) - displeasure)
    return {
        "answered": np.where(answers, events["closed"] + delay, NEVER),
        "satisfaction": score,
        "recommendation": np.clip(2 * score + random.integers(-2, 2, size), 0, 10),
        "recommends": random.random(size) < 0.6,
        "effort": np.clip(8 - score - random.integers(0, 3, size) + random.integers(0, 2, size), 1, 7),
        "rates_effort": random.random(size) < 0.5,
    }


def costs(plan: Plan, random: np.random.Generator, events: Events) -> Events:
    """Cents. `cost_exported` is what the extracts said before the correction."""
    size = events["opened"].size
    base = np.array([service.cost for service in SERVICES])[events["service"]]
    inflation = 1.085 ** (events["day"] / 365)
    cost = np.round(100 * inflation * lognormal(random, base, 0.25, size)).astype(np.int64)
    wrong_day = plan.hours[plan.day_of(CORRECTION), 0]
    resolved_then = (events["resolved"] >= wrong_day) & (events["resolved"] < plan.hours[plan.day_of(CORRECTION) + 1, 0])
    wrong = resolved_then & (events["store"] == STORES.index("S003"))
    return {
        "cost": cost,
        "is_wrong": wrong,
        "cost_exported": np.where(wrong, 10 * cost, cost),
        "direct_share": random.uniform(0.55, 0.75, size),
        "fixed_share": random.uniform(0.30, 0.45, size),
        "cost_known": random.random(size) < 0.995,
    }


def quality(random: np.random.Generator, events: Events) -> Events:
    size = events["opened"].size
    outcome = codes(random, (0.948, 0.030, 0.012, 0.010), size)
    return {
        "outcome": np.where(events["abandoned"], OUTCOMES.index("abandoned"), outcome),
        "failure_type": codes(random, (0.25, 0.30, 0.15, 0.20, 0.10), size),
        "is_checked": random.random(size) < 0.08,
        "quality_passed": random.random(size) < 0.96,
        "is_complaint": random.random(size) < 0.018,
        "contacts": 1 + random.poisson(0.04, size),
        "transfers": random.poisson(0.06, size),
    }


@dataclass(frozen=True)
class Return:
    """A customer of a store and service who will ask again at a moment that the month drawn so far does not reach."""

    group: int
    customer: int
    at: int


def customers(plan: Plan, random: np.random.Generator, events: Events, returns: list[Return]) -> tuple[Events, list[Return]]:
    """Who asked, with repeats: a customer not helped takes the place of whoever asks next, days later, for the same in the store.

    Returns the columns and the returns that fall after this month.
    """
    size = events["opened"].size
    pool = max(50, int(plan.counts.sum()) // 60)
    customer = events["store"] * 10_000_000 + random.integers(0, pool, size)
    comes_back = ~events["unresolved"] & (random.random(size) < failure_share(plan, events, 0.024, 0.09, 0.008))
    comes_back_at = events["closed"] + random.integers(4 * HOUR, 6 * DAY, size)
    merged_into = np.zeros(size, dtype=np.int64)
    group = events["store"] * len(SERVICES) + events["service"]
    later: list[Return] = []
    for number in range(len(STORES) * len(SERVICES)):
        members = np.flatnonzero(group == number)
        waiting = [entry for entry in returns if entry.group == number]
        asking = members[comes_back[members]]
        who = np.concatenate([[entry.customer for entry in waiting], customer[asking]]).astype(np.int64)
        when = np.concatenate([[entry.at for entry in waiting], comes_back_at[asking]]).astype(np.int64)
        place = np.searchsorted(events["opened"][members], when)
        here = place < members.size
        customer[members[place[here]]] = who[here]
        later += [Return(number, int(person), int(at)) for person, at in zip(who[~here], when[~here], strict=True)]
        second = np.flatnonzero(events["disposition"][members] == DISPOSITIONS.index("merged"))
        second = second[second > 0]
        merged_into[members[second]] = events["number"][members[second - 1]]
        customer[members[second]] = customer[members[second - 1]]
    orphan = (events["disposition"] == DISPOSITIONS.index("merged")) & (merged_into == 0)
    disposition = np.where(orphan, DISPOSITIONS.index("duplicate"), events["disposition"])
    named = random.random(size) < 0.97
    return {"customer": customer, "is_named": named, "merged_into": merged_into, "disposition": disposition}, later


def months(plan: Plan) -> Iterator[range]:
    """The days of each calendar month."""
    firsts = [day for day in range(plan.counts.size) if (plan.first_day + timedelta(days=day)).day == 1]
    yield from (range(first, following) for first, following in zip(firsts, [*firsts[1:], plan.counts.size], strict=True))


def drawn_months(plan: Plan) -> Iterator[Events]:
    """Everything that will ever happen to the events opened in each month."""
    returns: list[Return] = []
    for number, days in enumerate(months(plan), start=1):
        random = np.random.default_rng([plan.seed, number])
        events = openings(plan, random, days)
        events |= endings(plan, random, events)
        events |= quality(random, events)
        events |= surveys(plan, random, events)
        events |= costs(plan, random, events)
        columns, returns = customers(plan, random, events, returns)
        yield events | columns


def chosen_rows(events: Events, rows: Flags) -> Events:
    return {name: values[rows] for name, values in events.items()}


def joined(first: Events, second: Events) -> Events:
    return {name: np.concatenate([first[name], second[name]]) for name in second} if first else second


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


def timestamps(seconds: NDArray[Any]) -> pa.Array:
    return pa.array(seconds * 1_000_000, mask=seconds == NEVER).cast(pa.timestamp("us", tz="UTC"))


def due(events: Events) -> Numbers:
    return events["opened"] + HOUR * np.array([service.due_hours for service in SERVICES])[events["service"]]


def names(values: tuple[str, ...], positions: NDArray[Any], empty: Flags | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(positions, pa.int32(), mask=empty), list(values)).dictionary_decode()


def numbered(prefix: str, numbers: NDArray[Any], empty: Flags | None = None) -> pa.Array:
    digits = pc.call_function("utf8_lpad", [pa.array(numbers, mask=empty).cast(pa.string())], pc.PadOptions(9, "0"))
    return pc.call_function("binary_join_element_wise", [prefix, digits, ""])


def money(cents: NDArray[Any], empty: Flags) -> pa.Array:
    return pa.array(cents / 100, mask=empty).cast(pa.decimal128(18, 4))


def cost_columns(events: Events, cents: NDArray[Any]) -> dict[str, pa.Array]:
    """Two ways to split a cost, each of which adds up to it."""
    direct = np.round(cents * events["direct_share"]).astype(np.int64)
    fixed = np.round(cents * events["fixed_share"]).astype(np.int64)
    empty = (events["resolved"] == NEVER) | ~events["cost_known"]
    return {
        "cost": money(cents, empty),
        "direct_cost": money(direct, empty),
        "indirect_cost": money(cents - direct, empty),
        "fixed_cost": money(fixed, empty),
        "variable_cost": money(cents - fixed, empty),
    }


def survey_columns(events: Events) -> dict[str, pa.Array]:
    silent = events["answered"] == NEVER
    return {
        "satisfaction": pa.array(events["satisfaction"], mask=silent),
        "recommendation": pa.array(events["recommendation"], mask=silent | ~events["recommends"]),
        "effort": pa.array(events["effort"], mask=silent | ~events["rates_effort"]),
        "answered_at": timestamps(events["answered"]),
    }


def table(events: Events, cents: NDArray[Any]) -> pa.Table:
    """The rows of an extract, in the columns of the event contract."""
    unanswered, unresolved, unended = (events[name] == NEVER for name in ("responded", "resolved", "closed"))
    is_reopened = events["reopened"] != NEVER
    services = tuple(service.name for service in SERVICES)
    columns = {
        "event_id": numbered("SYN-", events["number"]),
        "updated_at": timestamps(events["updated"]),
        "opened_at": timestamps(events["opened"]),
        "responded_at": timestamps(events["responded"]),
        "resolved_at": timestamps(events["resolved"]),
        "closed_at": timestamps(events["closed"]),
        "reopened_at": timestamps(events["reopened"]),
        "due_at": timestamps(due(events)),
        "store": names(STORES, events["store"]),
        "region": names(REGIONS, events["region"]),
        "channel": names(tuple(channel.name for channel in CHANNELS), events["channel"]),
        "service": names(services, events["service"]),
        "touchpoint": names(tuple(service.touchpoint for service in SERVICES), events["service"]),
        "agent": names(AGENTS, events["agent"], unanswered),
        "segment": names(SEGMENTS, events["segment"]),
        "priority": names(PRIORITIES, events["priority"]),
        "customer": numbered("C", events["customer"], ~events["is_named"]),
        "contact_count": pa.array(events["contacts"] + is_reopened),
        "reopen_count": pa.array(is_reopened.astype(np.int64)),
        "transfer_count": pa.array(np.where(unanswered, 0, events["transfers"])),
        **survey_columns(events),
        **cost_columns(events, cents),
        "handle_minutes": pa.array(events["handle_minutes"], mask=unresolved),
        "outcome": names(OUTCOMES, events["outcome"], unended),
        "failure_type": names(FAILURE_TYPES, events["failure_type"], unended | (events["outcome"] != OUTCOMES.index("failure"))),
        "quality_passed": pa.array(events["quality_passed"], mask=unresolved | ~events["is_checked"]),
        "is_complaint": pa.array(events["is_complaint"]),
        "disposition": names(DISPOSITIONS, events["disposition"]),
        "merged_into": numbered("SYN-", events["merged_into"], events["merged_into"] == 0),
        "is_deleted": pa.array(np.zeros(events["opened"].size, dtype=bool)),
    }
    return pa.table(columns).replace_schema_metadata({"synthetic": "true", "source": SOURCE})


def write_parts(rows: pa.Table, folder: Path, name: str) -> list[Path]:
    """One file, or as many as keep each below ROWS_PER_FILE; none for no rows."""
    starts = range(0, rows.num_rows, ROWS_PER_FILE)
    suffixes = [""] if len(starts) == 1 else [f"_part{number}" for number in range(1, len(starts) + 1)]
    paths = [folder / f"synthetic_{name}{suffix}.parquet" for suffix in suffixes]
    for path, start in zip(paths, starts, strict=True):
        pq.write_table(rows.slice(start, ROWS_PER_FILE), path, compression="zstd")
    return paths


@dataclass(frozen=True)
class History:
    """The monthly extracts, the events that the re-exports need, and those whose cost was exported wrong."""

    paths: list[Path]
    followed: Events
    wrong: Events


def changes_after(events: Events, at: int) -> Flags:
    """Whether something still happens to an event, or happened so lately that a re-export repeats it."""
    moments = [events[name] for name in ("opened", "responded", "closed", "answered")]
    last_change = np.max([np.where(happened == NEVER, 0, happened) for happened in moments], axis=0)
    return (last_change > at) | (events["opened"] > at - 2 * REEXPORTED_DAYS * DAY)


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


def write(extracts: Path, events: int = 300_000, last_day: date = LAST_DAY, seed: int = 20261101) -> list[Path]:
    """Write the sample to the folder `synthetic_sample` of `extracts`, in place of an earlier one.

    The same bytes for the same arguments and library versions.
    """
    folder = extracts / SOURCE
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("synthetic_*.parquet"):
        earlier.unlink()
    plan = drawn_plan(events, last_day, seed)
    history = write_history(plan, folder)
    first = pq.ParquetFile(history.paths[0]).read_row_group(0)
    return [
        *history.paths,
        *write_reexports(plan, folder, history.followed),
        *write_correction(plan, folder, history.wrong),
        *write_deletions(plan, folder, first),
        *write_faults(folder, first),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the extracts")
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--last-day", type=date.fromisoformat, default=LAST_DAY)
    parser.add_argument("--seed", type=int, default=20261101)
    arguments = parser.parse_args()
    for path in write(arguments.folder, arguments.events, arguments.last_day, arguments.seed):
        print(path)


if __name__ == "__main__":
    main()
