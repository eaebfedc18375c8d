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

from kpi import store
from kpi.browse import Selection
from kpi.exports import Form, export, stream
from kpi.periods import Dates
from tests.samples import Event, event, folder_of, question
from tests.sourcing import SMALL

KPI = Path(sys.executable).with_name("kpi")
LOADED = "22 events as of 2024-06-17T00:20:00+00:00\n22 rows accepted = 22 events\n"
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
    assert kpi(folder, "load") == Run(0, LOADED, "")
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
    assert second["chart"] == "between_within"
    assert [(phase["baseline_count"], phase["is_provisional"]) for phase in second["phases"]] == [(10, True)]
    points = {point["period"]: point for point in second["points"]}
    assert [points[day]["value"] for day in ("2024-06-03", "2024-06-07", "2024-06-08", "2024-06-10")] == [0.0, 0.0, None, 1.0]
    assert (points["2024-06-03"]["target"], points["2024-06-03"]["alert_threshold"]) == (0.95, 0.9)
    assert points["2024-06-03"]["centre"] == pytest.approx(0.5)
    assert set(points["2024-06-03"]["signals"]) == {"watch_point", "watch_drift", "serious_point", "serious_drift"}


def test_a_chart_as_csv_has_the_same_columns_whatever_is_found(data: Path) -> None:
    words = ("chart", "response_time", "--every", "day", "--rules", "nhs", "--format", "csv")
    one, other = (kpi(data, *words, "--where", f"store={store}").out.splitlines()[0] for store in ("S1", "S2"))
    assert one == other
    assert {"signals.run_of_seven", "episode_from", "is_proposed_step", "variation"} <= set(one.split(","))


