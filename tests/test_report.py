"""Every figure against the oracle, the worked edge cases of KPIS.md, and how figures add up, compare and stay incomplete."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import sqrt
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any
from zoneinfo import ZoneInfo

import oracle
import pytest
from conftest import NOON, Event, ask, asked, at, empty_folder, event, loaded, write
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kpi import asking, mix
from kpi.cards import cards
from kpi.errors import ConfigError, UnknownName
from kpi.events import HAPPENINGS
from kpi.metrics import KPIS, chosen, find, missing
from kpi.periods import COMPARISONS, Dates, compared_with
from kpi.priorities import needs_work, priorities
from kpi.ranking import lowest_tenth, lowest_tenth_count, ranked
from kpi.records import answer_record, not_measured_record
from kpi.report import ALWAYS, Answer, combined, compared, nothing, parts_compared, total
from kpi.store import State
from kpi.targets import read_targets, relative_change

RATIOS = [kpi.name for kpi in KPIS if kpi.aggregate == "ratio"]
QUANTILES = {
    "response_time_median": ("response_time_mean", 0.5),
    "response_time_p90": ("response_time_mean", 0.9),
    "resolution_time_median": ("resolution_time_mean", 0.5),
    "resolution_time_p90": ("resolution_time_mean", 0.9),
}
GEOMETRIC = {"response_time_typical"}  # in test_geometric
SPREADS = {"consistency", "consistency_agents", "consistency_hours"}
STOCKS = {"open_events", "open_events_age"}

ZONES = {"Paris": "Europe/Paris", "Shanghai": "Asia/Shanghai", "New York": "America/New_York", None: "Europe/Paris"}
CALENDAR = """
time_zone = "Europe/Paris"
stores.Shanghai.time_zone = "Asia/Shanghai"
stores."New York".time_zone = "America/New_York"
"""
AS_OF = at("2024-04-20T12:00")
FORTNIGHT = Dates(date(2024, 3, 20), date(2024, 4, 3))  # both clocks have changed by its end, one inside it
SEASON = Dates(date(2024, 2, 1), date(2024, 5, 1))
SCALES = [(None, 1, 5), ("1..5", 1, 5), ("0..10", 0, 10), ("1..7", 1, 7), ("0.5..4.5", 1, 4)]


def test_every_kpi_has_an_oracle() -> None:
    assert {kpi.name for kpi in KPIS} == {*oracle.DEFINITIONS, *QUANTILES, *GEOMETRIC, *SPREADS, *STOCKS}


# --- one population, every KPI ---------------------------------------------------------------------------------------------------


def random_event(random: Random, number: int, latest: datetime) -> Event:
    """An event of which anything may be missing and nothing happens after `latest`."""

    def sometimes(share: float, value: Any) -> Any:
        return value if random.random() < share else None

    def later(share: float, seconds: int) -> datetime | None:
        moment = opened + timedelta(seconds=random.choice((0, 900, random.randint(0, seconds))))
        return moment if random.random() < share and moment <= latest else None

    age = random.choice((random.randint(0, 60 * 86_400), random.randint(0, 60 * 86_400), random.randint(0, 2_400), 900))
    opened = latest - timedelta(seconds=age)
    scale, lowest, highest = random.choice(SCALES)
    one = {
        "event_id": f"E{number}",
        "opened_at": opened,
        "updated_at": latest - timedelta(seconds=random.randint(0, age)),
        "responded_at": later(0.7, 3_600),
        "resolved_at": later(0.6, 10 * 86_400),
        "closed_at": later(0.3, 10 * 86_400),
        "reopened_at": later(0.15, 20 * 86_400),
        "answered_at": later(0.3, 20 * 86_400),
        "store": random.choice((*ZONES,)),
        "channel": random.choice(("phone", "chat", None)),
        "service": random.choice(("repair", "advice", None)),
        "region": sometimes(0.5, "north"),
        "customer": sometimes(0.8, f"C{random.randint(1, 60)}"),
        "disposition": random.choice(("normal",) * 7 + (None, "merged", "duplicate", "spam")),
        "merged_into": sometimes(0.1, f"E{random.randint(0, number)}"),
        "contact_count": sometimes(0.7, random.randint(0, 3)),
        "reopen_count": sometimes(0.5, random.choice((0, 0, 1))),
        "transfer_count": sometimes(0.7, random.randint(0, 1)),
        "resolved_first_contact": sometimes(0.6, random.random() < 0.5),
        "agreement_met": sometimes(0.6, random.random() < 0.5),
        "satisfaction": sometimes(0.4, Decimal(random.randint(lowest * 4, highest * 4)) / 4),
        "satisfaction_scale": scale,
        "recommendation": sometimes(0.4, random.randint(0, 10)),
        "effort": sometimes(0.4, random.randint(1, 7)),
        "cost": sometimes(0.7, Decimal(random.randint(-50_000, 900_000)) / 10_000),
        "handle_minutes": sometimes(0.7, random.choice((random.randint(0, 200) / 4, random.randint(0, 500_000) / 10_000))),
        "outcome": random.choice((None, *("success",) * 3, "failure", "partial", "abandoned", "unknown")),
        "quality_passed": sometimes(0.5, random.random() < 0.8),
        "is_complaint": sometimes(0.5, random.random() < 0.3),
    }
    one |= {flag: sometimes(0.15, random.random() < 0.7) for flag in ("has_response", "has_resolution", "has_end")}
    one["updated_at"] = max(one["updated_at"], *(one[name] for name in HAPPENINGS if one[name]))
    one["due_at"] = random.choice((None, latest, one["resolved_at"], opened + timedelta(hours=random.randint(-24, 300))))
    return one


def random_versions(random: Random, count: int) -> list[Event]:
    """Versions of events in any order: corrections, exact copies, and some that end in a tombstone."""
    versions = [event("newest", "2024-04-20T11:00", updated_at=AS_OF, store="Paris")]
    for number in range(count):
        final = random_event(random, number, AS_OF)
        if random.random() < 0.2:
            older, final = sorted((random_event(random, number, AS_OF), final), key=lambda one: one["updated_at"])
            versions.append(older | {"updated_at": min(older["updated_at"], final["updated_at"] - timedelta(seconds=1))})
        if random.random() < 0.05:
            versions.append(final | {"updated_at": final["updated_at"] - timedelta(days=1)})
            final["is_deleted"] = True
        versions += [final, dict(final)] if random.random() < 0.1 else [final]
    random.shuffle(versions)
    return versions


@pytest.fixture(scope="module")
def versions() -> list[Event]:
    return random_versions(Random(20240420), 600)


@pytest.fixture(scope="module")
def known(versions: list[Event]) -> list[Event]:
    return oracle.newest(versions, AS_OF)


@pytest.fixture(scope="module")
def state(versions: list[Event], tmp_path_factory: pytest.TempPathFactory) -> State:
    folder = empty_folder(tmp_path_factory.mktemp("population") / "data")
    (folder / "calendar.toml").write_text(CALENDAR)
    third = len(versions) // 3
    for number, overlapping in enumerate((versions[: third + 50], versions[third : 2 * third], versions[2 * third - 50 :])):
        write(folder, overlapping, f"part {number}")
    found = loaded(folder)
    assert [verdict.message for verdict in found.verdicts if verdict.kept_aside or verdict.message] == []
    assert found.as_of == AS_OF
    return found


def zone_of(one: Event) -> str:
    return ZONES[one.get("store")]


def store_of(one: Event) -> str:
    return one.get("store") or "unknown"


def period_of(name: str, every: str | None) -> Callable[[Event], date | None]:
    """The period whose figure the event enters, by its store's own clock; None for one figure of everything."""

    def period(one: Event) -> date | None:
        day = oracle.attributed_on(name, one, zone_of(one))
        return oracle.period_start(day, every) if day and every else None

    return period


def between(name: str, events: Iterable[Event], dates: Dates) -> list[Event]:
    days = [(one, oracle.attributed_on(name, one, zone_of(one))) for one in events]
    return [one for one, day in days if day is not None and dates.start <= day < dates.end]


Row = tuple[float | None, int, int, dict[str, int], float | None]


def row_of(one: Answer) -> Row:
    return one.numerator, one.n, one.undetermined, {reason: count for reason, count in one.left_out.items() if count}, one.value


def row_expected(figure: oracle.Figure) -> Row:
    value = None if figure.value is None else pytest.approx(float(figure.value), rel=1e-12, abs=1e-12)
    return float(figure.numerator), figure.denominator, figure.undetermined, figure.left_out, value


