"""The company that the sample is about: what it offers, where, and to whom."""

from dataclasses import dataclass


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


def channel_code(name: str) -> int:
    return [channel.name for channel in CHANNELS].index(name)
