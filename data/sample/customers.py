"""Who asks, and who asks again."""

from dataclasses import dataclass

import numpy as np

from data.sample.company import DISPOSITIONS, SERVICES, STORES
from data.sample.plan import DAY, HOUR, Events, Numbers, Plan, failure_share


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
        merge(events, members, customer, merged_into)
    orphan = (events["disposition"] == DISPOSITIONS.index("merged")) & (merged_into == 0)
    disposition = np.where(orphan, DISPOSITIONS.index("duplicate"), events["disposition"])
    named = random.random(size) < 0.97
    return {"customer": customer, "is_named": named, "merged_into": merged_into, "disposition": disposition}, later


def merge(events: Events, members: Numbers, customer: Numbers, merged_into: Numbers) -> None:
    """Among the events of one store and service, a merged one belongs to the event before it, and to its customer."""
    second = np.flatnonzero(events["disposition"][members] == DISPOSITIONS.index("merged"))
    second = second[second > 0]
    merged_into[members[second]] = events["number"][members[second - 1]]
    customer[members[second]] = customer[members[second - 1]]
