"""Roll-ups: a bucket stands for its durations, coarser sums are finer ones added up, a histogram's quantile is near the exact one."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from unittest.mock import patch

import duckdb
import pytest
from conftest import Event, event, loaded, write
from hypothesis import given
from hypothesis import strategies as st

from kpi import rollup
from kpi.report import durations
from kpi.rollup import CUBOIDS, HISTOGRAM_CUBOIDS, HISTOGRAMS, OCTAVES, ROLLUPS, SUB_BUCKETS, bucket, middle
from kpi.store import State
from kpi.survival import kaplan_meier_quantile, observed_quantile

LAST = SUB_BUCKETS * (OCTAVES + 1)
LONGEST = SUB_BUCKETS << OCTAVES
"""Seconds from which on one bucket holds all."""


def bucket_of(seconds: int) -> int:
    """As the engine works it out."""
    return duckdb.execute(f"SELECT {bucket('s')} FROM (SELECT CAST(? AS BIGINT) AS s)", [seconds]).fetchall()[0][0]


def test_every_second_of_two_months_lies_within_a_64th_of_the_middle_of_its_bucket() -> None:
    statement = (
        f"SELECT number, min(s), max(s), count(*) FROM (SELECT s, {bucket('s')} AS number FROM range(5000000) AS r (s)) GROUP BY ALL"
    )
    found = sorted(duckdb.execute(statement).fetchall())
    assert [number for number, *_ in found] == list(range(len(found)))
    for number, first, last, count in found:
        assert count == last - first + 1
        assert all(abs(middle(number) - seconds) * 64 <= seconds for seconds in (first, last))


def test_below_64_seconds_every_second_has_a_bucket_of_its_own() -> None:
    assert [middle(bucket_of(seconds)) for seconds in range(64)] == list(range(64))


def test_the_bounds_of_every_bucket_lie_within_a_64th_of_its_middle() -> None:
    """In whole numbers: a bucket of an octave is as wide as the octave's step, and its first second is the step's multiple."""
    seconds = [edge for octave in range(OCTAVES) for part in range(32, 64) for edge in (part << octave, ((part + 1) << octave) - 1)]
    numbers = duckdb.execute(f"SELECT s, {bucket('s')} FROM (SELECT unnest(?::BIGINT[]) AS s)", [seconds]).fetchall()
    assert len({number for _, number in numbers}) == 32 * OCTAVES
    assert all(abs(2 * middle(number) - 2 * found) * 64 <= 2 * found for found, number in numbers)


@given(st.integers(0, LONGEST - 1))
def test_any_duration_lies_within_a_64th_of_the_middle_of_its_bucket(seconds: int) -> None:
    assert abs(middle(bucket_of(seconds)) - seconds) * 64 <= seconds


@given(st.integers(LONGEST, 2**62))
def test_what_lasts_longer_than_any_life_is_in_the_last_bucket(seconds: int) -> None:
    assert bucket_of(seconds) == LAST


TIMED = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=60)


@given(TIMED, st.sampled_from((0.5, 0.9)))
def test_a_quantile_of_middles_is_within_a_64th_of_the_exact_one(timed: list[tuple[int, int, int]], probability: float) -> None:
    exact = durations(timed)
    binned = durations([(middle(bucket_of(seconds)), ended, still_open) for seconds, ended, still_open in timed])
    observed, found_observed = observed_quantile(exact, probability), observed_quantile(binned, probability)
    assert (observed is None) == (found_observed is None)
    if observed is not None and found_observed is not None:
        assert abs(found_observed - observed) * 64 <= observed + 1e-6
    value, found = kaplan_meier_quantile(exact, probability), kaplan_meier_quantile(binned, probability)
    if not any(still_open for _, _, still_open in timed):
        assert (value is None) == (found is None)
        assert abs((found or 0) - (value or 0)) * 64 <= (value or 0) + 1e-6
    elif value is None:
        assert found is None
    elif found is not None:  # what is open as long as others of its bucket took counts as open longer: never too short a time
        assert (value - found) * 64 <= value + 1e-6


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """Every cuboid of some events, of which a part came later and some were corrected."""
    folder: Path = tmp_path_factory.mktemp("data")
    random = Random(3)
    with patch.object(rollup, "FEWEST_EVENTS", 0), patch.object(rollup, "FEWEST_TIMED", 0):
        for number in range(3):
            (folder / "extracts").mkdir(exist_ok=True)
            rows = [any_event(random) for _ in range(80)]
            write(folder, rows, f"{number}")
            found = loaded(folder)
    yield found
    found.connection.close()


def any_event(random: Random) -> Event:
    return event(
        f"{random.randint(0, 150)}",
        f"2024-05-{random.randint(1, 28):02}T{random.randint(0, 23):02}:00",
        resolved_at=random.choice((None, "2024-06-02T09:00", "2024-06-29T09:00")),
        store=random.choice("ABC"),
        region=random.choice(("North", "South", None)),
        channel=random.choice(("phone", "chat")),
        service=random.choice(("repair", "advice")),
        agent=random.choice((None, "Ann", "Bob")),
        segment=random.choice((None, "firm")),
        disposition=random.choice(("normal", "normal", "spam")),
        cost=Decimal(random.randint(-5, 90)),
    )


def finer_and_coarser(cuboids: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    places = range(len(cuboids))
    return [(finer, coarser) for finer in places for coarser in places if set(cuboids[coarser]) < set(cuboids[finer])]


def added(state: State, table: str, number: int, keys: Sequence[str], sums: Sequence[str]) -> dict[tuple[object, ...], tuple[int, ...]]:
    selected = ", ".join([*keys, *(f"sum({name})" for name in sums)])
    rows = state.cursor().execute(f"SELECT {selected} FROM {table} WHERE cuboid = {number} GROUP BY ALL").fetchall()
    return {row[: len(keys)]: row[len(keys) :] for row in rows if any(row[len(keys) :])}


@pytest.mark.parametrize("on", ROLLUPS)
def test_the_sums_of_a_cuboid_are_those_of_every_finer_one_added_up(state: State, on: str) -> None:
    one = next(table for name, table in ROLLUPS.items() if name == on)
    assert state.sums == set(CUBOIDS)
    sums = [measure.name for measure in one.measures]
    pairs = finer_and_coarser(one.cuboids)
    assert len(pairs) > 5
    for finer, coarser in pairs:
        keys = ["day", *one.cuboids[coarser], "source", "zone"]
        assert added(state, one.name, finer, keys, sums) == added(state, one.name, coarser, keys, sums)


@pytest.mark.parametrize("duration", HISTOGRAMS)
def test_the_counts_of_a_histogram_are_those_of_every_finer_one_added_up(state: State, duration: str) -> None:
    for finer, coarser in finer_and_coarser(HISTOGRAM_CUBOIDS):
        keys = ["day", *HISTOGRAM_CUBOIDS[coarser], "source", "bucket"]
        found = [added(state, HISTOGRAMS[duration].name, number, keys, ["events"]) for number in (finer, coarser)]
        assert found[0] == found[1]
