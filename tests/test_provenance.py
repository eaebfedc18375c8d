"""What a file of events says of itself, and that no name in it can do anything."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.browse import Selection
from kpi.periods import Dates
from kpi.provenance import DEFINITIONS_VERSION, comment_lines, metadata, provenance
from kpi.report import ALWAYS
from tests.samples import day, event, question, state_of

CALENDAR = 'time_zone = "Europe/Berlin"\n[stores.S1]\ntime_zone = "Asia/Tokyo"\n'
KPIS = 'first_contact_window_days = 3\nfirst_contact_variant = "one_contact"\ncurrency = "EUR"\n'


def test_a_file_says_which_events_it_has_and_what_they_rest_on(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event(1, resolved_at="2024-06-03T12:00", contact_count=1)], calendar=CALENDAR, kpis=KPIS)
    asked = question(dates=Dates(day(0), day(7)), where={"store": ("S1", "S2")})
    found = dict(provenance(state, Selection(asked, "resolved_on"), 1))
    decisions = found.pop("decisions")
    assert found == {
        "rows": "1",
        "days_of": "resolved_on",
        "first_day": "2024-06-03",
        "last_day": "2024-06-09",
        "where.disposition": ["normal"],
        "where.store": ["S1", "S2"],
        "as_of": "2024-06-03T12:00:00Z",
        "version": state.version,
        "time_zone": "Europe/Berlin",
        "store_time_zones": ["S1: Asia/Tokyo"],
        "clock": "elapsed",
        "first_contact_window_days": "3",
        "first_contact_resolution": "first_contact_resolution_one_contact",
        "currency": "EUR",
        "settings_version": state.settings.digest[:16],
        "definitions_version": DEFINITIONS_VERSION,
        "files_refused": "0",
        "rows_kept_aside": "0",
    }
    assert decisions == ["first_contact_resolution_one_contact 5"]


def test_open_ends_are_said_and_so_is_that_there_are_no_events(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event(1)])
    found = provenance(state, Selection(question(dates=ALWAYS), "open_at_end"), 0)
    assert (found["first_day"], found["last_day"], found["days_of"], found["decisions"]) == ("any", "any", "open_at_end", [])


def test_the_versions_change_with_the_settings(tmp_path: Path) -> None:
    one, other = (
        provenance(state_of(tmp_path / name, [event(1)], kpis=words), Selection(question(), "opened_on"), 1)
        for name, words in (("one", ""), ("other", KPIS))
    )
    assert one["settings_version"] != other["settings_version"]
    assert one["definitions_version"] == other["definitions_version"]


def values_of(line: str) -> list[str]:
    return [json.loads(f'"{part}"') for part in line.partition(": ")[2].split(" | ")]


@pytest.mark.parametrize(
    "name", ["a\nb", "a\r\n=cmd|' /c calc'!A0", '"q", x', "x;=1+1", "x\t=1+1", "\\u002c", "a | b", "＝1", "\u2028", "😀,"]
)
def test_a_hostile_name_is_text_in_one_cell_of_one_line_and_can_be_read_back(name: str) -> None:
    [_, line] = comment_lines({"where.store": [name, "S1"]})
    assert line.startswith("# where.store: ")
    assert values_of(line) == [name, "S1"]
    for delimiter in ",;\t":
        assert list(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter)) == [[line]]


@given(st.lists(st.text(), min_size=1))
def test_any_names_are_read_back_from_one_line(names: list[str]) -> None:
    [_, line] = comment_lines({"where.store": names})
    assert line.isprintable()
    assert not set(line) & set('",;=@+%\t')
    if names != [""] and names[-1].strip():
        assert values_of(line) == names


def test_letters_of_other_scripts_are_left_as_they_are() -> None:
    assert comment_lines({"where.store": ["Zoë's", "東京 (2)"]})[1] == "# where.store: Zoë's | 東京 (2)"


def test_parquet_has_the_same_with_lists_as_json() -> None:
    assert metadata({"rows": "2", "where.store": ["a,b", "ü"]}) == {"rows": "2", "where.store": '["a,b", "ü"]'}
