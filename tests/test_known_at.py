"""The pages as of a past moment: what was known then, said as such, and nothing that came later."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from kpi import store
from kpi.pace import ignore_progress
from pages.view import DATA_VARIABLE
from tests.samples import event, folder_of

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.usefixtures("folder")
CORRECTED = [
    event(1, responded_at="2024-06-03T10:10", updated_at="2024-06-03T12:00"),
    event(1, responded_at="2024-06-03T10:40", updated_at="2024-06-05T12:00"),
    event(2, "2024-06-04T10:00", responded_at="2024-06-04T10:10", store="S2"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = folder_of(tmp_path, CORRECTED)
    store.load(folder, ignore_progress)
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    return folder


def overview(asof: str, **parameters: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    for name, value in parameters.items() | {("asof", asof)}:
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def shown(page: AppTest) -> str:
    return next(metric.value for metric in page.metric if metric.label == "Response on time")


def reported(folder: Path, *words: str) -> dict[str, Any]:
    command = [Path(sys.executable).with_name("kpi"), "report", "response_time", "--format", "json", "--data", folder, *words]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)["figures"][0]


@pytest.mark.parametrize(("asof", "share", "n"), [("2024-06-04", 1.0, 1), ("2024-06-05T11:59", 1.0, 2), ("2024-06-05T12:00Z", 0.5, 2)])
def test_the_figures_are_those_of_the_report_as_of_the_same_moment(folder: Path, asof: str, share: float, n: int) -> None:
    figure = reported(folder, "--as-of", asof)
    assert (figure["value"], figure["n"]) == (share, n)
    page = overview(asof)
    assert shown(page) == f"({share:.1%})"
    assert any(f"n = {n} " in caption.value for caption in page.caption)


def test_it_is_said_with_a_way_back_to_now_that_keeps_the_filters() -> None:
    page = overview("2024-06-04", store="S1")
    [banner] = page.info
    assert banner.value == "As known at Tue 4 Jun 2024 00:00 (UTC): later corrections and events are not in it."
    assert not [caption for caption in page.caption if "Newest change known" in caption.value]
    links = [element.proto.body for element in page.get("html")]
    assert sum('href="?store=S1"' in link and "Back to now" in link for link in links) == 1
    assert all("asof=2024-06-04" in link for link in links if "Open chart" in link or ">Events<" in link)


def test_a_store_that_was_not_known_yet_is_still_chosen_on_the_way_back() -> None:
    page = overview("2024-06-03T13:00", store="S2")
    assert next(one for one in page.multiselect if one.label == "Store").value == ["S2"]
    assert not page.warning


def test_before_the_first_extract_nothing_was_known() -> None:
    page = overview("2024-06-01")
    assert [one.value for one in page.info][1:] == ["Nothing was known yet at that moment. Choose a later one."]
    assert not page.metric


def test_a_moment_that_cannot_be_read_is_said_and_not_applied() -> None:
    page = overview("yesterday")
    [warning] = page.warning
    assert warning.value.replace("\\", "") == (
        "'yesterday' is not a moment, expected one such as 2026-01-31T18:00. The page shows what is known now."
    )
    assert shown(page) == "(50.0%)"


def test_of_a_moment_later_than_the_newest_change_it_is_said_what_that_means() -> None:
    [banner] = overview("2024-06-06").info
    assert "later than the newest update, Wed 5 Jun 2024 12:00 (UTC): of the time between nothing is known" in banner.value