def assert_ratios_agree(
    state: State,
    events: list[Event],
    repeats_in: list[Event],
    every: str | None,
    dates: Dates,
    where: Mapping[str, tuple[str, ...]],
    within: float | None,
    as_of: datetime = AS_OF,
) -> None:
    found = {name: {} for name in RATIOS}
    for one in ask(state, RATIOS, every, ("store",), where, dates, within):
        found[one.kpi.name][one.period, one.group[0]] = row_of(one)
    for name in RATIOS:
        default = None if name == "resolution_time" else 15
        period = period_of(name, every)
        expected = oracle.figures(
            name,
            between(name, events, dates),
            as_of,
            lambda one, period=period: (period(one), store_of(one)),
            all_events=repeats_in,
            limit_minutes=within or default,
        )
        assert (name, found[name]) == (name, {group: row_expected(figure) for group, figure in expected.items()})


@pytest.mark.parametrize(
    ("every", "dates"), [("day", FORTNIGHT), ("week", SEASON), ("month", SEASON), ("quarter", SEASON), (None, FORTNIGHT)]
)
def test_every_ratio_by_store_is_the_oracles(state: State, known: list[Event], every: str | None, dates: Dates) -> None:
    assert_ratios_agree(state, known, known, every, dates, {}, None)


@pytest.mark.parametrize(
    "where",
    [
        {"channel": ("phone",)},
        {"store": ("Shanghai", "unknown"), "service": ("repair", "unknown")},
        {"region": ("north",), "channel": ("chat", "phone")},
        {"store": ("nowhere",)},
    ],
)
def test_a_filter_keeps_events_and_not_their_repeats(state: State, known: list[Event], where: dict[str, tuple[str, ...]]) -> None:
    kept = [one for one in known if all((one.get(name) or "unknown") in values for name, values in where.items())]
    assert_ratios_agree(state, kept, known, "week", SEASON, where, 20)


def test_other_dispositions_enter_when_they_are_asked_for_by_name(state: State, known: list[Event]) -> None:
    merged = [one | {"disposition": "normal"} for one in known if one.get("disposition") == "merged"]
    assert merged
    assert_ratios_agree(state, merged, known, "month", SEASON, {"disposition": ("merged",)}, None)


@pytest.mark.parametrize("name", QUANTILES)
@pytest.mark.parametrize(("every", "dates"), [("week", SEASON), (None, SEASON)])
def test_quantiles_by_store_are_the_oracles_kaplan_meier(
    state: State, known: list[Event], name: str, every: str | None, dates: Dates
) -> None:
    timed, probability = QUANTILES[name]
    groups: dict[Any, list[Event]] = {}
    for one in between(timed, known, dates):
        if oracle.is_normal(one):
            groups.setdefault((period_of(timed, every)(one), store_of(one)), []).append(one)
    found = {(one.period, one.group[0]): one for one in ask(state, [name], every, ("store",), None, dates)}
    assert found.keys() == groups.keys()
    for group, events in groups.items():
        assert_quantile_agrees(found[group], events, timed, probability)


def assert_quantile_agrees(found: Answer, events: list[Event], timed: str, probability: float) -> None:
    question = oracle.Question(AS_OF, None, timedelta(days=7), oracle.Repeats({}, {}))
    verdicts = [oracle.DEFINITIONS[timed].judge(one, question) for one in events]
    ended = [verdict for verdict in verdicts if not isinstance(verdict, str)]
    ages = [oracle.minutes(AS_OF - one["opened_at"]) for one, verdict in zip(events, verdicts, strict=True) if verdict == "still_open"]
    expected = oracle.quantile(oracle.kaplan_meier(ended, ages), probability)
    assert found.value == (None if expected is None else float(expected))
    assert (found.n, found.undetermined) == (len(ended), len(ages))
    assert sum(found.left_out.values()) == len(events) - len(ended) - len(ages)
    if len(ended) > 1:
        tenths = quantiles(map(float, ended), n=10, method="inclusive")
        assert found.observed == pytest.approx(tenths[round(probability * 10) - 1])


# --- sums ------------------------------------------------------------------------------------------------------------------------


def sums_of(answers: Iterable[Answer]) -> dict[str, tuple[Any, ...]]:
    """The sums of each KPI over these answers; 1/60,000 (a millisecond) and 1/10,000 are the smallest units any numerator has."""
    found: dict[str, tuple[Any, ...]] = {}
    for one in answers:
        added = (round((one.numerator or 0) * 600_000), one.n, one.undetermined, *one.left_out.values())
        found[one.kpi.name] = tuple(map(sum, zip(found.get(one.kpi.name, (0,) * len(added)), added, strict=True)))
    return found


def test_the_days_of_a_week_add_up_to_the_week(state: State) -> None:
    week = Dates(date(2024, 3, 25), date(2024, 4, 1))
    days, weeks = (ask(state, RATIOS, every, (), None, week) for every in ("day", "week"))
    assert len({one.period for one in days}) == 7
    assert len(weeks) == len(RATIOS)
    assert sums_of(days) == sums_of(weeks)


@pytest.mark.parametrize("by", [("store",), ("store", "channel", "service"), ("region", "agent"), ("source", "score")])
def test_groups_add_up_to_the_whole(state: State, by: tuple[str, ...]) -> None:
    assert sums_of(ask(state, RATIOS, "month", by)) == sums_of(ask(state, RATIOS))


def test_a_total_is_the_ratio_of_the_sums(data_folder: Path) -> None:
    def checked(store: str, passed: int, count: int) -> list[Event]:
        return [
            event(f"{store}{number}", resolved_at="2024-06-01T10:00", store=store, quality_passed=number < passed)
            for number in range(count)
        ]

    write(data_folder, checked("A", 1, 1) + checked("B", 50, 99))
    state = loaded(data_folder)
    assert [one.value for one in ask(state, ["accuracy"], by=("store",))] == [1 / 1, 50 / 99]
    assert [one.value for one in ask(state, ["accuracy"])] == [0.51]


# --- small populations at the edges -----------------------------------------------------------------------------------------------


START = at("2024-03-01T09:00")
END = START + timedelta(days=20)
EDGES = [timedelta(seconds=seconds) for seconds in (0, 1, 899, 900, 901, 7 * 86_400 - 1, 7 * 86_400, 7 * 86_400 + 1, 13 * 86_400)]


QUICKLY = (Phase.explicit, Phase.reuse, Phase.generate)  # an example takes a load: shrinking takes minutes


def rarely(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.sampled_from(list(values)))


@st.composite
def small_populations(draw: st.DrawFn) -> list[Event]:
    """Up to eight events whose moments lie on and next to the limit and the window."""
    events = []
    for number in range(draw(st.integers(1, 8))):
        opened = draw(st.sampled_from([START, START + timedelta(days=7), END])) - draw(st.sampled_from(EDGES[:5]))
        moments = {
            name: opened + draw(st.sampled_from(EDGES))
            for name in ("responded_at", "resolved_at", "closed_at", "reopened_at", "answered_at")
        }
        one = {name: moment if moment <= END and draw(st.booleans()) else None for name, moment in moments.items()}
        scale, lowest, highest = draw(st.sampled_from(SCALES))
        one |= {
            "event_id": f"E{number}",
            "opened_at": opened,
            "updated_at": END if number == 0 else draw(st.sampled_from([END, END - timedelta(days=1)])),
            "due_at": draw(rarely([END, END - timedelta(seconds=1), opened, moments["resolved_at"]])),
            "store": draw(st.sampled_from(["Paris", "Shanghai"])),
            "channel": None,
            "service": draw(st.sampled_from(["repair", "advice"])),
            "customer": draw(rarely(["C1", "C2"])),
            "disposition": draw(st.sampled_from([None, "normal", "normal", "normal", "merged", "duplicate"])),
            "merged_into": draw(rarely(["E0", "E1"])),
            "contact_count": draw(rarely([0, 1, 2])),
            "reopen_count": draw(rarely([0, 1])),
            "transfer_count": draw(rarely([0, 1])),
            "resolved_first_contact": draw(rarely([True, False])),
            "agreement_met": draw(rarely([True, False])),
            "satisfaction": draw(rarely([Decimal(lowest), Decimal(highest), Decimal(lowest) + Decimal("0.3333")])),
            "satisfaction_scale": scale,
            "recommendation": draw(rarely([0, 6, 7, 8, 9, 10])),
            "effort": draw(rarely([1, 7])),
            "cost": draw(rarely([Decimal("-2.5"), Decimal(0), Decimal("0.0001"), Decimal("9999999.9999")])),
            "handle_minutes": draw(rarely([0.0, 0.0001, 0.125, 90.5, 7.0083])),
            "outcome": draw(rarely(["success", "failure", "partial", "abandoned", "unknown"])),
            "quality_passed": draw(rarely([True, False])),
            "is_complaint": draw(rarely([True, False])),
            "has_response": draw(rarely([True, False])),
            "has_resolution": draw(rarely([True, False])),
            "has_end": draw(rarely([True, False])),
        }
        events.append(one)
    return events


