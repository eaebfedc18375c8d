"""Comparisons in words: the numbers of each sentence are those of the comparison, and names from files stay text."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from kpi.compare import Comparison, Mix, comparison
from kpi.spc.funnel import Funnel
from kpi.words.comparisons import (
    basis_sentence,
    centre_sentence,
    few_sentence,
    method_sentences,
    note_text,
    obstacle_sentence,
    places_text,
    range_text,
    stand_out_sentences,
    tier_text,
    tiers_sentence,
)
from tests.samples import Event, day, event, later, question, state_of

MARKUP = "<b>*{name}*</b>"


def checked(store: str | None, passed: int, n: int, service: str = "repair") -> list[Event]:
    times = {"resolved_at": f"{day(0)}T11:00", "store": store, "service": service}
    return [event(f"{store} {service} {number}", f"{day(0)}T10:00", quality_passed=number < passed, **times) for number in range(n)]


def compared(place: Path, rows: Iterable[Event], kpi: str = "accuracy", mix: Mix = "adjusted") -> Comparison:
    return comparison(state_of(place, [*rows, later(day(1))]), question(kpi, by=("store",)), mix)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Twenty usual stores, one bad with markup for a name, one few and one unknown."""
    usual = [row for store in range(20) for row in checked(f"S{store:02}", 90, 100)]
    return compared(tmp_path_factory.mktemp("words"), [*usual, *checked(MARKUP, 60, 100), *checked("few", 5, 10), *checked(None, 30, 40)])


def test_who_stands_out_is_told_with_how_many_name_value_and_n(found: Comparison) -> None:
    assert stand_out_sentences(found, "EUR") == [f"Worse than the others: 1 of 21 stores: {MARKUP} 60.0% (n = 100)."]


def test_more_than_three_are_counted_and_the_farthest_named_first(found: Comparison) -> None:
    some = [replace(one, is_unlike=True, z=-float(place)) for place, one in enumerate(found.judged[:5], start=1)]
    better = [replace(one, is_unlike=True, z=9.0) for one in found.judged[5:6]]
    told = stand_out_sentences(replace(found, peers=(*some, *better, *found.judged[6:])), "EUR")
    names = [one.name for one in some]
    assert told[0].startswith(f"Worse than the others: 5 of 21 stores: {names[4]} 90.0% (n = 100), {names[3]} ")
    assert told[0].endswith(f"{names[2]} 90.0% (n = 100) and 2 more.")
    assert told[1] == f"Better than the others: 1 of 21 stores: {better[0].name} 90.0% (n = 100)."


def test_where_none_stands_out_it_says_of_how_many(tmp_path: Path) -> None:
    found = compared(tmp_path, [*checked("A", 30, 40), *checked("B", 30, 40)])
    assert stand_out_sentences(found, "EUR") == ["None of 2 stores stands out from how far they usually differ, and from chance."]
    assert centre_sentence(found, "EUR") == "All together: 75.0%. Stores differ no more than chance makes them."
    assert tiers_sentence(found) == "One tier: no two of 2 stores clearly differ."
    assert basis_sentence(found) == "Unadjusted: all events are of one service."
    assert few_sentence(found) == ""
    assert [tier_text(one, found) for one in found.peers] == ["1 of 1", "1 of 1"]
    assert [places_text(one) for one in found.peers] == ["1 to 2", "1 to 2"]


def test_the_centre_is_told_with_how_far_units_usually_are_from_it(found: Comparison) -> None:
    wide = replace(found, funnel=Funnel(centre=0.9, within=0.09, tau=0.0321))
    words = "All together: 90.0%. Stores usually differ from it by about ±3.2 pp beyond chance."
    assert centre_sentence(wide, "EUR") == words
    rough = replace(wide, peers=found.peers[:9])
    assert centre_sentence(rough, "EUR") == words + " That is rough: among so few, one that stands out looks like a usual difference."


def test_a_usual_difference_that_reads_as_0_has_one_sign(found: Comparison) -> None:
    tiny = replace(found, funnel=Funnel(centre=0.9, within=0.09, tau=0.0001))
    assert "by about ±0.0 pp beyond" in centre_sentence(tiny, "EUR")