def test_a_chart_can_be_of_another_type_and_a_table(data: Path) -> None:
    found = kpi(data, "chart", "satisfaction", "--every", "day", "--type", "individuals", "--to", "2024-06-07")
    lines = [line.split() for line in found.out.splitlines() if line.strip()]
    assert lines[0][:4] == ["kpi", "group", "period", "value"]
    assert [line[1:3] for line in lines[1:]] == [[f"2024-06-0{day}", "5"] for day in range(3, 8)]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stores of 40 checked requests in two services, and one of 10; a later event makes their day complete."""
    passed = {"A": (20, 20), "B": (18, 20), "C": (4, 6), "few": (5, 0)}
    times = {"resolved_at": "2024-06-03T11:00"}
    rows = [
        event(f"{store} {service} {number}", store=store, service=service, quality_passed=number < good, **times)
        for store, goods in passed.items()
        for service, good in zip(("easy", "hard"), goods, strict=True)
        for number in range(5 if store == "few" else 20)
    ]
    return folder_of(tmp_path_factory.mktemp("stores"), [*rows, event("later", "2024-06-04T00:00")])


ADJUSTED = "Adjusted for service mix: each value is what it would be with the services of all together.\n"


def test_compare_names_who_is_unlike_the_others_as_json(stores: Path) -> None:
    found = kpi(stores, "compare", "accuracy", "--format", "json")
    assert (found.code, found.err) == (0, ADJUSTED)
    assert [(one["store"], one["value"], one["adjusted"], one["n"], one["is_judged"]) for one in found.figures] == [
        ("C", 10 / 40, pytest.approx((4 / 20 + 6 / 20) / 2), 40, True),
        ("B", 38 / 40, pytest.approx((18 / 20 + 20 / 20) / 2), 40, True),
        ("A", 40 / 40, pytest.approx(1.0), 40, True),
        ("few", 5 / 10, pytest.approx((5 / 5 + 0 / 5) / 2), 10, False),
    ]
    assert [(one["tier"], one["places"]) for one in found.figures] == [(2, [3, 3]), (1, [1, 2]), (1, [1, 2]), (None, None)]
    circumstances = json.loads(found.out)
    assert circumstances["funnel"]["centre"] == pytest.approx((10 + 38 + 40 + 5) / 130)
    assert (circumstances["funnel"]["basis"], circumstances["obstacle"]) == ("adjusted", None)


def test_compare_as_csv_has_a_line_for_each_unit(stores: Path) -> None:
    found = kpi(stores, "compare", "accuracy", "--mix", "unadjusted", "--format", "csv")
    assert found.err == "Unadjusted: differences may come from the service mix.\n"
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert [(row["store"], row["value"], row["adjusted"], row["tier"], row["places"], row["is_judged"]) for row in rows] == [
        ("C", "0.25", "", "2", "3 3", "True"),
        ("B", "0.95", "", "1", "1 2", "True"),
        ("A", "1.0", "", "1", "1 2", "True"),
        ("few", "0.5", "", "", "", "False"),
    ]


def test_compare_as_a_table_says_below_it_what_is_not_judged(stores: Path) -> None:
    found = kpi(stores, "compare", "accuracy", "--by", "store")
    lines = [line.split() for line in found.out.splitlines() if line.strip()]
    assert lines[0] == ["store", "tier", "value", "adjusted", "n", "interval_95", "z", "is_unlike_others", "in_lowest_tenth"]
    assert [line[:5] for line in lines[1:]] == [
        ["C", "2", "0.25", "0.25", "40"],
        ["B", "1", "0.95", "0.95", "40"],
        ["A", "1", "1", "1", "40"],
        ["few", "-", "0.5", "0.5", "10"],
    ]
    assert found.err.startswith(ADJUSTED)


def test_compare_says_why_there_is_no_funnel(stores: Path) -> None:
    found = kpi(stores, "compare", "accuracy", "--where", "store=few", "--format", "json")
    assert (found.code, found.err) == (0, "Only one to look at with these filters, few: nothing to compare it with.\n")
    assert (json.loads(found.out)["funnel"], json.loads(found.out)["obstacle"]) == (None, "one")


def test_a_name_that_a_terminal_would_obey_is_told_without_it(tmp_path: Path) -> None:
    red = event("1", resolved_at="2024-06-03T11:00", store="\x1b[31mred", quality_passed=True)
    told = kpi(folder_of(tmp_path, [red, event("later", "2024-06-04T00:00")]), "compare", "accuracy").err.splitlines()
    assert told[0] == "Only one to look at with these filters, \N{REPLACEMENT CHARACTER}[31mred: nothing to compare it with."


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


def test_priorities_can_be_asked_as_of_an_earlier_moment(tmp_path: Path) -> None:
    def answer(day: str, effort: int, recommendation: int) -> Event:
        surveyed = {"touchpoint": "desk", "effort": effort, "recommendation": recommendation}
        return event(day, f"{day}T10:00", resolved_at=f"{day}T11:00", **surveyed)

    later = event("later", "2024-07-02T10:00")
    folder = folder_of(tmp_path, [answer("2024-05-25", 2, 9), answer("2024-06-10", 4, 5), answer("2024-06-20", 6, 5), later])
    words = ("--from", "2024-06-01", "--to", "2024-06-30", "--compare", "previous_period", "--format", "json")
    [[now], [then]] = [kpi(folder, "priorities", *words, *more).figures for more in ([], ["--as-of", "2024-06-15"])]
    assert (now["effort"], then["effort"], then["effort_before"]) == ((4 + 6) / 2, 4.0, 2.0)


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
    table = kpi(data, "report", "effort", "accuracy").out.splitlines()
    assert [line.split(maxsplit=2)[2].strip().split("  ")[0] for line in table[1:]] == [
        "not measured: no column effort",
        "not measured: no column quality_passed",
    ]
    rows = list(csv.DictReader(io.StringIO(kpi(data, "report", "accuracy", "response_time", "--format", "csv").out)))
    assert [(row["kpi"], row["value"], row["n"], row["not_measured"]) for row in rows] == [
        ("response_time", "0.75", "20", ""),
        ("accuracy", "", "", "quality_passed"),
    ]
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
    assert kpi(data, "load") == Run(0, LOADED, "")
    assert sorted(file.name for file in (data / "state").glob("events-*.duckdb")) == before


def test_what_is_in_no_figure_is_said_and_a_load_without_it_ends_with_3(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, [*working_week(FIRST_WEEK, {"S1": 10}, 5.0), event("early", "2024-06-03T10:00", responded_at="2024-06-03T09:00")]
    )
    found = kpi(folder, "load")
    assert (found.code, found.out.splitlines()[1]) == (3, "5 rows accepted = 5 events")
    assert found.err == "extracts/till/events.parquet: 1 of 6 rows kept aside: end_before_start 1\n"
    named = f"not in these figures. They are named by: kpi load --data {folder}\n"
    found = kpi(folder, "report", "response_time", "--format", "json")
    assert (found.code, found.err) == (0, f"1 row kept aside: {named}")
    assert (json.loads(found.out)["files_refused"], json.loads(found.out)["rows_kept_aside"]) == (0, 1)
    extract = folder / "extracts" / "till" / "events.parquet"
    extract.write_bytes(extract.read_bytes()[:-200])
    found = kpi(folder, "report", "response_time", "--format", "json")
    assert (found.code, found.err) == (0, f"1 file refused: {named}")
    assert (json.loads(found.out)["files_refused"], json.loads(found.out)["rows_kept_aside"]) == (1, 0)
    assert kpi(folder, "load").code == 3


def test_without_events_no_moment_is_known(tmp_path: Path) -> None:
    (tmp_path / "extracts").mkdir()
    assert kpi(tmp_path, "load") == Run(0, "no events yet\n", "")
    found = kpi(tmp_path, "report", "response_time")
    assert (found.code, found.err) == (0, "No events yet.\n")
    assert "not measured: no column responded_at" in found.out


def test_a_conversion_without_a_calendar_says_whose_time_the_files_tell(tmp_path: Path) -> None:
    folder, export = tmp_path / "shop", tmp_path / "export.csv"
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "desk.toml").write_text(SMALL.replace('"UTC"', '"America/New_York"'))
    export.write_text("id,opened,shop\n1,2024-05-01 09:00:00,N\n")
    expected = 'these files tell the time of America/New_York, but days are in UTC: set time_zone = "America/New_York" in '
    assert kpi(folder, "convert", "desk", str(export)).err == f"{expected}{folder}/calendar.toml\n"
    (folder / "calendar.toml").write_text('time_zone = "America/New_York"')
    assert kpi(folder, "convert", "desk", str(export)).err == ""


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


def test_check_shows_every_bad_row_and_loads_nothing(tmp_path: Path) -> None:
    late = [event(number, "2024-06-03T10:00", resolved_at="2024-06-03T09:00", customer="Jane") for number in range(25)]
    folder = folder_of(tmp_path, [event("good"), *late])
    words = ("check", "--data", str(folder), "--format")
    [verdict] = kpi_alone(*words, "json").figures
    assert (verdict["file"], verdict["rows"], verdict["kept_aside"], len(verdict["kept_aside_rows"])) == (
        "extracts/till/events.parquet",
        26,
        25,
        25,
    )
    row = {"row": 1, "event_id": "0", "column": "resolved_at", "reason": "end_before_start"}
    row |= {"found": "2024-06-03 09:00:00+00", "expected": "opened_at or later"}
    assert verdict["kept_aside_rows"][0] == row
    found = kpi_alone(*words, "csv")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert (len(rows), {name: rows[0][name] for name in row}, rows[0]["kept_aside"]) == (25, row | {"row": "1"}, "25")
    table = kpi_alone(*words, "table")
    assert (table.code, table.err) == (1, "kpi: 1 of 1 files have problems.\n")
    lines = table.out.splitlines()
    assert lines[3] == "Rows kept aside, at most 20 of each file; JSON and CSV have them all. Rows count from 0."
    first = "extracts/till/events.parquet 1 0 resolved_at an end before its start 2024-06-03 09:00:00+00 opened_at or later"
    assert " ".join(lines[5].split()) == first
    assert len(lines) == 5 + 20
    assert "Jane" not in table.out + found.out
    assert not (folder / "state").exists()


def test_a_good_file_is_one_line_of_csv(data: Path) -> None:
    [row] = csv.DictReader(io.StringIO(kpi(data, "check", "--format", "csv").out))
    assert (row["file"], row["status"], row["row"], row["reason"]) == ("extracts/till/events.parquet", "accepted", "", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "respnse_time"], "KPI 'respnse_time' does not exist. Did you mean 'response_time'?"),
        (["report", "response_time", "--from", "2024-13-01"], "'2024-13-01' is not a day, expected one such as 2026-01-31."),
        (["report", "response_time", "--where", "nonsense"], "'nonsense' is not a filter, expected one such as store=S014."),
        (["compare", "response_time", "--mix", "adjustd"], "service mix 'adjustd' does not exist. Did you mean 'adjusted'?"),
        (["compare", "response_time", "--by", "store,service"], "a comparison needs one KPI and one dimension, such as store."),
        (["report", "response_time", "--compare", "previous_year"], "a comparison over the whole range needs its first day. Add --from."),
    ],
)
def test_what_a_person_can_act_on_is_one_line_and_the_command_fails(data: Path, words: list[str], message: str) -> None:
    assert kpi(data, *words) == Run(1, "", f"kpi: {message}\n")


def test_a_moment_after_the_newest_update_is_answered_with_a_warning(data: Path) -> None:
    found = kpi(data, "report", "open_events", "--as-of", "2024-06-18", "--format", "json")
    assert [figure["value"] for figure in found.figures] == [1.0]
    assert found.err.splitlines()[0] == (
        "As of Tue 18 Jun 2024 00:00 (UTC), later than the newest update, Mon 17 Jun 2024 00:20 (UTC):"
        " of the time between nothing is known, and what was open then counts as open still."
    )


def test_a_missing_folder_is_one_line_too(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    expected = f"{absent}: no such folder. Create it and put extracts into {absent}/extracts, or name another with --data."
    assert kpi(absent, "list") == Run(1, "", f"kpi: {expected}\n")


@pytest.mark.parametrize("words", [["--data", ""], []])
def test_a_folder_that_is_not_the_datas_is_left_as_it_is(tmp_path: Path, words: list[str]) -> None:
    """Neither the folder one stands in, nor a data folder before there are extracts."""
    (tmp_path / "data").mkdir()
    found = subprocess.run([KPI, "list", *words], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (found.returncode, found.stdout, found.stderr.startswith("kpi: "), found.stderr.count("\n")) == (1, "", True, 1)
    assert [file.name for file in tmp_path.rglob("*")] == ["data"]


def events(data: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([KPI, "events", *words, "--data", str(data)], capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("form", Form)
def test_events_are_the_bytes_that_the_page_gives_and_their_number_is_told(data: Path, tmp_path: Path, form: Form) -> None:
    asked = question(where={"store": ("S2",)}, dates=Dates(FIRST_WEEK, SECOND_WEEK))
    page = b"".join(stream(export(store.current(data), Selection(asked, "resolved_on")), form))
    words = ("--where", "store=S2", "--from", "2024-06-03", "--to", "2024-06-09", "--on", "resolved_on", "--format", form)
    found = events(data, *words)
    assert (found.returncode, found.stderr) == (0, b"5 events\n")
    assert found.stdout == page
    written = tmp_path / "events"
    found = events(data, *words, "--output", str(written))
    assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"5 events\n")
    assert written.read_bytes() == page
    assert list(tmp_path.iterdir()) == [written]


def test_events_as_of_a_moment_are_those_known_then(data: Path) -> None:
    found = events(data, "--as-of", "2024-06-10T00:00")
    assert (found.returncode, found.stderr) == (0, b"10 events\n")
    assert b"# as_of: 2024-06-10T00:00:00Z\r\n" in found.stdout


def test_events_of_what_does_not_exist_are_refused_and_no_file_is_left(data: Path, tmp_path: Path) -> None:
    found = events(data, "--where", "store=S3", "--output", str(tmp_path / "events.csv"))
    assert (found.returncode, found.stdout, found.stderr) == (1, b"", b"kpi: store 'S3' does not exist. Known: S1, S2.\n")
    found = events(data, "--on", "closed_on")
    assert found.stderr == b"kpi: date 'closed_on' does not exist. Did you mean 'opened_on'?\n"
    found = events(data, "--output", str(tmp_path / "nowhere" / "events.csv"))
    where = f"{tmp_path}/nowhere/events.csv"
    assert found.stderr.decode() == f"kpi: {where}: cannot be written (No such file or directory). Choose another.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_events_may_stop_early(data: Path) -> None:
    command = f"'{KPI}' events --data '{data}' | head -c 3"
    found = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, b"\xef\xbb\xbf", b"22 events\n")