@settings(max_examples=50, deadline=None, phases=QUICKLY)
@given(small_populations(), st.sampled_from([None, "day", "week"]))
def test_every_ratio_of_any_small_population_is_the_oracles(events: list[Event], every: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = empty_folder(Path(folder) / "data")
        (data / "calendar.toml").write_text(CALENDAR)
        write(data, events)
        assert_ratios_agree(loaded(data), events, events, every, SEASON, {}, None, END)


# --- the worked edge cases ----------------------------------------------------------------------------------------------------------


def answered(minutes: float) -> Event:
    opened = NOON - timedelta(days=1)
    return event(f"answered {minutes}") | {"opened_at": opened, "responded_at": opened + timedelta(minutes=minutes)}


def waiting(minutes: float) -> Event:
    return event(f"waiting {minutes}") | {"opened_at": NOON - timedelta(minutes=minutes), "responded_at": None}


def figures(state: State, *names: str) -> dict[str, Answer]:
    return {one.kpi.name: one for one in ask(state, names)}


def figure(state: State, name: str, **options: Any) -> Answer:
    (one,) = ask(state, [name], **options)
    return one


def test_an_open_event_past_the_limit_is_late_and_a_younger_one_is_undetermined(data_folder: Path) -> None:
    again = answered(10) | {"event_id": "answered 10 again"}
    write(data_folder, [answered(5), answered(10), again, answered(20), waiting(12), waiting(30)])
    found = figures(loaded(data_folder), "response_time", "response_time_mean", "response_time_median", "response_time_p90")
    share, mean, median, p90 = found.values()
    assert (share.numerator, share.n, share.undetermined, share.value) == (3, 3 + 1 + 1, 1, 0.60)
    assert share.bounds == (3 / 6, 4 / 6)
    assert (mean.value, mean.n, mean.left_out) == (45 / 4, 4, {"still_open": 2, "no_response": 0, "no_response_moment": 0})
    assert (median.value, median.n, median.undetermined) == (10, 4, 2)
    assert p90.value is None
    assert p90.observed == pytest.approx(10 + 0.7 * (20 - 10))


def test_all_open_is_a_share_of_nothing_in_time_not_no_data(data_folder: Path) -> None:
    write(data_folder, [waiting(3), waiting(90)])
    share, mean, median = figures(loaded(data_folder), "response_time", "response_time_mean", "response_time_median").values()
    assert (share.value, share.n, share.undetermined, share.bounds) == (0.0, 1, 1, (0.0, 0.5))
    assert (mean.value, mean.n) == (None, 0)
    assert (median.value, median.observed, median.undetermined) == (None, None, 2)


def test_zero_minutes_is_valid_and_a_negative_duration_is_kept_aside_and_counted(data_folder: Path) -> None:
    write(data_folder, [answered(-5), answered(0), answered(10)])
    state = loaded(data_folder)
    mean = figure(state, "response_time_mean")
    assert (mean.value, mean.n) == (5.0, 2)
    assert [(verdict.accepted, verdict.kept_aside, verdict.reasons) for verdict in state.verdicts] == [(2, 1, {"end_before_start": 1})]


def test_exactly_at_the_limit_an_answer_is_in_time_and_an_age_is_undetermined(data_folder: Path) -> None:
    write(data_folder, [answered(15), answered(15 + 1 / 60), waiting(15), waiting(15 + 1 / 60)])
    share = figure(loaded(data_folder), "response_time")
    assert (share.numerator, share.n, share.undetermined) == (1, 3, 1)


def test_an_answer_less_than_a_second_after_the_limit_is_late(data_folder: Path) -> None:
    late = event("late", "2024-06-01T09:00:00.100", responded_at="2024-06-01T09:15:00.900")
    in_time = event("in time", "2024-06-01T09:00:00.900", responded_at="2024-06-01T09:15:00.900")
    write(data_folder, [late, in_time])
    assert figure(loaded(data_folder), "response_time").value == 1 / 2


def test_ended_without_a_response_is_a_bucket_of_its_own_or_late_by_name(data_folder: Path) -> None:
    write(data_folder, [answered(5), waiting(3), event("given up", closed_at="2024-06-01T09:03", outcome="abandoned")])
    found = figures(loaded(data_folder), "response_time", "response_time_of_all", "answer_rate", "abandonment_rate")
    assert {name: (one.numerator, one.n, one.undetermined) for name, one in found.items()} == {
        "response_time": (1, 1, 1),
        "response_time_of_all": (1, 2, 1),
        "answer_rate": (1, 2, 1),
        "abandonment_rate": (1, 3, 0),
    }
    assert found["response_time"].left_out["no_response"] == 1


def test_what_ended_at_an_unknown_moment_is_neither_open_nor_late(data_folder: Path) -> None:
    """Of six requests one was resolved in time, one late, and one is open and late; the others ended, who knows when."""
    closed = event("closed then", closed_at="2024-06-02T09:00", has_resolution=True)
    unknown = [event("resolved", has_resolution=True), event("closed", has_end=True), closed]
    known = [event("in time", resolved_at="2024-06-01T10:00"), event("late", resolved_at="2024-06-01T12:00"), event("open")]
    write(data_folder, [*known, *unknown])
    state = loaded(data_folder)
    found = figures(state, "resolution_time_mean", "resolution_rate", "open_events_age", "open_events")
    assert {name: (one.numerator, one.n) for name, one in found.items()} == {
        "resolution_time_mean": (60 + 180, 2),
        "resolution_rate": (4, 6),
        "open_events_age": (29 * 24 * 60 + 3 * 60, 1),
        "open_events": (1, 1),
    }
    assert found["resolution_time_mean"].left_out == {"still_open": 1, "no_resolution": 1, "no_resolution_moment": 2}
    assert (found["open_events"].left_out, found["open_events_age"].left_out) == ({"no_end_moment": 2}, {"no_end_moment": 2})
    [on_time] = ask(state, ["resolution_time"], within=60)
    assert (on_time.numerator, on_time.n, on_time.left_out) == (1, 3, {"no_resolution": 1, "no_resolution_moment": 2, "no_limit": 0})


def resolved_on_the_first(event_id: str, **columns: Any) -> Event:
    return event(event_id, **({"resolved_at": "2024-06-01T10:00", "customer": event_id} | columns))


def test_the_window_excludes_its_first_moment_includes_its_last_and_the_immature_are_in_neither_sum(data_folder: Path) -> None:
    events = [
        resolved_on_the_first("A"),
        resolved_on_the_first("B", reopened_at="2024-06-08T10:00"),
        resolved_on_the_first("C", reopened_at="2024-06-08T10:00:01"),
        resolved_on_the_first("D", resolved_at="2024-06-26T10:00"),
        resolved_on_the_first("E", resolved_at="2024-06-26T10:00", reopened_at="2024-06-27T09:00"),
        resolved_on_the_first("F", resolved_at=None),
    ]
    write(data_folder, [one | {"updated_at": at("2024-06-30"), "reopen_count": 0} for one in events])
    found = figures(loaded(data_folder), "first_contact_resolution_no_repeat", "reopen_rate")
    no_repeat, reopened = found.values()
    assert (no_repeat.numerator, no_repeat.n, no_repeat.left_out) == (2, 3, {"immature": 2, "no_customer": 0})
    assert (reopened.numerator, reopened.n, reopened.left_out) == (1, 3, {"immature": 2, "no_reopen_count": 0})


def test_the_window_is_the_configured_one(data_folder: Path) -> None:
    (data_folder / "kpis.toml").write_text("first_contact_window_days = 3\n")
    write(
        data_folder,
        [resolved_on_the_first("A", reopened_at="2024-06-04T10:00"), resolved_on_the_first("B", reopened_at="2024-06-04T10:00:01")],
    )
    assert figure(loaded(data_folder), "first_contact_resolution_no_repeat").value == 1 / 2


def test_an_empty_count_of_reopens_is_unknown_where_the_source_counts_them(data_folder: Path) -> None:
    counted = [resolved_on_the_first("never", reopen_count=0), resolved_on_the_first("once", reopen_count=1)]
    unknown = [resolved_on_the_first("unknown", reopen_count=None)]
    moment = [resolved_on_the_first("by its moment", reopen_count=None, reopened_at="2024-06-02T10:00")]
    write(data_folder, counted + unknown + moment)
    found = figure(loaded(data_folder), "reopen_rate")
    assert (found.numerator, found.n, found.left_out) == (2, 3, {"immature": 0, "no_reopen_count": 1})
    assert figure(loaded(data_folder), "first_contact_resolution_no_repeat").n == 4


def test_the_moment_of_a_reopen_alone_measures_the_reopen_rate(data_folder: Path) -> None:
    write(data_folder, [resolved_on_the_first("once", reopened_at="2024-06-02T10:00"), resolved_on_the_first("never")])
    write(data_folder, [resolved_on_the_first("unknown", reopen_count=None)], source="counting")
    state = loaded(data_folder)
    measured, _ = asking.kpis_named(state, ["reopen_rate"])
    assert measured
    found = figure(state, "reopen_rate")
    assert (found.numerator, found.n, found.left_out) == (1, 2, {"immature": 0, "no_reopen_count": 1})


def test_a_merged_event_after_the_resolution_is_a_repeat_and_a_double_submission_is_not(data_folder: Path) -> None:
    events = [
        event("1", "2024-06-01T09:00", resolved_at="2024-06-01T10:00"),
        event("2", "2024-06-02T09:00", disposition="merged", merged_into="1"),
        event("3", "2024-06-01T09:05", resolved_at="2024-06-01T09:06", disposition="spam"),
        event("4", "2024-06-03T09:01", disposition="duplicate", merged_into="6"),
        event("5", "2024-06-03T09:00", resolved_at="2024-06-03T09:00:10", disposition="test"),
        event("6", "2024-06-03T09:00", resolved_at="2024-06-03T09:30"),
    ]
    write(data_folder, [one | {"customer": f"customer of {one['event_id']}", "store": one["event_id"]} for one in events])
    found = ask(loaded(data_folder), ["first_contact_resolution_no_repeat"], by=("store",))
    assert {one.group: (one.numerator, one.n) for one in found} == {("1",): (0, 1), ("6",): (1, 1)}


def test_without_a_customer_nothing_is_judged_not_even_a_known_failure(data_folder: Path) -> None:
    events = [
        resolved_on_the_first("somebody"),
        resolved_on_the_first("nobody", customer=None),
        resolved_on_the_first("nobody, reopened", customer=None, reopen_count=1),
        resolved_on_the_first("nobody, merged into", customer=None),
        event("again", "2024-06-02T09:00", disposition="merged", merged_into="nobody, merged into"),
    ]
    write(data_folder, events)
    found = figure(loaded(data_folder), "first_contact_resolution_no_repeat")
    assert (found.numerator, found.n, found.left_out["no_customer"]) == (1, 1, 3)


@pytest.mark.parametrize(("first", "second", "repeated"), [("repair", "repair", 1), ("repair", None, 0), (None, None, 0)])
def test_a_repeat_is_of_a_service_that_is_known(data_folder: Path, first: str | None, second: str | None, repeated: int) -> None:
    again = event("again", "2024-06-02T09:00", customer="1", service=second)
    write(data_folder, [resolved_on_the_first("1", service=first), again])
    found = figure(loaded(data_folder), "first_contact_resolution_no_repeat")
    assert (found.numerator, found.n) == (1 - repeated, 1)


def test_repeats_are_sought_in_other_sources_and_merges_only_in_their_own(data_folder: Path) -> None:
    write(data_folder, [resolved_on_the_first("1"), resolved_on_the_first("2"), resolved_on_the_first("3")])
    others = [event("x", "2024-06-02T09:00", customer="1"), event("y", "2024-06-02T09:00", disposition="merged", merged_into="2")]
    write(data_folder, others, source="phone")
    found = figure(loaded(data_folder), "first_contact_resolution_no_repeat")
    assert (found.numerator, found.n) == (2, 3)


def test_an_easy_and_a_hard_part_both_improve_while_the_total_falls() -> None:
    last = {"easy": mix.Part(90, 100), "hard": mix.Part(3, 10)}
    this = {"easy": mix.Part(10, 10), "hard": mix.Part(40, 100)}
    found = mix.effects(last, this)
    assert found is not None
    assert (found.before, found.now) == pytest.approx((93 / 110, 50 / 110))
    assert found.rates["easy"] > 0 < found.rates["hard"]
    assert found.rate == pytest.approx((0.1 + 0.1) * 55 / 110)
    assert found.rate + found.mix == pytest.approx(50 / 110 - 93 / 110)
    weights = mix.pooled_weights(last, this)
    assert weights == {"easy": 110, "hard": 110}
    assert (mix.standardised(last, weights), mix.standardised(this, weights)) == pytest.approx((0.60, 0.70))


def test_the_parts_of_a_total_come_from_the_same_ranges_as_their_totals(data_folder: Path) -> None:
    days = {("easy", "2024-05-06"): (1, 2), ("hard", "2024-05-06"): (0, 1), ("easy", "2024-05-07"): (1, 1), ("hard", "2024-05-07"): (1, 3)}
    write(data_folder, [one for (service, day), (bad, count) in days.items() for one in complaints(day, bad, count, service=service)])
    tuesday = asked(["complaint_rate"], by=("service",), dates=Dates(date(2024, 5, 7), date(2024, 5, 8)))
    before, now = parts_compared(loaded(data_folder), tuesday, "previous_period")
    assert before == {("easy",): mix.Part(1, 2), ("hard",): mix.Part(0, 1)}
    assert now == {("easy",): mix.Part(1, 1), ("hard",): mix.Part(1, 3)}


def test_the_net_promoter_score_and_its_interval(data_folder: Path) -> None:
    scores = [9] * 25 + [10] * 25 + [7] * 15 + [8] * 15 + [6] * 10 + [0] * 10
    write(data_folder, [resolved_on_the_first(str(number), recommendation=given) for number, given in enumerate(scores)])
    found = figure(loaded(data_folder), "recommendation")
    assert (found.numerator, found.n, found.value) == (3_000, 100, 30.0)
    assert found.deviation is not None
    assert found.deviation / sqrt(100) == pytest.approx(7.81025, abs=1e-5)
    assert found.interval == pytest.approx((14.692192, 45.307808), abs=1e-6)


def test_one_answer_of_five_has_a_mean_and_says_little(data_folder: Path) -> None:
    write(data_folder, [resolved_on_the_first("1", satisfaction=Decimal(5)), resolved_on_the_first("silent"), event("open")])
    mean, top2, responses = figures(loaded(data_folder), "satisfaction", "satisfaction_top2", "survey_response_rate").values()
    assert (mean.value, mean.interval, mean.is_enough) == (5.0, None, False)
    assert mean.bounds == ((5 + 1) / 2, (5 + 5) / 2)
    assert top2.interval == pytest.approx((0.2065, 1.0), abs=1e-4)
    assert (responses.numerator, responses.n) == (1, 2)


def test_an_answer_of_an_open_event_whose_day_is_unknown_is_left_out_and_counted(data_folder: Path) -> None:
    answers = {"satisfaction": Decimal(1), "recommendation": 0, "effort": 7}
    dated = event("dated", answered_at="2024-06-03T10:00", resolved_at=None, **answers)
    write(data_folder, [event("undated", "2024-06-02T10:00", **answers), dated, resolved_on_the_first("silent")])
    state = loaded(data_folder)
    for name in ("satisfaction", "satisfaction_top2", "recommendation", "effort"):
        first, second, third = ask(state, [name], "day")
        assert (first.n, first.undetermined, first.left_out) == (0, 1, {"no_answer_date": 0})
        assert (second.period, second.n, second.left_out) == (date(2024, 6, 2), 0, {"no_answer_date": 1})
        assert (third.period, third.n, third.left_out) == (date(2024, 6, 3), 1, {"no_answer_date": 0})
    assert figure(state, "survey_response_rate").n == 1


def test_effort_above_its_baseline_by_more_than_thirty_percent_and_recommendation_five_points_down() -> None:
    rows = [(3.9, 3.0, -5), (3.91, 3.0, -5), (3.91, 3.0, -4.9), (5.0, 3.0, 2)]
    assert [needs_work(*row) for row in rows] == [False, True, False, False]


def test_work_orders_come_first(data_folder: Path) -> None:
    def survey(year: int, touchpoint: str, efforts: tuple[int, ...], recommendations: tuple[int, ...]) -> list[Event]:
        answers = zip(efforts, recommendations, strict=True)
        day = f"{year}-03-04T10:00"
        return [
            event(f"{year} {touchpoint} {number}", day, resolved_at=day, touchpoint=touchpoint, effort=effort, recommendation=given)
            for number, (effort, given) in enumerate(answers)
        ]

    events = survey(2023, "booking", (3, 3) * 15, (9, 9) * 15) + survey(2024, "booking", (3, 4) * 15, (9, 0) * 15)
    events += survey(2023, "paying", (3, 3) * 15, (9, 9) * 15) + survey(2024, "paying", (4, 4) * 15, (9, 0) * 15)
    events += survey(2023, "few", (3,) * 29, (9,) * 29) + survey(2024, "few", (4,) * 29, (0,) * 29)
    write(data_folder, events)
    march = asked(["effort"], by=("touchpoint",), dates=Dates(date(2024, 3, 1), date(2024, 4, 1)))
    found = priorities(loaded(data_folder), march, "previous_year")
    assert [(one.group, one.work_order, one.effort.value) for one in found] == [
        (("paying",), True, 4.0),
        (("booking",), False, 3.5),
        (("few",), False, 4.0),
    ]


def test_ten_percent_more_than_last_year(data_folder: Path) -> None:
    (data_folder / "targets.toml").write_text("""
        [[target]]
        kpi = "recommendation"
        every = "quarter"
        against = "previous_year"
        at_least = 0.10
        from = 2024-01-01
        [[target]]
        kpi = "cost_per_service"
        every = "quarter"
        against = "previous_year"
        at_most = 0.05
        from = 2024-01-01
    """)
    value, cost = read_targets(data_folder)
    almost, enough, dearer = relative_change(219.9, 200), relative_change(220, 200), relative_change(110, 100)
    assert (almost, enough, dearer) == pytest.approx((0.0995, 0.10, 0.10))
    assert [value.met_by(change or 0) for change in (almost, enough)] == [False, True]
    assert not cost.met_by(dearer or 0)
    assert relative_change(110, 0) is None


@pytest.mark.parametrize("every", ["day", "week", "month", "quarter"])
def test_half_past_four_in_london_is_the_next_day_week_month_and_quarter_in_shanghai(data_folder: Path, every: str) -> None:
    (data_folder / "calendar.toml").write_text('time_zone = "Asia/Shanghai"\n')
    write(data_folder, [event("1", "2024-03-31T16:30", is_complaint=True)])
    assert [one.period for one in ask(loaded(data_folder), ["complaint_rate"], every)] == [date(2024, 4, 1)]


def test_the_lowest_tenth_is_rounded_up_and_of_five_at_least() -> None:
    assert [lowest_tenth_count(eligible) for eligible in (8, 10, 11, 20, 4)] == [1, 1, 2, 2, 0]


def test_only_those_with_enough_events_are_ranked() -> None:
    def ranking(name: str, values: dict[str, tuple[float, int]]) -> list[Answer]:
        blank = nothing(find(name))
        return [Answer(**(vars(blank) | {"group": (who,), "value": value, "n": n})) for who, (value, n) in values.items()]

    table = {"A": (0.9, 40), "B": (0.5, 30), "C": (0.1, 29), "D": (0.5, 50), "E": (0.8, 40), "F": (0.7, 40)}
    assert [one.group for one in ranked(ranking("accuracy", table))] == [("D",), ("B",), ("F",), ("E",), ("A",), ("C",)]
    assert lowest_tenth(ranking("accuracy", table)) == {("D",)}
    assert lowest_tenth(ranking("failure_rate", table)) == {("A",)}
    assert lowest_tenth(ranking("accuracy", {who: table[who] for who in "ABCDE"})) == set()


# --- opening hours --------------------------------------------------------------------------------------------------------------------

OPENING_HOURS = """
clock = "opening_hours"
time_zone = "America/New_York"
opening_hours = ["Mon-Fri 09:00-17:00"]
holidays = [2024-12-25]
[stores."always open"]
opening_hours = ["daily 00:00-24:00"]
holidays = []
[stores.nights]
opening_hours = ["daily 22:00-06:00"]
[stores.Shanghai]
time_zone = "Asia/Shanghai"
opening_hours = ["Mon-Fri 09:00-18:00"]
"""
NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"
ON_THE_CLOCK = [
    ("spring forward weekend", NEW_YORK, "2024-03-08T16:30", "2024-03-11T09:15", 45),
    ("always open", NEW_YORK, "2024-03-08T16:30", "2024-03-11T09:15", 3_825),
    ("holiday", NEW_YORK, "2024-12-25T10:00", "2024-12-26T09:30", 30),
    ("nights", NEW_YORK, "2024-03-09T23:00", "2024-03-10T07:00", 360),
    ("out of hours", NEW_YORK, "2024-05-06T18:00", "2024-05-06T20:00", 0),
    ("Shanghai", SHANGHAI, "2024-03-08T17:50", "2024-03-11T09:10", 20),
]


def on_the_clock() -> list[Event]:
    def utc(local: str, zone: str) -> datetime:
        return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))

    latest = at("2024-12-31")
    return [
        event(store, store=store, updated_at=latest) | {"opened_at": utc(opened, zone), "responded_at": utc(responded, zone)}
        for store, zone, opened, responded, _ in ON_THE_CLOCK
    ]


