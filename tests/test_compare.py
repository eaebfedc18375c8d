"""Units side by side, from small folders of events: who is judged, around what, and adjusted for what."""

from collections.abc import Iterable
from math import sqrt
from pathlib import Path

import pytest

from kpi.compare import Comparison, Mix, Obstacle, Peer, comparison
from kpi.errors import ConfigError
from kpi.periods import Dates
from kpi.report import ALWAYS
from tests.samples import Event, costs, day, event, later, question, state_of

GOOD = {f"S{store:02}": (90 + store % 3, 100) for store in range(19)}
"""Passed and checked: 90, 91 or 92 of 100."""


def checked(store: str | None, passed: int, n: int, service: str = "repair", on: int = 0) -> list[Event]:
    """Requests of a store, so many of them checked and so many of those passed."""
    return [
        event(
            f"{store} {service} {on} {number}",
            f"{day(on)}T10:00",
            resolved_at=f"{day(on)}T11:00",
            store=store,
            service=service,
            quality_passed=number < passed,
        )
        for number in range(n)
    ]


def of_stores(stores: dict[str, tuple[int, int]]) -> list[Event]:
    return [row for store, (passed, n) in stores.items() for row in checked(store, passed, n)]


def compared(
    place: Path,
    rows: Iterable[Event],
    kpi: str = "accuracy",
    by: str = "store",
    mix: Mix = "adjusted",
    dates: Dates = ALWAYS,
    **settings: str,
) -> Comparison:
    """The comparison of these events on the first day: a later event makes it complete."""
    return comparison(state_of(place, [*rows, later(day(1))], **settings), question(kpi, by=(by,), dates=dates), mix)


def by_name(found: Comparison) -> dict[str, Peer]:
    return {one.name: one for one in found.peers}


def simpson() -> list[Event]:
    """A has mostly the easy service, B the hard one; B is better in both."""
    return [
        *checked("A", 90, 100, "easy"),
        *checked("A", 10, 20, "hard"),
        *checked("B", 19, 20, "easy"),
        *checked("B", 60, 100, "hard"),
    ]


def test_a_store_that_is_far_worse_is_unlike_the_others_and_alone_in_the_worst_tier(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores({**GOOD, "bad": (60, 100)}))
    [bad] = found.unlike
    assert found.peers[0] == bad
    assert (bad.name, bad.is_worse, bad.in_lowest_tenth, bad.places) == ("bad", True, True, (20, 20))
    assert (bad.tier, found.tier_count) == (2, 2)
    assert {one.tier for one in found.peers[1:]} == {1}
    assert {one.places for one in found.peers[1:]} == {(1, 19)}
    assert found.obstacle is None


def test_where_less_is_better_the_dearest_is_the_worst(tmp_path: Path) -> None:
    rows = [row for store in GOOD for row in costs([10.0], a_day=50, store=store) + costs([12.0], a_day=50, store=store)]
    dear = costs([30.0], a_day=50, store="dear") + costs([32.0], a_day=50, store="dear")
    cheap = costs([1.0], a_day=50, store="cheap") + costs([3.0], a_day=50, store="cheap")
    named = [row | {"event_id": str(number)} for number, row in enumerate([*rows, *dear, *cheap])]
    found = compared(tmp_path, named, "cost_per_service")
    assert [(one.name, one.is_worse) for one in found.unlike] == [("dear", True), ("cheap", False)]
    assert (found.peers[0].name, found.peers[0].tier, found.peers[-1].name, found.peers[-1].tier) == ("dear", 3, "cheap", 1)
    assert found.funnel is not None
    assert found.funnel.within == pytest.approx(100 / 99)  # each of 100 events 1 from its store's mean, pooled
    assert found.funnel.centre == pytest.approx((19 * 11 + 31 + 2) / 21)


def test_a_store_below_the_floor_is_shown_and_not_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores({"A": (20, 40), "B": (20, 40), "few": (0, 29)}))
    few = found.peers[-1]
    assert (few.name, few.value, few.is_enough, few.is_judged) == ("few", 0.0, False, False)
    assert (few.z, few.tier, few.places, few.is_unlike, few.in_lowest_tenth, few.is_worse) == (None, None, None, False, False, False)
    assert [one.name for one in found.judged] == ["A", "B"]
    assert {one.tier for one in found.judged} == {1}


def test_exactly_at_the_floor_a_store_is_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores({"A": (20, 40), "B": (15, 30)}))
    assert [one.is_judged for one in found.peers] == [True, True]


def test_the_centre_is_the_figure_of_all_together_and_the_limits_are_of_chance_alone_where_that_explains_all(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores({"A": (22, 40), "B": (18, 40), "few": (10, 20)}))
    assert found.funnel is not None
    assert (found.funnel.centre, found.funnel.within, found.funnel.tau) == (0.5, 0.25, 0.0)
    assert by_name(found)["A"].z == pytest.approx((0.55 - 0.50) / sqrt(0.25 / 40))


