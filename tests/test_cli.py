"""The command line as people and programs run it: real processes, real files, what they print and how they end."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.samples import Event, event, folder_of

KPI = Path(sys.executable).with_name("kpi")
FIRST_WEEK, SECOND_WEEK = date(2024, 6, 3), date(2024, 6, 10)


@dataclass(frozen=True)
class Run:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def figures(self) -> list[dict[str, Any]]:
        return json.loads(self.out)["figures"]


def working_week(first: date, minutes: dict[str, int], satisfaction: float) -> list[Event]:
    """One request a working day and store, answered after so many minutes."""
    return [
        event(
            f"{on} {store}",
            f"{on}T10:00",
            store=store,
            responded_at=f"{on}T10:{waited:02}",
            resolved_at=f"{on}T11:00",
            satisfaction=satisfaction,
            touchpoint="counter",
        )
        for on in (first + timedelta(days=number) for number in range(5))
        for store, waited in minutes.items()
    ]


def two_weeks() -> list[Event]:
    """Store S2 is late in the first week; on the third Monday one request waits and one ended without an answer."""
    monday = SECOND_WEEK + timedelta(days=7)
    return [
        *working_week(FIRST_WEEK, {"S1": 10, "S2": 20}, 5.0),
        *working_week(SECOND_WEEK, {"S1": 10, "S2": 10}, 3.0),
        event("waiting", f"{monday}T00:10"),
        event("given up", f"{monday}T00:10", closed_at=f"{monday}T00:20"),
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = '[[target]]\nkpi = "response_time"\nevery = "day"\nat_least = 0.95\nalert = 0.9\nlimit_minutes = 15\nfrom = 2024-01-01'
    folder = folder_of(tmp_path_factory.mktemp("cli"), two_weeks(), targets=target)
    assert kpi(folder, "load") == Run(0, "22 events as of 2024-06-17T00:20:00+00:00\n", "")
    return folder


def kpi(data: Path, *words: str) -> Run:
    return kpi_alone(*words, "--data", str(data))


def kpi_alone(*words: str) -> Run:
    found = subprocess.run([KPI, *words], capture_output=True, text=True, timeout=60, check=False)
    return Run(found.returncode, found.stdout, found.stderr)


def test_json_carries_a_figure_with_everything_it_rests_on(data: Path) -> None:
    found = kpi(data, "report", "response_time", "--format", "json")
    assert (found.code, found.err) == (0, "")
    [figure] = found.figures
    assert (figure["value"], figure["numerator"], figure["denominator"], figure["n"]) == (15 / 20, 15, 20, 20)
    assert figure["excluded"] == {"no_response": 1, "no_response_moment": 0, "no_limit": 0}
    assert (figure["undetermined"], figure["bounds"]) == (1, [15 / 21, 16 / 21])
    assert (figure["is_complete"], figure["is_enough"], figure["period"], figure["group"]) == (False, False, None, {})
    circumstances = json.loads(found.out)
    assert (circumstances["as_of"], circumstances["time_zone"]) == ("2024-06-17T00:20:00+00:00", "UTC")
    assert (circumstances["clock"], circumstances["where"], circumstances["first_contact_window_days"]) == ("elapsed", {}, 7)


def test_csv_has_a_line_for_each_group_and_period(data: Path) -> None:
    words = ("--every", "week", "--by", "store", "--to", "2024-06-16", "--format", "csv")
    found = kpi(data, "report", "response_time", *words)
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert [(row["period"], row["group.store"], row["value"], row["n"]) for row in rows] == [
        ("2024-06-03", "S1", "1.0", "5"),
        ("2024-06-03", "S2", "0.0", "5"),
        ("2024-06-10", "S1", "1.0", "5"),
        ("2024-06-10", "S2", "1.0", "5"),
    ]


def test_a_table_is_for_people(data: Path) -> None:
    lines = kpi(data, "report", "response_time", "satisfaction").out.split("\n")
    assert [line.split() for line in lines[:3]] == [
        ["kpi", "period", "group", "value", "n", "undetermined", "excluded", "is_complete"],
        ["response_time", "-", "0.75", "20", "1", "no_response", "1", "no"],
        ["satisfaction", "-", "4", "20", "1", "no"],
    ]


def test_filters_and_another_limit_change_the_question(data: Path) -> None:
    [figure] = kpi(data, "report", "response_time", "--where", "store=S2", "--within", "20", "--format", "json").figures
    assert (figure["value"], figure["n"]) == (1.0, 10)
    [figure] = kpi(data, "report", "response_time", "--where", "store=S2,S1", "--within", "5", "--format", "json").figures
    assert (figure["value"], figure["n"]) == (0.0, 22 - 1)


def test_as_of_answers_as_it_was_known_then(data: Path) -> None:
    [figure] = kpi(data, "report", "response_time", "--as-of", "2024-06-08", "--format", "json").figures
    assert (figure["value"], figure["n"], figure["undetermined"]) == (5 / 10, 10, 0)
    [figure] = kpi(data, "report", "response_time", "--as-of", "2024-06-03T10:10Z", "--format", "json").figures
    assert (figure["value"], figure["n"]) == (None, 0)


def test_compare_adds_the_earlier_figure(data: Path) -> None:
    found = kpi(
        data, "report", "response_time", "--from", "2024-06-10", "--to", "2024-06-16", "--compare", "previous_period", "--format", "json"
    )
    [figure] = found.figures
    assert figure["value"] == 1.0
    assert figure["comparison"] == {"period": None, "value": 0.5, "n": 10, "difference": 0.5, "relative": 1.0}


@pytest.mark.parametrize("compare", [[], ["--compare", "previous_period"]])
def test_a_comparison_does_not_change_the_figure_itself(data: Path, compare: list[str]) -> None:
    """From Wednesday on, the first week has three of its five days, whether it is compared or not."""
    words = ["--every", "week", "--from", "2024-06-05", "--to", "2024-06-16", "--format", "json"]
    assert [one["n"] for one in kpi(data, "report", "response_time", *words, *compare).figures] == [6, 10]


@pytest.mark.parametrize(
    "words",
    [
        ["--every", "week", "--compare", "previous_period"],
        ["--from", "2024-06-10", "--compare", "previous_period"],
    ],
)
def test_a_comparison_of_all_time_or_without_an_end_is_answered_or_refused_in_one_line(data: Path, words: list[str]) -> None:
    found = kpi(data, "report", "response_time", *words)
    assert "Traceback" not in found.err
    assert found.code == 0 or (found.err.startswith("kpi: ") and found.err.count("\n") == 1)


def test_a_range_without_an_end_is_never_held_against_one_that_contains_it(data: Path) -> None:
    found = kpi(data, "report", "response_time", "--from", "2024-06-10", "--compare", "previous_year", "--format", "json")
    assert found.code != 0 or found.figures[0].get("comparison", {"n": 0})["n"] == 0


def test_a_range_without_an_end_that_is_compared_ends_with_the_last_day_complete_for_all_kpis(tmp_path: Path) -> None:
    """Known until 17 June in New York, where that day has not ended and in Shanghai has; a window of 7 days ends on the 10th."""
    zones = 'time_zone = "Asia/Shanghai"\nstores.S2.time_zone = "America/New_York"\n'
    month = [date(2024, 6, 1) + timedelta(days=number) for number in range(17)]
    calls = [event(str(on), f"{on}T06:00", resolved_at=f"{on}T07:00", contact_count=1, is_complaint=False) for on in month]
    newest = event("newest", "2024-06-17T20:00", is_complaint=False)
    folder = folder_of(tmp_path, [*calls, newest], calendar=zones)
    words = ("--from", "2024-06-08", "--compare", "previous_period", "--format", "json")

    def compared(*names: str) -> list[tuple[int, bool, int]]:
        found = kpi(folder, "report", *names, *words).figures
        return [(one["n"], one["is_complete"], one["comparison"]["n"]) for one in found]

    assert compared("complaint_rate") == [(9, True, 7)]  # 8 to 16 June against 30 May to 7 June
    assert compared("complaint_rate", "first_contact_resolution") == [(2, True, 2)] * 2  # 8 and 9 June
    late = kpi(folder, "report", "first_contact_resolution", "--from", "2024-06-10", "--compare", "previous_period")
    refused = "no day from 2024-06-10 on is complete yet, so there is nothing to compare. Choose an earlier --from."
    assert late == Run(1, "", f"kpi: {refused}\n")


def test_a_chart_has_its_points_limits_signals_and_targets(data: Path) -> None:
    found = kpi(data, "chart", "response_time", "--by", "store", "--format", "json")
    first, second = found.figures
    assert (first["group"], second["group"]) == ({"store": "S1"}, {"store": "S2"})
    assert (second["chart"], second["baseline_count"], second["is_provisional"]) == ("laney_p", 10, True)
    points = {point["period"]: point for point in second["points"]}
    assert [points[day]["value"] for day in ("2024-06-03", "2024-06-07", "2024-06-08", "2024-06-10")] == [0.0, 0.0, None, 1.0]
    assert (points["2024-06-03"]["target"], points["2024-06-03"]["alert_threshold"]) == (0.95, 0.9)
    assert (points["2024-06-03"]["centre"], points["2024-06-03"]["lower"]) == (0.5, 0.5)  # no moving range within either week


def test_a_chart_can_be_of_another_type_and_a_table(data: Path) -> None:
    found = kpi(data, "chart", "satisfaction", "--every", "day", "--type", "individuals", "--to", "2024-06-07")
    lines = [line.split() for line in found.out.splitlines() if line.strip()]
    assert lines[0][:4] == ["kpi", "group", "period", "value"]
    assert [line[1:3] for line in lines[1:]] == [[f"2024-06-0{day}", "5"] for day in range(3, 8)]


def test_mix_explains_a_change_by_its_parts(data: Path) -> None:
    words = ("--by", "store", "--from", "2024-06-10", "--to", "2024-06-16", "--format", "json")
    total, *parts = kpi(data, "mix", "response_time", *words).figures
    assert (total["part"], total["before"], total["now"]) == ("all", 0.5, 1.0)
    assert (total["rate_effect"], total["mix_effect"]) == (0.5, 0.0)
    assert (total["standardised_before"], total["standardised_now"]) == (0.5, 1.0)
    assert {one["part"]: one["rate_effect"] for one in parts} == {"S1": 0.0, "S2": 0.5}


def test_mix_of_a_median_says_that_it_is_no_ratio_and_not_that_events_are_missing(data: Path) -> None:
    found = kpi(data, "mix", "response_time_median", "--by", "store", "--from", "2024-06-10", "--to", "2024-06-16")
    assert found.code == 1
    assert "no events" not in found.err


def test_list_names_every_kpi_and_what_it_lacks(data: Path) -> None:
    found = {one["kpi"]: one["missing_columns"] for one in kpi(data, "list", "--format", "json").figures}
    assert found["response_time"] == []
    assert found["first_contact_resolution_no_repeat"] == ["customer"]
    assert found["cost_per_service"] == ["cost"]


def test_what_is_not_measured_is_said_and_is_not_0(data: Path) -> None:
    [measured, missing] = kpi(data, "report", "accuracy", "response_time", "--format", "json").figures
    assert (measured["kpi"], missing["kpi"], missing["value"], missing["not_measured"]) == (
        "response_time",
        "accuracy",
        None,
        ["quality_passed"],
    )
    found = kpi(data, "mix", "accuracy", "--by", "store", "--from", "2024-06-10", "--to", "2024-06-16")
    assert found == Run(1, "", "kpi: accuracy is not measured. No column quality_passed in the extracts.\n")


def test_what_is_not_measured_by_default_names_the_variant_that_is(tmp_path: Path) -> None:
    flagged = event("1", resolved_at="2024-06-03T11:00", resolved_first_contact=True, transfer_count=0)
    folder = folder_of(tmp_path, [flagged])
    [figure] = kpi(folder, "report", "first_contact_resolution", "--format", "json").figures
    why = (
        "No column contact_count in the extracts. They measure another variant: "
        'set first_contact_variant = "no_transfer" or "as_flagged" in kpis.toml.'
    )
    assert (figure["kpi"], figure["value"], figure["why"]) == ("first_contact_resolution_one_contact", None, why)
    assert why in kpi(folder, "report", "first_contact_resolution").out
    (folder / "kpis.toml").write_text('first_contact_variant = "as_flagged"\n')
    [figure] = kpi(folder, "report", "first_contact_resolution", "--format", "json").figures
    assert (figure["kpi"], figure["value"]) == ("first_contact_resolution_as_flagged", 1.0)


def test_loading_again_changes_nothing(data: Path) -> None:
    before = sorted(file.name for file in (data / "state").glob("events-*.duckdb"))
    assert kpi(data, "load") == Run(0, "22 events as of 2024-06-17T00:20:00+00:00\n", "")
    assert sorted(file.name for file in (data / "state").glob("events-*.duckdb")) == before


def test_check_accepts_a_good_file_and_fails_on_a_bad_one(data: Path, tmp_path: Path) -> None:
    good, bad = data / "extracts" / "till" / "events.parquet", tmp_path / "bad.parquet"
    bad.write_text("not parquet")
    found = kpi_alone("check", str(good), "--format", "json")
    assert (found.code, found.err) == (0, "")
    [verdict] = found.figures
    assert (verdict["status"], verdict["rows"], verdict["accepted"], verdict["message"]) == ("accepted", 22, 22, "")
    found = kpi_alone("check", str(good), str(bad), "--format", "json")
    assert (found.code, found.err) == (1, "kpi: 1 of 2 files have problems.\n")
    assert [one["status"] for one in found.figures] == ["accepted", "refused"]
    assert "expected a parquet file" in found.figures[1]["message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "respnse_time"], "KPI 'respnse_time' does not exist. Did you mean 'response_time'?"),
        (["report", "response_time", "--from", "2024-13-01"], "'2024-13-01' is not a day, expected one such as 2026-01-31."),
        (["report", "response_time", "--where", "nonsense"], "'nonsense' is not a filter, expected one such as store=S014."),
        (["report", "response_time", "--compare", "previous_year"], "a comparison over the whole range needs its first day. Add --from."),
    ],
)
def test_what_a_person_can_act_on_is_one_line_and_the_command_fails(data: Path, words: list[str], message: str) -> None:
    assert kpi(data, *words) == Run(1, "", f"kpi: {message}\n")


def test_a_missing_folder_is_one_line_too(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    expected = f"{absent}: no such folder. Create it and put extracts into {absent}/extracts, or name another with --data."
    assert kpi(absent, "list") == Run(1, "", f"kpi: {expected}\n")