def test_on_the_opening_clock_only_open_minutes_count(data_folder: Path) -> None:
    (data_folder / "calendar.toml").write_text(OPENING_HOURS)
    write(data_folder, on_the_clock())
    found = ask(loaded(data_folder), ["response_time_mean"], by=("store",))
    assert {one.group[0]: one.value for one in found} == {store: minutes for store, *_, minutes in ON_THE_CLOCK}


def test_on_the_elapsed_clock_every_minute_counts(data_folder: Path) -> None:
    (data_folder / "calendar.toml").write_text(OPENING_HOURS.replace('clock = "opening_hours"', ""))
    write(data_folder, on_the_clock())
    found = ask(loaded(data_folder), ["response_time_mean"], by=("store",))
    elapsed = {
        "spring forward weekend": 3_825,
        "always open": 3_825,
        "holiday": 1_410,
        "nights": 420,
        "out of hours": 120,
        "Shanghai": 3_800,
    }
    assert {one.group[0]: one.value for one in found} == elapsed


def test_a_waiting_event_ages_only_while_its_store_is_open(data_folder: Path) -> None:
    (data_folder / "calendar.toml").write_text(OPENING_HOURS)
    friday = event("1", "2024-06-28T20:30", updated_at="2024-07-01T13:10", responded_at=None, resolved_at=None)
    write(data_folder, [friday])
    state = loaded(data_folder)
    assert (figure(state, "response_time", within=40).undetermined, figure(state, "response_time", within=39).value) == (1, 0.0)
    assert figure(state, "resolution_time", within=60).value == 0.0


