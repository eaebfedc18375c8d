"""Events as the columns of the event contract."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.sample.company import AGENTS, CHANNELS, DISPOSITIONS, FAILURE_TYPES, OUTCOMES, PRIORITIES, REGIONS, SEGMENTS, SERVICES, STORES
from data.sample.plan import HOUR, NEVER, Events, Flags, Numbers

SOURCE = "synthetic_sample"


def table(events: Events, cents: NDArray[Any]) -> pa.Table:
    """The rows of an extract, in the columns of the event contract."""
    columns = {
        **moment_columns(events),
        **dimension_columns(events),
        **count_columns(events),
        **survey_columns(events),
        **cost_columns(events, cents),
        **ending_columns(events),
    }
    return pa.table(columns).replace_schema_metadata({"synthetic": "true", "source": SOURCE})


def moment_columns(events: Events) -> dict[str, pa.Array]:
    return {
        "event_id": numbered("SYN-", events["number"]),
        "updated_at": timestamps(events["updated"]),
        "opened_at": timestamps(events["opened"]),
        "responded_at": timestamps(events["responded"]),
        "resolved_at": timestamps(events["resolved"]),
        "closed_at": timestamps(events["closed"]),
        "reopened_at": timestamps(events["reopened"]),
        "due_at": timestamps(due(events)),
    }


def dimension_columns(events: Events) -> dict[str, pa.Array]:
    return {
        "store": names(STORES, events["store"]),
        "region": names(REGIONS, events["region"]),
        "channel": names(tuple(channel.name for channel in CHANNELS), events["channel"]),
        "service": names(tuple(service.name for service in SERVICES), events["service"]),
        "touchpoint": names(tuple(service.touchpoint for service in SERVICES), events["service"]),
        "agent": names(AGENTS, events["agent"], events["responded"] == NEVER),
        "segment": names(SEGMENTS, events["segment"]),
        "priority": names(PRIORITIES, events["priority"]),
        "customer": numbered("C", events["customer"], ~events["is_named"]),
    }


def count_columns(events: Events) -> dict[str, pa.Array]:
    is_reopened = events["reopened"] != NEVER
    return {
        "contact_count": pa.array(events["contacts"] + is_reopened),
        "reopen_count": pa.array(is_reopened.astype(np.int64)),
        "transfer_count": pa.array(np.where(events["responded"] == NEVER, 0, events["transfers"])),
    }


def ending_columns(events: Events) -> dict[str, pa.Array]:
    unresolved, unended = (events[name] == NEVER for name in ("resolved", "closed"))
    return {
        "handle_minutes": pa.array(events["handle_minutes"], mask=unresolved),
        "outcome": names(OUTCOMES, events["outcome"], unended),
        "failure_type": names(FAILURE_TYPES, events["failure_type"], unended | (events["outcome"] != OUTCOMES.index("failure"))),
        "quality_passed": pa.array(events["quality_passed"], mask=unresolved | ~events["is_checked"]),
        "is_complaint": pa.array(events["is_complaint"]),
        "disposition": names(DISPOSITIONS, events["disposition"]),
        "merged_into": numbered("SYN-", events["merged_into"], events["merged_into"] == 0),
        "is_deleted": pa.array(np.zeros(events["opened"].size, dtype=bool)),
    }


def survey_columns(events: Events) -> dict[str, pa.Array]:
    silent = events["answered"] == NEVER
    return {
        "satisfaction": pa.array(events["satisfaction"], mask=silent),
        "recommendation": pa.array(events["recommendation"], mask=silent | ~events["recommends"]),
        "effort": pa.array(events["effort"], mask=silent | ~events["rates_effort"]),
        "answered_at": timestamps(events["answered"]),
    }


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