@pytest.mark.parametrize(("units", "lowest"), [(4, []), (5, ["S00"]), (10, ["S00"]), (11, ["S00", "S01"])])
def test_the_lowest_tenth_is_rounded_up_and_empty_below_five_judged(tmp_path: Path, units: int, lowest: list[str]) -> None:
    found = compared(tmp_path, of_stores({**{f"S{store:02}": (15 + store, 30) for store in range(units)}, "few": (0, 10)}))
    assert sorted(one.name for one in found.peers if one.in_lowest_tenth) == lowest


def test_events_of_an_unknown_store_are_shown_and_counted_but_not_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, [*of_stores({"A": (30, 40), "B": (30, 40)}), *checked(None, 0, 40)])
    unknown = found.peers[-1]
    assert (unknown.name, unknown.value, unknown.is_enough, unknown.is_judged, unknown.tier) == ("unknown", 0.0, True, False, None)
    assert not unknown.in_lowest_tenth
    assert found.funnel is not None
    assert found.funnel.centre == 60 / 120


def test_an_unknown_store_beside_one_store_is_nothing_to_compare_it_with(tmp_path: Path) -> None:
    found = compared(tmp_path, [*checked("A", 30, 40), *checked(None, 0, 40)])
    assert (found.obstacle, found.funnel) == ("one", None)


def test_adjusted_for_service_mix_the_order_is_the_other_way_round(tmp_path: Path) -> None:
    found = compared(tmp_path, simpson())
    peers = by_name(found)
    assert found.basis == "adjusted"
    assert (peers["A"].adjusted, peers["B"].adjusted) == (pytest.approx((0.90 + 0.50) / 2), pytest.approx((0.95 + 0.60) / 2))
    assert (peers["A"].answer.value, peers["B"].answer.value) == (100 / 120, 79 / 120)
    assert peers["A"].value == peers["A"].adjusted
    assert (peers["A"].coverage, peers["B"].coverage) == (1.0, 1.0)
    assert [one.name for one in found.peers] == ["A", "B"]
    assert found.funnel is not None
    assert found.funnel.centre == pytest.approx(179 / 240)


def test_what_an_adjusted_value_is_worth_comes_from_the_chance_within_each_service(tmp_path: Path) -> None:
    found = compared(tmp_path, simpson())
    easy, hard = 109 / 120 * 11 / 120, 70 / 120 * 50 / 120
    assert found.funnel is not None
    assert found.funnel.within == pytest.approx((easy + hard) / 2)
    assert by_name(found)["A"].events == pytest.approx((easy + hard) / 2 / ((easy / 100 + hard / 20) / 4))


def test_unadjusted_each_value_is_the_stores_own(tmp_path: Path) -> None:
    found = compared(tmp_path, simpson(), mix="unadjusted")
    assert found.basis == "not_asked"
    assert [(one.name, one.value, one.adjusted, one.coverage, one.events) for one in found.peers] == [
        ("B", 79 / 120, None, None, 120.0),
        ("A", 100 / 120, None, None, 120.0),
    ]


def test_services_have_no_service_mix(tmp_path: Path) -> None:
    assert compared(tmp_path, simpson(), by="service").basis == "by_service"


def test_of_one_service_there_is_nothing_to_adjust(tmp_path: Path) -> None:
    assert compared(tmp_path, of_stores({"A": (20, 40), "B": (30, 40)})).basis == "one_service"


def test_stores_that_share_no_service_stay_unadjusted(tmp_path: Path) -> None:
    found = compared(tmp_path, [*checked("A", 30, 40, "easy"), *checked("B", 20, 40, "hard")])
    assert found.basis == "not_covered"
    assert [(one.name, one.value, one.adjusted, one.is_judged) for one in found.peers] == [("B", 0.5, None, True), ("A", 0.75, None, True)]


@pytest.mark.parametrize(("hard", "is_judged"), [(10, True), (11, False)])
def test_a_store_without_more_than_a_tenth_of_the_mix_is_not_judged_beside_adjusted_ones(
    tmp_path: Path, hard: int, is_judged: bool
) -> None:
    """Of 200 events the hard service has 20: exactly 90 % are the others', or of 202 it has 22."""
    rows = [row for store in "AB" for row in [*checked(store, 30, 45, "easy"), *checked(store, 5, hard, "hard")]]
    found = compared(tmp_path, [*rows, *checked("C", 60, 90, "easy")])
    assert found.basis == "adjusted"
    third = by_name(found)["C"]
    assert (third.is_judged, third.adjusted is not None) == (is_judged, is_judged)
    assert third.coverage == pytest.approx(180 / (180 + 2 * hard))
    assert third.value == pytest.approx(60 / 90)


def test_an_adjusted_value_that_rests_on_too_few_events_is_not_judged(tmp_path: Path) -> None:
    """C has 92 events, but of the hard half of the mix only 2: as certain as about 8 of the mix."""
    rows = [row for store in "AB" for row in [*checked(store, 30, 60, "easy"), *checked(store, 50, 100, "hard")]]
    third = by_name(compared(tmp_path, [*rows, *checked("C", 45, 90, "easy"), *checked("C", 1, 2, "hard")]))["C"]
    easy, hard = 210 / 412, 202 / 412
    assert third.events == pytest.approx(1 / (easy**2 / 90 + hard**2 / 2))
    assert (third.answer.n, third.is_enough, third.is_judged) == (92, False, False)