@pytest.mark.parametrize(
    "calendar",
    [
        'clock = "opening_hours"',
        'clock = "opening_hours"\nstores.A.opening_hours = []',
        'clock = "opening_hours"\nopening_hours = ["Mon-Fri 09:00-17:00"]\nstores.A.opening_hours = []',
    ],
)
def test_a_store_without_opening_hours_is_always_open(data_folder: Path, calendar: str) -> None:
    (data_folder / "calendar.toml").write_text(calendar)
    write(data_folder, [event("1", responded_at="2024-06-01T10:00")])
    assert figure(loaded(data_folder), "response_time_mean").value == 60


# --- limits ---------------------------------------------------------------------------------------------------------------------------


def test_a_new_limit_does_not_judge_the_past_again(data_folder: Path) -> None:
    (data_folder / "targets.toml").write_text("""
        [[target]]
        kpi = "response_time"
        limit_minutes = 30
        every = "day"
        at_least = 0.95
        from = 2024-03-01
        until = 2024-03-31
        [[target]]
        kpi = "response_time"
        limit_minutes = 10
        every = "day"
        at_least = 0.95
        from = 2024-04-01
    """)
    events = [event(day, f"{day}T09:00", responded_at=f"{day}T09:20") for day in ("2024-02-29", "2024-03-31", "2024-04-01")]
    write(data_folder, events)
    state = loaded(data_folder)
    assert [one.value for one in ask(state, ["response_time"], "day")] == [None, 1.0, 0.0]
    assert figure(state, "response_time").left_out == {"no_response": 0, "no_response_moment": 0, "no_limit": 1}
    assert figure(state, "response_time", within=20).value == 1.0


