"""Roll-ups: daily sums of every KPI over a few sets of dimensions, and histograms of durations; a question takes the smallest.

A row is a cuboid (a set of dimensions), a day, the values of the dimensions, a source and a time zone; only events of disposition
`normal` are in it. What an event adds once nothing but itself can change it is *settled*: a load adds the difference that its rows
make. What immature first contacts add is recomputed at every load, and what open events add at every question: they are few.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from kpi.measures import COUNT, EVENTS, NOTHING, WITHIN, Measure, measures, stock_measures
from kpi.metrics import ATTRIBUTIONS, KPIS, Attribution

Cuboid = tuple[str, ...]

CUBOIDS: tuple[Cuboid, ...] = (
    ("store", "region", "channel"),
    ("store", "region", "service"),
    ("channel", "service", "segment"),
    ("agent",),
    ("hour",),
    ("store", "region"),
    ("region", "channel"),
    ("region", "service"),
    ("channel", "service"),
    ("region",),
)
"""Sets of dimensions, the finer before the coarser that are added up from them."""

FEWEST_EVENTS = 4
"""A row must stand for, on average: a cuboid that hardly adds events up is no faster than the events, and larger."""

FEWEST_TIMED = 512
"""Of a histogram's cuboid, for a day and the values of its dimensions: a year of fewer is ranked one by one (`report.MOST_EXACT`)."""

HISTOGRAM_CUBOIDS: tuple[Cuboid, ...] = (("store", "region"), ("region", "channel"), ("service",), ("region",))

HOUR = "hour(timezone(zone, opened_at))"
OPENED: Attribution = "opened_on"
DIMENSIONS = ("store", "region", "channel", "service", "segment", "agent", "hour")
TYPES = {"hour": "BIGINT"}

LONG = Measure(COUNT, "date_diff('second', opened_at, ended_at) > 86400")
NOT_ENDED = Measure(COUNT, "ended_at IS NULL")

SUB_BUCKETS = 32
OCTAVES = 26
"""Of seconds: 2^31 of them are 68 years."""


