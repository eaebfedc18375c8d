"""The event contract: one row per version of one customer request, from opening to resolution."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Presence = Literal["key", "required", "dimension", "optional"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of an extract.

    `type` is the DuckDB type of the canonical form. `presence`: a *key* must exist and be filled; a *required* column must
    exist and be filled; a *dimension* must exist, and an empty cell becomes `unknown`; an *optional* column may be absent.
    `values` lists what a text column may hold (empty: anything). `lowest` and `highest` are inclusive.
    """

    name: str
    type: str
    presence: Presence
    meaning: str
    values: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None


YEARS = (1901, 2037)
"""Of what was measured, both included: systems write 1900, 2038 and 9999 where they know no moment."""

DEADLINE_YEARS = (1970, 9998)
"""Of `due_at`, both included (decision 13)."""

CLOCK_TOLERANCE = timedelta(days=2)
"""How far an `updated_at` may lie after now, and what happened after its own `updated_at`: clocks that are ahead, and no more."""

LONGEST_CELL = 1_000
"""Characters of a text."""

BLANKS = " \t\n\r\v\f\u00a0\u2028\u3000\ufeff"
"""Around a text they are nothing; a text of blanks alone is an empty cell."""

SCALE = "^(-?[0-9]+(?:[.][0-9]+)?)[.][.](-?[0-9]+(?:[.][0-9]+)?)$"
"""A `satisfaction_scale` without its spaces: two numbers, the first lower than the second."""

DEFAULT_SCALE = (1, 5)

UNKNOWN = "unknown"
DISPOSITIONS = ("normal", "merged", "duplicate", "spam", "test", "invalid", "cancelled")
OUTCOMES = ("success", "failure", "partial", "abandoned", "unknown")
FAILURE_TYPES = ("system", "process", "people", "communication", "expectation")