def test_tiers_and_places_are_told_with_their_ends_named(found: Comparison) -> None:
    assert tiers_sentence(found) == "Some clearly differ: 21 stores in 2 tiers, of which 1 is the best."
    worst, best, few, unknown = found.peers[0], found.peers[1], found.peers[-2], found.peers[-1]
    assert (tier_text(worst, found), places_text(worst)) == ("2 of 2 (worst)", "21")
    assert (tier_text(best, found), places_text(best)) == ("1 of 2 (best)", "1 to 20")
    assert {few.name, unknown.name} == {"few", "unknown"}
    assert {(tier_text(one, found), places_text(one)) for one in (few, unknown)} == {("–", "–")}


def test_the_note_says_why_a_unit_is_special(found: Comparison) -> None:
    notes = {one.name: note_text(one) for one in found.peers}
    assert notes[MARKUP] == "worse than the others, lowest tenth"
    assert notes["few"] == "few: not judged"
    assert notes["unknown"] == "not known which: not judged"
    assert sorted(notes.values())[:18] == [""] * 18  # three in the lowest tenth of 21


def test_those_with_few_events_are_counted_without_the_unknown(found: Comparison) -> None:
    assert few_sentence(found) == "1 store below 30 events: shown, not judged."


def test_an_interval_is_told_in_the_kpis_unit(found: Comparison) -> None:
    assert range_text((0.501, 0.75), found.peers[0], "EUR") == "50.1% to 75.0%"
    assert range_text(None, found.peers[0], "EUR") == "–"


def test_what_is_not_covered_by_the_mix_is_named_with_its_share(tmp_path: Path) -> None:
    rows = [row for store in "AB" for row in [*checked(store, 30, 40, "easy"), *checked(store, 30, 40, "hard")]]
    found = compared(tmp_path, [*rows, *checked(MARKUP, 20, 40, "hard")])
    assert basis_sentence(found) == (
        "Adjusted for service mix: each value is what it would be with the services of all together."
        f" Not adjusted and so not judged, because their services are less than 90 % of the mix: {MARKUP}."
    )
    assert note_text(found.peers[-1]) == "unadjusted: 60 % of the mix"  # 120 of 200


def test_each_reason_for_no_adjustment_has_its_sentence(found: Comparison) -> None:
    told = {basis: basis_sentence(replace(found, basis=basis)) for basis in ("not_asked", "by_service", "one_service", "not_covered")}
    assert all(words.startswith("Unadjusted: ") for words in told.values())
    assert len(set(told.values())) == 4
    assert told["not_covered"] == "Unadjusted: fewer than two units have enough events in at least 90 % of the service mix."


def test_one_unit_is_named_and_never_the_unknown(tmp_path: Path) -> None:
    found = compared(tmp_path, [*checked(MARKUP, 5, 10), *checked(None, 30, 40)])
    assert obstacle_sentence(found) == f"Only one to look at with these filters, {MARKUP}: nothing to compare it with."


def test_too_few_are_told_with_how_many_there_are_and_the_floor(tmp_path: Path) -> None:
    found = compared(tmp_path, [*checked("A", 30, 40), *checked("B", 5, 10), *checked(None, 5, 10)])
    assert obstacle_sentence(found) == (
        "Cannot be compared: fewer than two of 2 stores have the 30 events that a judgement needs. Choose more days."
    )


def test_each_kind_of_kpi_without_a_funnel_has_its_reason(found: Comparison) -> None:
    told = [obstacle_sentence(replace(found, obstacle=kind)) for kind in ("geometric", "quantile", "stock", "spread")]
    assert all(words.startswith("Cannot be compared as a funnel. ") for words in told)
    assert len(set(told)) == 4
    assert obstacle_sentence(replace(found, obstacle="nothing")) == "Nothing to compare on complete days with these filters."


def test_the_method_names_its_numbers(found: Comparison) -> None:
    limits, unlike, tiers, lowest, _ = method_sentences(found)
    assert "± 2 and 3 × sqrt(variance of one event / n + tau²)" in limits
    assert "at most 10 % of those marked" in unlike
    assert "over all pairs at 5 %" in tiers
    assert "none below 5 units. Only units with 30 events are judged." in lowest