@pytest.mark.parametrize("name", ["response_time_of_all", "consistency"])
def test_a_limit_of_another_kpi_is_obeyed_or_refused_and_not_silently_ignored(data_folder: Path, name: str) -> None:
    toml = f'[[target]]\nkpi = "{name}"\nlimit_minutes = 5\nevery = "day"\nat_most = 1.0\nfrom = 2024-01-01\n'
    (data_folder / "targets.toml").write_text(toml)
    stores = {"A": 1, "B": 10}
    write(
        data_folder,
        [answered(stores[store]) | {"store": store, "event_id": f"{store}{number}"} for store in stores for number in range(30)],
    )
    try:
        found = figure(loaded(data_folder), name).value
    except ConfigError:
        return
    assert found != {"response_time_of_all": 1.0, "consistency": 0.0}[name], "as if the limit were the 15 minutes of response_time"


@pytest.mark.parametrize("cost", [Decimal(10_000_000_000), Decimal("999999999999.9999")])
def test_any_cost_that_the_contract_allows_is_summed(data_folder: Path, cost: Decimal) -> None:
    write(data_folder, [resolved_on_the_first("1", cost=cost), resolved_on_the_first("2", cost=cost)])
    assert figure(loaded(data_folder), "cost_per_service").value == pytest.approx(float(cost))


@pytest.mark.parametrize(("minutes", "value"), [(0.125, 0.125), (0.0001, 0.0001), (1 / 60, 1 / 60)])
def test_handling_time_is_exact_to_the_millisecond(data_folder: Path, minutes: float, value: float) -> None:
    write(data_folder, [resolved_on_the_first(str(number), handle_minutes=minutes) for number in range(100)])
    assert figure(loaded(data_folder), "handling_time").value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("costs", "deviation"),
    [
        ([Decimal("999999999999.9999")] * 3, 0.0),
        ([Decimal("1000000.01"), Decimal("1000000.02")] * 50, sqrt(100 * 0.005**2 / 99)),
        ([Decimal("999999999999.9998"), Decimal("999999999999.9999")], sqrt(0.0001**2 / 2)),
    ],
)
def test_the_deviation_of_large_costs_is_that_of_their_differences(data_folder: Path, costs: list[Decimal], deviation: float) -> None:
    write(
        data_folder,
        [
            resolved_on_the_first(str(number), cost=cost, resolved_at=f"2024-06-0{1 + number % 2}T10:00")
            for number, cost in enumerate(costs)
        ],
    )
    state = loaded(data_folder)
    assert figure(state, "cost_per_service").deviation == pytest.approx(deviation, rel=1e-9)
    days = ask(state, ["cost_per_service"], "day")
    assert combined(find("cost_per_service"), days, None).deviation == pytest.approx(deviation, rel=1e-9)


# --- consistency and open events -----------------------------------------------------------------------------------------------------


def shares_in_time(table: dict[str, tuple[int, int]], unit: str = "store") -> list[Event]:
    """Requests of each unit, and how many of them are in time."""
    return [
        answered(10 if number < in_time else 20) | {"event_id": f"{name}{number}", unit: name}
        for name, (in_time, count) in table.items()
        for number in range(count)
    ]


def dersimonian_laird(shares: list[float], variances: list[float]) -> float:
    """The between-group variance of the method-of-moments estimator, as in the paper's equation 8."""
    weights = [1 / variance for variance in variances]
    centre = sum(weight * share for weight, share in zip(weights, shares, strict=True)) / sum(weights)
    q = sum(weight * (share - centre) ** 2 for weight, share in zip(weights, shares, strict=True))
    return max(0.0, (q - (len(shares) - 1)) / (sum(weights) - sum(weight**2 for weight in weights) / sum(weights)))


def test_consistency_is_the_spread_of_equal_stores_less_chance(data_folder: Path) -> None:
    write(data_folder, shares_in_time({"A": (30, 40), "B": (20, 40), "C": (37, 40), "too small": (0, 5)}))
    found = figure(loaded(data_folder), "consistency")
    shares, pooled = [30 / 40, 20 / 40, 37 / 40], (30 + 20 + 37) / 120  # pooled is their mean as well
    spread, chance = sum((share - pooled) ** 2 for share in shares) / 2, pooled * (1 - pooled) / 40
    assert found.value == pytest.approx(sqrt(spread - chance))
    assert found.n == 120


UNEQUAL = {"A": (30, 40), "B": (25, 50), "C": (54, 60), "D": (33, 35)}


def spread_of_unequal_units() -> float:
    pooled = (30 + 25 + 54 + 33) / (40 + 50 + 60 + 35)
    counts = UNEQUAL.values()
    return sqrt(dersimonian_laird([k / n for k, n in counts], [pooled * (1 - pooled) / n for _, n in counts]))


@pytest.mark.parametrize(
    ("name", "other", "unit"), [("consistency", "consistency_agents", "store"), ("consistency_agents", "consistency", "agent")]
)
def test_consistency_of_unequal_units_is_dersimonian_lairds(data_folder: Path, name: str, other: str, unit: str) -> None:
    write(data_folder, shares_in_time(UNEQUAL | {"too small": (0, 29)}, unit))
    state = loaded(data_folder)
    assert figure(state, name).value == pytest.approx(spread_of_unequal_units())
    assert figure(state, other).value is None  # all are of one store, or of one agent that nobody knows


def test_consistency_of_hours_goes_by_the_local_hour_of_the_opening(data_folder: Path) -> None:
    """The clock of Paris is two hours ahead in June: the hours are 23, 0, 9 and 12, and one with too few."""
    (data_folder / "calendar.toml").write_text('time_zone = "Europe/Paris"\n')
    opened = {
        "A": "2024-06-03T21:59:59",
        "B": "2024-06-03T22:00",
        "C": "2024-06-04T07:30",
        "D": "2024-06-05T10:00",
        "E": "2024-06-05T11:00",
    }
    events = [
        one | {"opened_at": at(opened[one["store"]]), "responded_at": at(opened[one["store"]]) + (one["responded_at"] - one["opened_at"])}
        for one in shares_in_time(UNEQUAL | {"E": (0, 29)})
    ]
    write(data_folder, events)
    state = loaded(data_folder)
    assert [(one.group, one.n) for one in ask(state, ["response_time"], by=("hour",))] == [
        (("0",), 50), (("9",), 60), (("12",), 35), (("13",), 29), (("23",), 40),
    ]  # fmt: skip
    assert figure(state, "consistency_hours").value == pytest.approx(spread_of_unequal_units())
    assert figure(state, "consistency_hours").n == 40 + 50 + 60 + 35


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ({"A": (20, 40), "B": (21, 40)}, 0.0),
        ({"A": (40, 40), "B": (40, 40)}, 0.0),
        ({"A": (20, 40), "B": (10, 20)}, None),
    ],
)
def test_no_more_than_chance_is_no_spread_and_one_store_has_none(
    data_folder: Path, table: dict[str, tuple[int, int]], value: float | None
) -> None:
    write(data_folder, shares_in_time(table))
    assert figure(loaded(data_folder), "consistency").value == value


@pytest.mark.parametrize(("every", "longest"), [("day", 1), ("week", 7), ("month", 31), ("quarter", 92)])
def test_open_events_are_counted_and_aged_at_the_end_of_each_period(state: State, known: list[Event], every: str, longest: int) -> None:
    found = ask(state, ["open_events", "open_events_age"], every, ("store",), None, Dates(date(2024, 1, 1), date(2024, 7, 1)))
    assert {(one.kpi.name, *one.group): one.period for one in found} == {
        (name, store or "unknown"): oracle.period_start(date(2024, 4, 20), every) for name in STOCKS for store in ZONES
    }
    for one in found:
        assert one.period is not None
        zone = next(zone for store, zone in ZONES.items() if (store or "unknown") == one.group[0])
        end = oracle.period_start(one.period + timedelta(days=longest), every)
        midnight = datetime(end.year, end.month, end.day, tzinfo=ZoneInfo(zone))
        waiting = oracle.open_events([event for event in known if store_of(event) == one.group[0]], midnight)
        figure = oracle.STOCKS[one.kpi.name](waiting, min(midnight, AS_OF))
        value = None if figure.value is None else pytest.approx(float(figure.value), rel=1e-12)
        assert (one.period, one.group, one.n, one.value) == (one.period, one.group, len(waiting), value)
        assert one.is_complete == (end <= date(2024, 4, 20))


