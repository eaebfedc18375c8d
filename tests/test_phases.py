"""Phases and exclusions: what `phases.toml` may say, for which part it holds, and how a person's decision gets into it."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.configuration import parse
from kpi.errors import ConfigError
from kpi.metrics import find
from kpi.phases import FILE, Phase, accept, applying, read_phases

MOVED = '[[phase]]\nkpi = "response_time"\nstore = "S014"\nfrom = 2026-08-01\nreason = "A second counter"\n'


def phase(**changes: object) -> Phase:
    known = {
        "kpi": "response_time",
        "where": {"store": "S014"},
        "starts_on": date(2026, 8, 1),
        "baseline_until": None,
        "reason": "A second counter",
        "accepted_by": "",
        "accepted_on": None,
    }
    return Phase(**(known | changes))  # ty: ignore[invalid-argument-type] (a table of changes)


def folder_with(place: Path, content: str) -> Path:
    (place / FILE).write_text(content, encoding="utf-8")
    return place


def refusal(place: Path, content: str) -> str:
    with pytest.raises(ConfigError) as error:
        read_phases(folder_with(place, content))
    return str(error.value)


def test_without_the_file_there_is_one_phase(tmp_path: Path) -> None:
    assert read_phases(tmp_path).phases == ()


def test_a_phase_says_since_when_where_and_why(tmp_path: Path) -> None:
    assert read_phases(folder_with(tmp_path, MOVED)).phases == (phase(),)


def test_phases_are_ordered_by_date_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    found = read_phases(folder_with(tmp_path, MOVED + MOVED.replace("2026-08-01", "2026-02-01"))).phases
    assert [one.starts_on for one in found] == [date(2026, 2, 1), date(2026, 8, 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (MOVED.replace("reason", "reasons"), "phases.toml: phase 1: key 'reasons' does not exist. Did you mean 'reason'?"),
        (MOVED.replace('reason = "A second counter"\n', ""), "phases.toml: phase 1: reason is missing. Add it."),
        (
            MOVED.replace("response_time", "response_tim"),
            "phases.toml: phase 1: KPI 'response_tim' does not exist. Did you mean 'response_time'?",
        ),
        (MOVED.replace("2026-08-01", '"soon"'), "phases.toml: phase 1: from is 'soon', expected date."),
        (MOVED + "baseline_until = 2026-07-31\n", "phases.toml: phase 1: baseline_until 2026-07-31 is before from 2026-08-01."),
        (MOVED + MOVED, "phases.toml: two phases of response_time start on 2026-08-01. Keep one."),
        (MOVED.replace("phase", "phases"), "phases.toml: key 'phases' does not exist. Did you mean 'phase'?"),
        (
            '[[exclude]]\nkpi = "accuracy"\nfrom = 2026-08-02\nuntil = 2026-08-01\nreason = "Strike"\n',
            "phases.toml: exclude 1: until 2026-08-01 is before from 2026-08-02.",
        ),
    ],
)
def test_what_nobody_can_have_meant_is_refused(tmp_path: Path, content: str, message: str) -> None:
    assert refusal(tmp_path, content) == message


@pytest.mark.parametrize(
    ("part", "holds"),
    [
        ({"store": ("S014",)}, True),
        ({"store": ("S014",), "channel": ("chat",)}, True),
        ({"store": ("S014", "S015")}, False),
        ({"store": ("S015",)}, False),
        ({}, False),
    ],
)
def test_what_changed_in_a_store_changed_in_its_channels_and_nowhere_else(part: dict[str, tuple[str, ...]], holds: bool) -> None:
    assert applying([phase()], find("response_time"), part) == ([phase()] if holds else [])


def test_what_changed_everywhere_changed_in_every_part_and_only_for_its_kpi() -> None:
    everywhere = phase(where={})
    assert applying([everywhere], find("response_time"), {"store": ("S1",)}) == [everywhere]
    assert applying([everywhere], find("accuracy"), {}) == []
    assert applying([phase(kpi="first_contact_resolution", where={})], find("first_contact_resolution_no_repeat"), {}) != []


def test_an_accepted_phase_stands_behind_those_that_are_there(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "# Ours\n" + MOVED)
    accept(folder, phase(starts_on=date(2026, 9, 1), accepted_by="Ana", accepted_on=date(2026, 9, 20)))
    assert (folder / FILE).read_text(encoding="utf-8").startswith("# Ours\n" + MOVED)
    assert read_phases(folder).phases == (phase(), phase(starts_on=date(2026, 9, 1), accepted_by="Ana", accepted_on=date(2026, 9, 20)))
    assert [file.name for file in folder.iterdir()] == [FILE]


def test_what_is_accepted_twice_is_refused_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, MOVED)
    with pytest.raises(ConfigError):
        accept(folder, phase(reason="Again"))
    assert (folder / FILE).read_text(encoding="utf-8") == MOVED


@given(reason=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60), store=st.text(min_size=1, max_size=20))
def test_whatever_a_person_writes_stays_text(tmp_path_factory: pytest.TempPathFactory, reason: str, store: str) -> None:
    try:
        store.encode()
    except UnicodeEncodeError:
        return
    folder = tmp_path_factory.mktemp("phases")
    accept(folder, phase(reason=reason, where={"store": store}))
    assert read_phases(folder).phases == (phase(reason=reason, where={"store": store}),)
    assert list(parse((folder / FILE).read_bytes(), FILE)) == ["phase"]