@pytest.mark.parametrize(
    ("kpi", "obstacle"),
    [
        ("response_time_median", "quantile"),
        ("response_time_typical", "geometric"),
        ("open_events", "stock"),
        ("consistency", "spread"),
    ],
)
def test_a_kpi_that_is_no_mean_has_no_funnel_and_its_units_are_listed(tmp_path: Path, kpi: str, obstacle: Obstacle) -> None:
    limit = f'[[target]]\nkpi = "response_time"\nevery = "day"\nat_least = 0.9\nlimit_minutes = 15\nfrom = {day(0)}\n'
    rows = [
        event(
            f"{store} {number}",
            f"{day(0)}T10:00",
            store=store,
            responded_at=f"{day(0)}T10:{number:02}",
            resolved_at=f"{day(number % 2)}T{11 - 11 * (number % 2):02}:00",
        )
        for store in ("A", "B")
        for number in range(40)
    ]
    past_the_limit = event("noon", f"{day(1)}T12:00")
    found = compared(tmp_path, [*rows, past_the_limit], kpi, targets=limit)
    assert (found.obstacle, found.funnel) == (obstacle, None)
    assert [one.name for one in found.peers] == ["A", "B"]
    assert not found.judged


@pytest.mark.parametrize(
    ("stores", "obstacle"),
    [({}, "nothing"), ({"A": (20, 40)}, "one"), ({"A": (20, 40), "B": (10, 29)}, "few"), ({"A": (10, 20), "B": (10, 20)}, "few")],
)
def test_nothing_one_and_too_few_are_three_obstacles(tmp_path: Path, stores: dict[str, tuple[int, int]], obstacle: Obstacle) -> None:
    found = compared(tmp_path, [*of_stores(stores), event("gone", f"{day(0)}T10:00", quality_passed=True)])
    assert (found.obstacle, found.funnel, found.judged) == (obstacle, None, [])
    assert {one.name: one.answer.n for one in found.peers if one.answer.n} == {store: n for store, (_, n) in stores.items()}


def test_only_complete_days_are_compared(tmp_path: Path) -> None:
    rows = [*of_stores({"A": (20, 40), "B": (20, 40)}), *checked("A", 0, 40, on=1)]
    found = compared(tmp_path, rows, dates=Dates(day(0), day(7)))
    assert found.dates == Dates(day(0), day(1))
    assert [(one.name, one.answer.n) for one in found.peers] == [("A", 40), ("B", 40)]


def test_days_that_are_all_incomplete_are_nothing_to_compare(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores({"A": (20, 40), "B": (20, 40)}), dates=Dates(day(3), day(7)))
    assert (found.obstacle, found.peers, found.dates.days) == ("nothing", (), 0)


def test_the_target_of_the_last_day_is_the_aim_unless_it_is_a_change(tmp_path: Path) -> None:
    old = f'[[target]]\nkpi = "accuracy"\nevery = "day"\nat_least = 0.8\nfrom = 2024-01-01\nuntil = {day(0)}\n'
    new = f'[[target]]\nkpi = "accuracy"\nevery = "day"\nat_least = 0.9\nfrom = {day(1)}\n'
    change = '[[target]]\nkpi = "accuracy"\nevery = "day"\nat_least = 0.1\nagainst = "previous_year"\nfrom = 2024-01-01\n'
    rows = of_stores({"A": (20, 40), "B": (20, 40)})
    assert compared(tmp_path / "value", rows, targets=old + new).aim == 0.8
    assert compared(tmp_path / "change", rows, targets=change).aim is None
    assert compared(tmp_path / "none", rows).aim is None


def test_stores_with_the_same_figure_are_one_tier_and_none_stands_out(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores(dict.fromkeys("ABCDE", (40, 40))))
    assert (found.tier_count, found.unlike) == (1, [])
    assert {(one.z, one.places) for one in found.peers} == {(0.0, (1, 5))}


def test_more_units_than_can_be_held_against_each_other_have_no_tiers_but_are_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, of_stores({f"S{store:04}": (20, 30) for store in range(1000)} | {"bad": (0, 30)}))
    assert (len(found.judged), found.tier_count) == (1001, 0)
    assert {(one.tier, one.places) for one in found.peers} == {(None, None)}
    assert [one.name for one in found.unlike] == ["bad"]
    assert found.peers[0].name == "bad"


@pytest.mark.parametrize("by", [(), ("store", "service")])
def test_a_comparison_is_by_one_dimension(tmp_path: Path, by: tuple[str, ...]) -> None:
    state = state_of(tmp_path, of_stores({"A": (20, 40), "B": (20, 40)}))
    with pytest.raises(ConfigError, match=r"^a comparison needs one KPI and one dimension, such as store\.$"):
        comparison(state, question("accuracy", by=by), "adjusted")