@pytest.mark.parametrize("dates", [ALWAYS, Dates(date(2024, 3, 1), date(2024, 4, 1)), Dates(date(2024, 4, 19), date(2024, 4, 20))])
def test_open_events_of_a_range_are_those_at_its_end_in_all_zones(state: State, known: list[Event], dates: Dates) -> None:
    ends = [(one, datetime.combine(dates.end, time(), ZoneInfo(zone_of(one)))) for one in known]
    ages = [min(end, AS_OF) - one["opened_at"] for one, end in ends if oracle.open_events([one], end)]
    count, age = ask(state, ["open_events", "open_events_age"], dates=dates)
    assert (count.value, count.n, age.n) == (len(ages), len(ages), len(ages))
    assert age.value == pytest.approx(float(sum(map(oracle.minutes, ages)) / len(ages)), rel=1e-12)


def test_the_age_of_open_events_is_that_of_the_whole_backlog(data_folder: Path) -> None:
    write(data_folder, [event("old", "2024-01-01T12:00", closed_at=None), event("new", "2024-06-29T12:00")])
    state = loaded(data_folder)
    yesterday, february = Dates(date(2024, 6, 29), date(2024, 6, 30)), Dates(date(2024, 2, 1), date(2024, 3, 1))
    found = ask(state, ["open_events_age"], dates=yesterday) + ask(state, ["open_events_age"], dates=february)
    days = 1440
    assert [(one.value, one.n, one.numerator) for one in found] == [
        ((180.5 + 0.5) * days / 2, 2, 181 * days),
        (59.5 * days, 1, 59.5 * days),
    ]
    [now] = ask(state, ["open_events_age"])
    assert (now.value, now.n) == ((181 + 1) * days / 2, 2)


def test_without_a_column_of_ends_nobody_knows_what_is_open(data_folder: Path) -> None:
    write(data_folder, [event(str(number)) for number in range(5)])
    _, unmeasured = asking.kpis_named(loaded(data_folder), ["open_events", "open_events_age"])
    assert [missing(kpi, {"opened_at"}) for kpi in unmeasured] == [("resolved_at or closed_at",)] * 2


@pytest.mark.parametrize("column", ["resolved_at", "closed_at"])
def test_either_end_tells_what_is_open_and_sources_without_one_are_left_out_and_counted(data_folder: Path, column: str) -> None:
    write(data_folder, [event("1", **{column: "2024-06-01T10:00"}), event("2"), event("3", "2024-06-02T09:00")])
    write(data_folder, [event("4", store="B"), event("5", "2024-06-02T09:00")], source="endless")
    state = loaded(data_folder)
    days = Dates(date(2024, 6, 1), date(2024, 6, 3))
    assert [(one.value, one.n, one.left_out) for one in ask(state, ["open_events"], "day", dates=days)] == [
        (1, 1, {"no_end_moment": 0, "not_measured": 1}),
        (2, 2, {"no_end_moment": 0, "not_measured": 2}),
    ]
    by_store = ask(state, ["open_events", "open_events_age"], by=("store",), dates=days)
    assert [(one.group, one.value is None, one.n, one.left_out) for one in by_store] == [
        (("A",), False, 2, {"no_end_moment": 0, "not_measured": 1}),
        (("B",), True, 0, {"no_end_moment": 0, "not_measured": 1}),
    ] * 2


def test_nothing_open_is_zero_and_has_no_age(data_folder: Path) -> None:
    write(data_folder, [event("1", closed_at="2024-06-01T10:00")])
    count, age = ask(loaded(data_folder), ["open_events", "open_events_age"])
    assert (count.value, age.value, age.n) == (0, None, 0)


def test_open_events_are_a_stock_that_is_not_summed(data_folder: Path) -> None:
    events = [event("1", "2024-06-03T09:00", closed_at="2024-06-05T09:00"), event("2", "2024-06-04T09:00", updated_at="2024-06-06T09:00")]
    write(data_folder, [one | {"updated_at": at("2024-06-06T09:00")} for one in events])
    state = loaded(data_folder)
    assert [(one.period, one.value) for one in ask(state, ["open_events"], "day")] == [
        (date(2024, 6, 3), 1),
        (date(2024, 6, 4), 2),
        (date(2024, 6, 5), 1),
        (date(2024, 6, 6), 1),
    ]
    assert [one.value for one in ask(state, ["open_events"], "week")] == [1]
    assert [one.value for one in ask(state, ["open_events"])] == [1]


# --- comparisons ----------------------------------------------------------------------------------------------------------------------


def complaints(day: str, bad: int, count: int, **columns: Any) -> list[Event]:
    name = "-".join((day, *columns.values()))
    return [event(f"{name} {number}", f"{day}T09:00", is_complaint=number < bad, **columns) for number in range(count)]


DAYS = {
    "2023-06-17": (1, 5), "2023-06-18": (0, 5), "2023-06-19": (1, 10), "2023-06-20": (3, 10), "2023-06-21": (2, 20),
    "2024-06-14": (0, 1), "2024-06-15": (1, 1), "2024-06-16": (0, 2),
    "2024-06-17": (1, 2), "2024-06-18": (1, 2), "2024-06-19": (0, 1), "2024-06-20": (5, 5),
}  # fmt: skip


@pytest.fixture
def mid_june(data_folder: Path) -> State:
    """Known until noon of Thursday, 20 June 2024."""
    events = [one for day, (bad, count) in DAYS.items() for one in complaints(day, bad, count)]
    write(data_folder, [one | {"updated_at": at("2024-06-20T12:00")} for one in events])
    return loaded(data_folder)


@pytest.mark.parametrize(
    ("comparison", "before", "start"),
    [
        ("previous_period", (0 + 1 + 0, 1 + 1 + 2), date(2024, 6, 14)),
        ("same_weekdays", (1 + 3 + 2, 10 + 10 + 20), date(2023, 6, 19)),
        ("previous_year", (1 + 0 + 1, 5 + 5 + 10), date(2023, 6, 17)),
    ],
)
def test_complete_days_are_held_against_complete_days(mid_june: State, comparison: Any, before: tuple[int, int], start: date) -> None:
    this_week = asked(["complaint_rate"], dates=Dates(date(2024, 6, 17), date(2024, 6, 24)))
    found = cards(mid_june, this_week, comparison)[0].change
    assert found is not None
    assert compared_with(Dates(date(2024, 6, 17), date(2024, 6, 20)), comparison) == Dates(start, start + timedelta(days=3))
    assert (found.now.numerator, found.now.n) == (2, 5)
    assert (found.before.numerator, found.before.n) == before
    assert found.difference == pytest.approx(2 / 5 - before[0] / before[1])
    assert found.relative == pytest.approx((2 / 5) / (before[0] / before[1]) - 1)


def test_without_a_complete_day_there_is_no_comparison(mid_june: State) -> None:
    today = asked(["complaint_rate"], dates=Dates(date(2024, 6, 20), date(2024, 6, 21)))
    assert cards(mid_june, today, "previous_period")[0].change is None


@pytest.mark.parametrize(
    ("first", "last", "before_first", "before_last"),
    [
        pytest.param("2024-06-01", "2024-06-30", "2023-06-01", "2023-06-30", id="June"),
        pytest.param("2024-02-01", "2024-02-29", "2023-02-01", "2023-02-28", id="February of a leap year"),
        pytest.param("2024-02-29", "2024-02-29", "2023-02-28", "2023-02-28", id="29 February"),
        pytest.param("2024-02-28", "2024-02-28", "2023-02-28", "2023-02-28", id="28 February of a leap year"),
        pytest.param("2024-01-01", "2024-02-28", "2023-01-01", "2023-02-28", id="until 28 February of a leap year"),
    ],
)
def test_the_previous_year_has_the_same_first_and_last_day(first: str, last: str, before_first: str, before_last: str) -> None:
    assert compared_with(asking.dates(first, last), "previous_year") == asking.dates(before_first, before_last)


