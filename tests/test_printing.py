"""What commands print: tables for people, CSV and JSON for programs."""

import csv
import io
import json
from dataclasses import replace

import pytest

from kpi.extracts import Verdict
from kpi.printing import Format, counts, loose_line, progress, show, show_one, verdict_line

RECORDS = [
    {"kpi": "response_time", "group": {"store": "S1"}, "value": 2 / 3, "bounds": (0.5, 0.75), "is_enough": True, "signals": {}},
    {"kpi": "response_time", "group": {"store": "[b]"}, "value": None, "bounds": None, "is_enough": False, "signals": {"a": 1, "b": 0}},
]
CIRCUMSTANCES = {"as_of": "2024-06-03T22:30:00+00:00", "time_zone": "UTC", "is_time_zone_chosen": False, "store_time_zones": {}}
COLUMNS = ("kpi", "group", "value", "bounds", "is_enough", "signals")
GOOD = Verdict(
    file="till/a.parquet",
    source="till",
    sha256="",
    size=1,
    checksum="unverified",
    status="accepted",
    message="",
    part="p",
    rows=1200,
    accepted=1200,
    kept_aside=0,
    reasons={},
    columns=(),
    unknown_columns=(),
    unknown_dimensions={},
    newest_update=None,
)


def printed(capsys: pytest.CaptureFixture[str], format: Format, records: list[dict[str, object]]) -> str:
    show(records, format, CIRCUMSTANCES, COLUMNS)
    return capsys.readouterr().out


def test_a_table_shows_the_asked_columns_and_a_dash_where_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split() for line in printed(capsys, Format.TABLE, RECORDS).splitlines() if line.strip()]
    assert lines == [
        ["kpi", "group", "value", "bounds", "is_enough", "signals"],
        ["response_time", "S1", "0.666667", "0.5,", "0.75", "yes"],
        ["response_time", "[b]", "-", "-", "no", "a", "1"],
    ]


@pytest.mark.parametrize(("lacking", "words"), [(["effort"], "column effort"), (["cost", "resolved_at"], "columns cost, resolved_at")])
def test_a_table_says_why_there_is_no_value(capsys: pytest.CaptureFixture[str], lacking: list[str], words: str) -> None:
    record = {"kpi": "x", "group": {}, "value": None, "n": None, "not_measured": lacking}
    show([record], Format.TABLE, {}, ("value",))
    assert capsys.readouterr().out.splitlines()[1].strip() == f"not measured: no {words}"


def test_csv_has_every_name_of_any_record_and_empty_cells(capsys: pytest.CaptureFixture[str]) -> None:
    output = printed(capsys, Format.CSV, RECORDS)
    assert output.endswith("\r\n")
    first, second = csv.DictReader(io.StringIO(output))
    assert (first["group.store"], first["value"], first["bounds_lower"], first["bounds_upper"]) == ("S1", str(2 / 3), "0.5", "0.75")
    assert (second["group.store"], second["value"], second["bounds_lower"], second["signals.a"]) == ("[b]", "", "", "1")


@pytest.mark.parametrize("name", ["=1+1", "+1", "@SUM(A1)", "\t=1", "-1+1"])
def test_a_name_that_a_spreadsheet_would_run_is_neutralised_in_csv(capsys: pytest.CaptureFixture[str], name: str) -> None:
    [row] = csv.DictReader(io.StringIO(printed(capsys, Format.CSV, [{"store": name, "value": -1.5}])))
    assert (row["store"], row["value"]) == (f"'{name}", "-1.5")


@pytest.mark.parametrize(
    ("changed", "caption"),
    [
        ({}, "As of Mon 3 Jun 2024 22:30 (UTC). Days are in UTC: set time_zone in calendar.toml."),
        ({"is_time_zone_chosen": True}, "As of Mon 3 Jun 2024 22:30 (UTC). Days are in UTC."),
        (
            {"is_time_zone_chosen": True, "time_zone": "Europe/Paris", "store_time_zones": {"S1": "Asia/Tokyo"}},
            "As of Tue 4 Jun 2024 00:30 (Europe/Paris). Days are those of each store, else of Europe/Paris.",
        ),
        ({"as_of": None}, "No events yet."),
    ],
)
def test_whose_days_a_table_counts_stands_beside_it(capsys: pytest.CaptureFixture[str], changed: dict[str, object], caption: str) -> None:
    show(RECORDS, Format.TABLE, CIRCUMSTANCES | changed, COLUMNS)
    assert capsys.readouterr().err == f"{caption}\n"


def test_whose_days_csv_counts_stands_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(capsys, Format.CSV, RECORDS))))
    assert [(row["as_of"], row["time_zone"]) for row in rows] == [("2024-06-03T22:30:00+00:00", "UTC")] * 2


def test_json_has_the_circumstances_and_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, Format.JSON, RECORDS))
    assert {name: found[name] for name in CIRCUMSTANCES} == CIRCUMSTANCES
    assert found["figures"][0] == RECORDS[0] | {"bounds": [0.5, 0.75]}
    assert found["figures"][1]["value"] is None


def test_json_keeps_letters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert "한국 Zoë" in printed(capsys, Format.JSON, [{"store": "한국 Zoë"}])


def test_json_escapes_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[31m\x9b2J\u202e\U000e0001b"
    output = printed(capsys, Format.JSON, [{"store": name}])
    assert output.replace("\n", "").isprintable()
    assert json.loads(output)["figures"] == [{"store": name}]


def test_one_record_is_a_line_for_each_column(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"extract": "a.parquet", "rows_read": 3, "kept_aside": {"empty": 1, "too long": 0}, "more": 1}
    show_one(record, Format.TABLE, ("extract", "rows_read", "kept_aside"))
    assert capsys.readouterr().out.splitlines() == ["extract     a.parquet", "rows_read   3", "kept_aside  empty 1"]
    show_one(record, Format.JSON, ("extract",))
    assert json.loads(capsys.readouterr().out)["figures"] == [record]


@pytest.mark.parametrize("format", Format)
def test_nothing_is_printed_as_nothing_and_no_error(capsys: pytest.CaptureFixture[str], format: Format) -> None:
    printed(capsys, format, [])


def test_counts_leave_out_zero_and_separate_thousands() -> None:
    assert counts({"no_cost": 1200, "immature": 0, "no_flag": 3}) == "no_cost 1,200, no_flag 3"
    assert counts({}) == ""


def test_a_verdict_is_a_line_only_when_something_was_wrong() -> None:
    assert verdict_line(GOOD) == ""
    aside = replace(GOOD, accepted=1198, kept_aside=2, reasons={"empty": 2})
    assert verdict_line(aside) == "till/a.parquet: 2 of 1200 rows kept aside: empty 2"
    assert verdict_line(replace(aside, message="till/a.parquet: the file is empty.")) == "till/a.parquet: the file is empty."


def test_files_beside_the_folders_of_sources_are_said() -> None:
    loose = replace(GOOD, file="extracts/a.parquet", source="extracts")
    assert loose_line([GOOD, replace(GOOD, file="extracts/till/a.parquet")]) == ""
    assert loose_line([GOOD, loose]) == "1 file lies in extracts itself, so its source is called 'extracts'. Put it into extracts/SOURCE."


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Loading") as advance:
        advance(0.5, "a.parquet")
    assert capsys.readouterr() == ("", "")
