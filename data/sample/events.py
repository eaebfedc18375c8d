"""Everything that will ever happen to the events of the sample, month by month."""

from collections.abc import Iterator

import numpy as np

from data.sample.company import (
    AGENTS_PER_STORE,
    CHANNELS,
    DISPOSITION_SHARES,
    OUTCOMES,
    REGIONS,
    RUSH_HOURS,
    SCORE_SHARES,
    SERVICES,
    STORES,
    channel_code,
)
from data.sample.customers import Return, customers
from data.sample.plan import (
    AS_OF_TIME,
    DAY,
    HOUR,
    MINUTE,
    NEVER,
    Events,
    Flags,
    Measures,
    Numbers,
    Plan,
    codes,
    failure_share,
    lognormal,
    months,
)
from data.sample.stories import CORRECTION, OPEN_EVENTS, SLOW_STORE, SURVEY_WAVE, WAVE_DAYS


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


def slow_store_growth(plan: Plan, events: Events) -> Measures:
    """What the story adds to the logarithm of the wait."""
    begins = plan.day_of(SLOW_STORE)
    progress = np.clip((events["day"] - begins) / SLOW_STORE.days_before_end, 0, 1) * (events["store"] == STORES.index("S014"))
    return progress * np.where(events["channel"] == channel_code("chat"), 1.8, 0.3)


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