def test_each_period_is_held_against_its_earlier_one(mid_june: State) -> None:
    june = asked(["complaint_rate"], "week", dates=Dates(date(2024, 6, 10), date(2024, 6, 17)))
    ((now, before),) = compared(mid_june, june, "same_weekdays")
    assert (now.period, now.value) == (date(2024, 6, 10), 1 / 4)
    assert before is not None
    assert (before.period, before.value) == (date(2023, 6, 12), 1 / 10)
    assert answer_record(now, (), before)["comparison"] == {
        "period": "2023-06-12",
        "value": 1 / 10,
        "n": 10,
        "difference": pytest.approx(0.15),
        "relative": pytest.approx(1.5),
    }


def test_an_incomplete_period_is_not_compared(mid_june: State) -> None:
    weeks = asked(["complaint_rate"], "week", dates=Dates(date(2024, 6, 10), date(2024, 6, 24)))
    pairs = compared(mid_june, weeks, "previous_period")
    assert [(one.period, one.is_complete, before) for one, before in pairs] == [
        (date(2024, 6, 10), True, None),
        (date(2024, 6, 17), False, None),
    ]


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("every", ["day", "week", "month", "quarter"])
def test_periods_of_all_time_can_be_compared(mid_june: State, every: str, comparison: Any) -> None:
    pairs = compared(mid_june, asked(["complaint_rate"], every), comparison)
    assert sum(one.n for one, _ in pairs) == sum(count for _, count in DAYS.values())


# --- completeness ---------------------------------------------------------------------------------------------------------------------


def complete(answers: Iterable[Answer]) -> list[date | None]:
    return [one.period for one in answers if one.is_complete]


def test_a_period_is_complete_when_it_ended_before_the_day_of_the_newest_update(mid_june: State) -> None:
    days, weeks, months = (
        ask(mid_june, ["complaint_rate"], every, dates=asking.dates("2024-06-10", "")) for every in ("day", "week", "month")
    )
    assert complete(days) == [date(2024, 6, day) for day in (14, 15, 16, 17, 18, 19)]
    assert complete(weeks) == [date(2024, 6, 10)]
    assert complete(months) == []


def test_a_period_with_a_window_is_complete_when_the_window_has_passed(data_folder: Path) -> None:
    days = [f"2024-06-{day}" for day in (12, 13, 14)]
    write(
        data_folder, [event(day, f"{day}T09:00", resolved_at=f"{day}T10:00", reopen_count=0, updated_at="2024-06-20T12:00") for day in days]
    )
    found = ask(loaded(data_folder), ["reopen_rate", "sampling_rate"], "day")
    assert complete(one for one in found if one.kpi.name == "reopen_rate") == [date(2024, 6, 12)]
    assert [one.n for one in found if one.kpi.name == "reopen_rate"] == [1, 1, 0]
    assert len(complete(one for one in found if one.kpi.name == "sampling_rate")) == 3


def test_a_day_that_has_not_ended_at_its_store_is_not_complete(data_folder: Path) -> None:
    (data_folder / "calendar.toml").write_text('time_zone = "Asia/Shanghai"\nstores.A.time_zone = "America/New_York"\n')
    write(data_folder, [event("1", "2024-06-20T14:00", updated_at="2024-06-20T20:00", is_complaint=True)])
    assert complete(ask(loaded(data_folder), ["complaint_rate"], "day")) == []


def test_a_window_over_a_change_of_clocks_is_not_complete_an_hour_early(data_folder: Path) -> None:
    (data_folder / "calendar.toml").write_text('time_zone = "Europe/Paris"\n')
    last_second = event("1", "2024-03-24T09:00", resolved_at="2024-03-24T22:59:59", updated_at="2024-03-31T22:30", reopen_count=0)
    write(data_folder, [last_second])
    found = figure(loaded(data_folder), "reopen_rate", every="day")
    assert (found.n, found.left_out["immature"], found.is_complete) == (0, 1, False)


# --- names and what is not measured ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: find("satisfacton"), "KPI 'satisfacton' does not exist. Did you mean 'satisfaction'?"),
        (lambda: asked(["accuracy"], every="weak"), "period 'weak' does not exist. Did you mean 'week'?"),
        (lambda: asked(["accuracy"], every="fortnight"), "period 'fortnight' does not exist. Known: day, month, quarter, week."),
        (lambda: asked(["accuracy"], by=("stroe",)), "dimension 'stroe' does not exist. Did you mean 'store'?"),
        (lambda: asked(["accuracy"], where={"chanel": ("x",)}), "dimension 'chanel' does not exist. Did you mean 'channel'?"),
        (lambda: asking.filters(["regoin=north"]), "dimension 'regoin' does not exist. Did you mean 'region'?"),
        (lambda: asking.period("dayly"), "period 'dayly' does not exist. Did you mean 'day'?"),
        (lambda: asking.comparison("xx"), "comparison 'xx' does not exist. Known: previous_period, previous_year, same_weekdays."),
    ],
)
def test_an_unknown_name_is_refused_with_the_one_that_was_meant(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(UnknownName) as refused:
        wrong()
    assert str(refused.value) == message


def test_a_kpi_whose_columns_are_missing_is_not_measured(data_folder: Path) -> None:
    write(data_folder, [event("1", is_complaint=True)])
    state = loaded(data_folder)
    measured, unmeasured = asking.kpis_named(state, ["satisfaction", "complaint_rate", "cost_per_service"])
    assert [kpi.name for kpi in measured] == ["complaint_rate"]
    assert [kpi.name for kpi in unmeasured] == ["satisfaction", "cost_per_service"]
    record = not_measured_record(unmeasured[0], ("satisfaction",))
    assert (record["value"], record["not_measured"]) == (None, ["satisfaction"])


@pytest.mark.parametrize("name", ["response_time", "response_time_median", "response_time_mean", "consistency"])
def test_events_of_a_source_that_does_not_measure_are_left_out_and_counted_by_every_kind_of_figure(data_folder: Path, name: str) -> None:
    write(data_folder, [answered(5), answered(20)])
    write(data_folder, [event(f"x{number}", store="B", is_complaint=True) for number in range(9)], source="silent")
    state = loaded(data_folder)
    found = figure(state, name)
    assert found.left_out["not_measured"] == 9
    assert (found.n, found.undetermined) == ((0 if name == "consistency" else 2), 0)
    assert [(one.group, one.left_out["not_measured"]) for one in ask(state, [name], by=("store",))] == [(("A",), 0), (("B",), 9)]
    assert figure(state, name, where={"source": ("desk",)}).left_out["not_measured"] == 0


@pytest.mark.parametrize(
    ("columns", "variant", "name"),
    [
        ({"customer", "contact_count", "resolved_first_contact"}, "", "no_repeat"),
        ({"contact_count", "resolved_first_contact"}, "", "one_contact"),
        ({"resolved_first_contact"}, "", "one_contact"),  # not measured: no other variant steps in unasked
        ({"transfer_count"}, "", "one_contact"),
        ({"customer", "resolved_first_contact"}, "as_flagged", "as_flagged"),
    ],
)
def test_the_variant_of_first_contact_resolution_follows_the_data_unless_it_is_configured(
    columns: set[str], variant: str, name: str
) -> None:
    found = chosen("first_contact_resolution", variant, columns | {"resolved_at"})
    assert found.name == f"first_contact_resolution_{name}"


@pytest.mark.parametrize("name", ["response_time", "response_time_median", "open_events", "open_events_age", "consistency"])
def test_every_kind_of_figure_has_one_record_of_a_range_without_events_and_none_of_its_parts(data_folder: Path, name: str) -> None:
    write(data_folder, [event("1", responded_at="2024-06-01T09:05", resolved_at="2024-06-01T10:00")])
    state, before = loaded(data_folder), Dates(date(2023, 1, 1), date(2023, 2, 1))
    found = ask(state, [name], dates=before)
    assert [(one.value, one.n, one.period, one.group, one.is_complete) for one in found] == [(None, 0, None, (), True)]
    assert [one.is_complete for one in ask(state, [name], dates=Dates(date(2025, 1, 1), date(2025, 2, 1)))] == [False]
    assert ask(state, [name], "day", dates=before) == ask(state, [name], by=("store",), dates=before) == []


def test_nothing_to_measure_is_no_value_and_not_zero(mid_june: State) -> None:
    empty = total(mid_june, asked(["complaint_rate"], dates=Dates(date(2020, 1, 1), date(2020, 2, 1))))
    assert (empty.value, empty.n, empty.interval, empty.bounds) == (None, 0, None, None)