@dataclass(frozen=True)
class Rollup:
    """One table of sums: `on` is the date its days are; a row has the dimensions of its cuboid, and of the others NULL."""

    name: str
    on: Attribution
    cuboids: tuple[Cuboid, ...]
    dimensions: tuple[str, ...]
    measures: tuple[Measure, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return ("cuboid", "day", *self.dimensions, "source", "zone")

    @property
    def waits_for_windows(self) -> bool:
        """Whether any of its sums has events in it whose window has not ended."""
        return any(measure.ripens == "when_mature" for measure in self.measures)


@dataclass(frozen=True)
class Histogram:
    """One table of counts by bucket of the durations of ended events."""

    duration: str

    @property
    def name(self) -> str:
        return f"histogram_of_{self.duration}"

    @property
    def keys(self) -> tuple[str, ...]:
        return ("cuboid", "day", *HISTOGRAM_DIMENSIONS, "source", "bucket")


def kept(on: Attribution) -> tuple[Measure, ...]:
    """The measures of every KPI attributed by this date, each once."""
    found = [EVENTS]
    for kpi in KPIS:
        match kpi.aggregate:
            case "stock":
                found += stock_measures(kpi).values() if on in (OPENED, "ended_on") else ()
            case "quantile":
                pass
            case _:
                found += measures(kpi).values() if kpi.on == on else ()
    return tuple(dict.fromkeys(measure for measure in found if measure.condition != NOTHING))


ROLLUPS = {
    on: Rollup(
        f"sums_{on}",
        on,
        CUBOIDS if on == OPENED else tuple(one for one in CUBOIDS if one != ("hour",)),
        DIMENSIONS if on == OPENED else DIMENSIONS[:-1],
        kept(on),
    )
    for on in ATTRIBUTIONS
}
CENSUS = Rollup("census", OPENED, (("store", "disposition"),), ("store", "disposition"), (EVENTS, NOT_ENDED, LONG))
"""Of all events, whatever their disposition."""

HISTOGRAM_DIMENSIONS = ("store", "region", "channel", "service")
HISTOGRAMS = {duration: Histogram(duration) for duration in dict.fromkeys(kpi.numerator for kpi in KPIS if kpi.aggregate == "quantile")}


def answering(cuboids: Sequence[Cuboid], kept: Collection[Cuboid], needed: Collection[str]) -> list[int]:
    """The numbers of the kept cuboids that have these dimensions."""
    return [number for number, cuboid in enumerate(cuboids) if cuboid in kept and set(needed) <= set(cuboid)]


def densities() -> str:
    """The select list that counts the events and the rows of every cuboid in a relation of versions with `day` and `hour`."""
    sets = dict.fromkeys((*CUBOIDS, *HISTOGRAM_CUBOIDS))
    return ", ".join(["count(*)", *(f"approx_count_distinct(hash(day, {', '.join(cuboid)}))" for cuboid in sets)])


def worth_keeping(events: int, rows: Sequence[int]) -> tuple[frozenset[Cuboid], frozenset[Cuboid]]:
    """The cuboids of sums and of histograms that add enough events up, given what `densities` counts; always the coarsest sums."""
    found = dict(zip(dict.fromkeys((*CUBOIDS, *HISTOGRAM_CUBOIDS)), rows, strict=True))
    sums = frozenset(one for one in CUBOIDS if found[one] * FEWEST_EVENTS <= events) | {CUBOIDS[-1]}
    return sums, frozenset(one for one in HISTOGRAM_CUBOIDS if found[one] * FEWEST_TIMED <= events)


def columns(one: Rollup) -> str:
    """The columns of its table."""
    keys = [f"{name} {TYPES.get(name, 'VARCHAR')}" for name in (*one.dimensions, "source", "zone")]
    return ", ".join(["cuboid TINYINT", "day DATE", *keys, *(f"{measure.name} {_type(measure)}" for measure in one.measures)])


def histogram_columns() -> str:
    """The columns of a histogram's table."""
    names = (*HISTOGRAM_DIMENSIONS, "source")
    return ", ".join(["cuboid TINYINT", "day DATE", *(f"{name} VARCHAR" for name in names), "bucket INTEGER", "events BIGINT"])


def settled(one: Rollup, kept: Collection[Cuboid], relation: str, *, is_signed: bool) -> str:
    """The sums of what is settled in a relation of moving events, of the finest cuboids; `sign` and `ripe_sign` (of window sums)
    are 1 or -1.
    """
    sums = [f"{_settled(measure, is_signed=is_signed)} AS {measure.name}" for measure in one.measures]
    return _over_sets(one, _events(one, relation), sums, [number for number in _numbers(one, kept) if _parent(one, kept, number) is None])


def coarser(one: Rollup, kept: Collection[Cuboid], relation: str) -> Iterator[str]:
    """The sums of the other cuboids, from rows of the finest."""
    sums = [f"CAST(sum({measure.name}) AS {_type(measure)}) AS {measure.name}" for measure in one.measures]
    for finest in _numbers(one, kept):
        children = [number for number in _numbers(one, kept) if _parent(one, kept, number) == finest]
        if children:
            rows = f"(SELECT * EXCLUDE (cuboid) FROM {relation} WHERE cuboid = {finest})"  # noqa: S608 (entries of this package)
            yield _over_sets(one, rows, sums, children)


def unripe(one: Rollup, kept: Collection[Cuboid], relation: str) -> str:
    """The window sums of resolved events whose window has not ended."""
    sums = [f"{_plain(measure.sql(''))} AS {measure.name}" for measure in one.measures if measure.ripens == "when_mature"]
    return _over_sets(one, _events(one, relation), sums, _numbers(one, kept))


def aging(one: Rollup, relation: str) -> str:
    """What each open event of a relation adds to the sums that have ages in them; an empty text where none has."""
    open_ones = [measure for measure in one.measures if measure.ripens == "when_ended"]
    if not open_ones:
        return ""
    sums = [f"{_plain(measure.of_one())} AS {measure.name}" for measure in open_ones]
    keys = ["day", *one.dimensions, "source", "zone"]
    return f"SELECT {', '.join([*keys, *sums])} FROM {_events(one, relation)} WHERE NOT is_ended"  # noqa: S608 (entries of this package)


def added_up(one: Rollup, relation: str) -> str:
    """The rows that came at different times, each once."""
    sums = [f"CAST(sum({measure.name}) AS {_type(measure)}) AS {measure.name}" for measure in one.measures]
    return f"SELECT {', '.join([*one.keys, *sums])} FROM {relation} GROUP BY ALL"  # noqa: S608 (entries of this package)


def counted(one: Histogram, kept: Collection[Cuboid], relation: str) -> str:
    """The durations of the normal events of a relation with `sign`, by bucket, for every kept cuboid."""
    numbers = [number for number, cuboid in enumerate(HISTOGRAM_CUBOIDS) if cuboid in kept]
    values = ", ".join(["opened_on AS day", *HISTOGRAM_DIMENSIONS, "source", f"{bucket(one.duration)} AS bucket", "sign"])
    rows = f"SELECT {values} FROM {relation} WHERE disposition = 'normal' AND {one.duration} IS NOT NULL"  # noqa: S608 (as above)
    sets = [f"(day, {', '.join(HISTOGRAM_CUBOIDS[number])}, source, bucket)" for number in numbers]
    used = [name for name in HISTOGRAM_DIMENSIONS if any(name in HISTOGRAM_CUBOIDS[number] for number in numbers)]
    keys = ", ".join([_cuboid(used, HISTOGRAM_CUBOIDS, numbers), "day", *used, "source", "bucket"])
    return f"SELECT {keys}, CAST(sum(sign) AS BIGINT) AS events FROM ({rows}) GROUP BY GROUPING SETS ({', '.join(sets)})"  # noqa: S608 (as above)


def counts_added_up(one: Histogram, relation: str) -> str:
    """The rows that came at different times, each once."""
    return f"SELECT {', '.join(one.keys)}, CAST(sum(events) AS BIGINT) AS events FROM {relation} GROUP BY ALL"  # noqa: S608 (as above)


def bucket(seconds: str) -> str:
    """The log-linear bucket of whole seconds: one each below 64, then 32 an octave. Integer arithmetic, equal on every engine."""
    octaves = [
        f"WHEN {seconds} < {SUB_BUCKETS << (octave + 1)} THEN {SUB_BUCKETS * octave} + {seconds} // {1 << octave}"
        for octave in range(OCTAVES)
    ]
    return f"CAST(CASE {' '.join(octaves)} ELSE {SUB_BUCKETS * (OCTAVES + 1)} END AS INTEGER)"


def middle(number: int) -> float:
    """The seconds a bucket stands for: never farther from any in it than 1 in 64 (but of the last, of 68 years and more)."""
    octave = max(number // SUB_BUCKETS - 1, 0)
    return (number - SUB_BUCKETS * octave) * 2.0**octave + (2.0**octave - 1) / 2


def _numbers(one: Rollup, kept: Collection[Cuboid]) -> list[int]:
    return [number for number, cuboid in enumerate(one.cuboids) if cuboid in kept or one.name == "census"]


def _parent(one: Rollup, kept: Collection[Cuboid], number: int) -> int | None:
    """The first finer cuboid that this one is added up from; None of the finest."""
    cuboid = set(one.cuboids[number])
    return next((place for place in _numbers(one, kept) if place < number and cuboid < set(one.cuboids[place])), None)


def _events(one: Rollup, relation: str) -> str:
    """The events of a relation that are counted, with their day and hour."""
    hour = f", {HOUR} AS hour" if "hour" in one.dimensions else ""
    where = f"{one.on} IS NOT NULL" + ("" if "disposition" in one.dimensions else " AND disposition = 'normal'")
    return f"(SELECT *, {one.on} AS day{hour} FROM {relation} WHERE {where})"  # noqa: S608 (entries of this package)


def _over_sets(one: Rollup, rows: str, sums: Sequence[str], numbers: Sequence[int]) -> str:
    """Sums over several cuboids in one pass."""
    used = [name for name in one.dimensions if any(name in one.cuboids[number] for number in numbers)]
    keys = [_cuboid(used, one.cuboids, numbers), "day", *used, "source", "zone"]
    sets = [f"(day, {', '.join(one.cuboids[number])}, source, zone)" for number in numbers]
    return f"SELECT {', '.join([*keys, *sums])} FROM {rows} GROUP BY GROUPING SETS ({', '.join(sets)})"  # noqa: S608 (as above)


def _cuboid(dimensions: Sequence[str], cuboids: Sequence[Cuboid], numbers: Sequence[int]) -> str:
    """The number of a row's cuboid, from which dimensions it is not grouped by."""
    cases = [f"WHEN {_mask(dimensions, cuboids[number])} THEN {number}" for number in numbers]
    return f"CAST(CASE grouping({', '.join(dimensions)}) {' '.join(cases)} END AS TINYINT) AS cuboid"


def _mask(dimensions: Sequence[str], cuboid: Cuboid) -> int:
    return sum(1 << place for place, name in enumerate(reversed(dimensions)) if name not in cuboid)


def _type(measure: Measure) -> str:
    return "BIGINT" if measure.value == COUNT else "HUGEINT"


def _settled(measure: Measure, *, is_signed: bool) -> str:
    """Ripe events alone have sums that wait for it; of ended ones nothing has an age."""
    sign = "ripe_sign" if measure.ripens == "when_mature" else "sign"
    ripe = {"never_changes": "", "when_ended": "is_ended AND ", "when_mature": "ripe_sign <> 0 AND "}[measure.ripens]
    condition = f"{ripe}({measure.condition})"
    if not is_signed:
        return _plain(Measure(measure.value, condition).sql(""))
    value = sign if measure.value == COUNT else f"{sign} * {measure.value}"
    return _plain(f"CAST(coalesce(sum({value}) FILTER (WHERE {condition}), 0) AS {_type(measure)})")


def _plain(sql: str) -> str:
    """Under the configured time limits: a question that replaces them does not ask a roll-up."""
    return sql.replace(WITHIN, "NULL")