COLUMNS: tuple[Column, ...] = (
    Column(name="event_id", type="VARCHAR", presence="key", meaning="With source, the key of the event."),
    Column(name="source", type="VARCHAR", presence="optional", meaning="The system it came from; default: the extract's folder."),
    Column(name="updated_at", type="TIMESTAMPTZ", presence="key", meaning="Orders versions and decides what is known as of when."),
    Column(name="opened_at", type="TIMESTAMPTZ", presence="required", meaning="When the customer asked."),
    Column(
        name="responded_at",
        type="TIMESTAMPTZ",
        presence="optional",
        meaning="First human, public reply or pick-up; an auto-reply or a private note is not a response.",
    ),
    Column(name="has_response", type="BOOLEAN", presence="optional", meaning="That it was answered, where the moment is not known."),
    Column(name="resolved_at", type="TIMESTAMPTZ", presence="optional", meaning="The last resolution; a reopen moves it."),
    Column(
        name="closed_at",
        type="TIMESTAMPTZ",
        presence="optional",
        meaning="When the event ended, resolved or not (a call that was given up); default resolved_at.",
    ),
    Column(name="has_resolution", type="BOOLEAN", presence="optional", meaning="That it was resolved, where the moment is not known."),
    Column(name="has_end", type="BOOLEAN", presence="optional", meaning="That it ended, where the moment is not known."),
    Column(name="reopened_at", type="TIMESTAMPTZ", presence="optional", meaning="The last time it was reopened."),
    Column(
        name="due_at",
        type="TIMESTAMPTZ",
        presence="optional",
        meaning="The source's own deadline for the resolution, if it has one.",
    ),
    Column(name="store", type="VARCHAR", presence="dimension", meaning="The shop, site, counter or district."),
    Column(name="channel", type="VARCHAR", presence="dimension", meaning="Phone, chat, e-mail, counter, app..."),
    Column(name="service", type="VARCHAR", presence="dimension", meaning="What was asked for."),
    Column(name="region", type="VARCHAR", presence="optional", meaning="A group of stores."),
    Column(name="agent", type="VARCHAR", presence="optional", meaning="Who handled it."),
    Column(name="segment", type="VARCHAR", presence="optional", meaning="The kind of customer."),
    Column(name="touchpoint", type="VARCHAR", presence="optional", meaning="The step of the service it belongs to."),
    Column(name="priority", type="VARCHAR", presence="optional", meaning="The source's own priority."),
    Column(name="contact_count", type="BIGINT", presence="optional", meaning="Interactions inside the event.", lowest=0),
    Column(name="reopen_count", type="BIGINT", presence="optional", meaning="How often it was reopened.", lowest=0),
    Column(name="transfer_count", type="BIGINT", presence="optional", meaning="How often it was handed over.", lowest=0),
    Column(
        name="resolved_first_contact",
        type="BOOLEAN",
        presence="optional",
        meaning="When the source itself says it was resolved at once.",
    ),
    Column(
        name="agreement_met",
        type="BOOLEAN",
        presence="optional",
        meaning="When the source itself says whether its service-level agreement was met.",
    ),
    Column(
        name="customer",
        type="VARCHAR",
        presence="optional",
        meaning="Who asked; replaced by a keyed hash at load and used only to find repeat contacts.",
    ),
    Column(name="merged_into", type="VARCHAR", presence="optional", meaning="The event_id of the event this one was merged into."),
    Column(name="satisfaction", type="DECIMAL(9,4)", presence="optional", meaning="The survey score, on satisfaction_scale."),
    Column(
        name="satisfaction_scale",
        type="VARCHAR",
        presence="optional",
        meaning="Lowest and highest score, as `1..5` (the default).",
    ),
    Column(
        name="recommendation",
        type="BIGINT",
        presence="optional",
        meaning="Would you recommend us? 0 to 10 (NPS).",
        lowest=0,
        highest=10,
    ),
    Column(
        name="effort",
        type="BIGINT",
        presence="optional",
        meaning="How hard was it? 1 to 7, higher is harder (CES).",
        lowest=1,
        highest=7,
    ),
    Column(name="answered_at", type="TIMESTAMPTZ", presence="optional", meaning="When the survey was answered; default: the end."),
    Column(
        name="cost",
        type="DECIMAL(18,4)",
        presence="optional",
        meaning="In the reporting currency; a credit is negative.",
        lowest=-1e12,
        highest=1e12,
    ),
    Column(
        name="direct_cost",
        type="DECIMAL(18,4)",
        presence="optional",
        meaning="The part of the cost that belongs to this event.",
        lowest=-1e12,
        highest=1e12,
    ),
    Column(
        name="indirect_cost",
        type="DECIMAL(18,4)",
        presence="optional",
        meaning="The part that was allocated to it.",
        lowest=-1e12,
        highest=1e12,
    ),
    Column(
        name="fixed_cost",
        type="DECIMAL(18,4)",
        presence="optional",
        meaning="The part that does not change with volume.",
        lowest=-1e12,
        highest=1e12,
    ),
    Column(
        name="variable_cost",
        type="DECIMAL(18,4)",
        presence="optional",
        meaning="The part that changes with volume.",
        lowest=-1e12,
        highest=1e12,
    ),
    Column(name="handle_minutes", type="DOUBLE", presence="optional", meaning="Handling (processing) time.", lowest=0, highest=10_000_000),
    Column(name="outcome", type="VARCHAR", presence="optional", meaning="How it ended for the customer.", values=OUTCOMES),
    Column(name="failure_type", type="VARCHAR", presence="optional", meaning="Why it failed.", values=FAILURE_TYPES),
    Column(
        name="quality_passed",
        type="BOOLEAN",
        presence="optional",
        meaning="Checked against the service standard; empty: not checked.",
    ),
    Column(name="is_complaint", type="BOOLEAN", presence="optional", meaning="Whether it is a complaint."),
    Column(
        name="disposition",
        type="VARCHAR",
        presence="optional",
        meaning="Only `normal` (the default) enters a KPI; the rest is counted on the data page.",
        values=DISPOSITIONS,
    ),
    Column(name="is_deleted", type="BOOLEAN", presence="optional", meaning="A tombstone: this version removes the event."),
)

BY_NAME = {column.name: column for column in COLUMNS}
DIMENSIONS = ("region", "store", "channel", "service", "agent", "segment", "touchpoint", "priority")
ENDS = ("responded_at", "resolved_at", "closed_at")
MOMENTS = tuple(column.name for column in COLUMNS if column.type == "TIMESTAMPTZ")
HAPPENINGS = tuple(name for name in MOMENTS if name not in ("updated_at", "due_at"))
"""What a version can only tell when it has happened (decision 32); a deadline is a promise."""
