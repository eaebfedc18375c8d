"""Files of every form become events, and every row is accounted for."""

import csv
import datetime
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sourcing import SMALL, converted, file_of, kept_aside, mapping_of, nothing, rows_of, workbook_of

from kpi import extracts
from kpi.errors import ConfigError, ExtractError
from kpi.sources.conversion import Conversion
from kpi.sources.convert import convert, fingerprint
from kpi.sources.workbooks import cell_text

HEADER = "id,opened,shop\n"
GOOD = "1,2024-05-01 09:00:00,North\n2,2024-05-01 10:00:00,South\n"


def test_a_set_nobody_mapped_before_needs_only_a_mapping(tmp_path: Path) -> None:
    toml = """
label = "Bicycle repairs"
[file]
delimiter = ";"
decimal = ","
nulls = ["NA"]
[time]
zone = "Europe/Berlin"
formats = ["%d.%m.%Y %H:%M"]
[columns]
event_id = "Auftrag Nr."
updated_at = "fertig"
opened_at = "angenommen"
resolved_at = "fertig"
store = "Laden"
cost = "Kosten"
[constants]
channel = "counter"
[expressions]
service = "lower(trim(Art))"
effort = "8 - number(Leichtigkeit)"
[values.outcome]
ja = "success"
nein = "failure"
[columns.nothing]
""".replace("[columns.nothing]\n", "").replace('cost = "Kosten"', 'cost = "Kosten"\noutcome = "gelungen"')
    file = file_of(
        tmp_path,
        "Auftrag Nr.;angenommen;fertig;Laden;Art;Kosten;gelungen;Leichtigkeit\n"
        "A1;03.02.2024 09:00;04.02.2024 10:30;Nord; Bremse ;1.234,5;ja;7\nA2;03.07.2024 09:00;04.07.2024 09:00;NA;Kette;12,25;nein;5\n",
    )
    report = converted(tmp_path, toml, file)
    found = rows_of(report, "event_id, opened_at, store, service, cost::DOUBLE, outcome, effort")
    winter = datetime.datetime(2024, 2, 3, 8, tzinfo=datetime.UTC)
    summer = datetime.datetime(2024, 7, 3, 7, tzinfo=datetime.UTC)
    assert [(*row[:1], row[1].timestamp(), *row[2:]) for row in found] == [
        ("A1", winter.timestamp(), "Nord", "bremse", 1234.5, "success", 8 - 7),
        ("A2", summer.timestamp(), "unknown", "kette", 12.25, "failure", 8 - 5),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_korean_text_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    file = file_of(tmp_path, HEADER + "1,2024-05-01 09:00:00,서울 강남점\n", encoding=encoding)
    named = "utf-8" if encoding == "utf-8-sig" else encoding
    assert rows_of(converted(tmp_path, f'[file]\nencoding = "{named}"\n' + SMALL, file), "store") == [("서울 강남점",)]


def test_latin_1(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + "1,2024-05-01 09:00:00,Zürich\n", encoding="latin-1")
    assert rows_of(converted(tmp_path, '[file]\nencoding = "latin-1"\n' + SMALL, file), "store") == [("Zürich",)]


def test_bytes_that_are_not_the_stated_encoding_are_named_with_their_line(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + GOOD + "3,2024-05-01 09:00:00,Zürich\n", encoding="latin-1")
    with pytest.raises(ExtractError) as raised:
        converted(tmp_path, SMALL, file)
    assert str(raised.value) == ("export.csv: near line 4: bytes that are not utf-8. Set encoding in [file], for example cp949 or latin-1.")


def test_blank_cells_spaces_and_null_markers_are_nulls(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, HEADER + "1,2024-05-01 09:00:00, \n2,2024-05-01 09:00:00,\n3,2024-05-01 09:00:00,NA\n4,2024-05-01 09:00:00,?\n"
    )
    report = converted(tmp_path, '[file]\nnulls = ["NA"]\n' + SMALL, file)
    shop = report.raw_columns[2]
    assert (shop.name, shop.nulls, shop.distinct, shop.values) == ("shop", 3, 1, {"?": 1})
    assert rows_of(report, "store") == [("unknown",), ("unknown",), ("unknown",), ("?",)]


def test_the_members_of_a_zip_are_one_set(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("may.csv", HEADER + GOOD)
        archive.writestr("june.csv", "shop,id,opened\nEast,3,2024-06-01 09:00:00\n")
    report = converted(tmp_path, SMALL, tmp_path / "export.zip")
    assert rows_of(report, "event_id, store") == [("1", "North"), ("2", "South"), ("3", "East")]


def test_what_is_no_data_in_a_zip_is_skipped_and_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("README.txt", "How to read this")
        archive.writestr("data/may.csv", HEADER + GOOD)
        archive.writestr("codes.xlsx", "no data")
    report = converted(tmp_path, SMALL, tmp_path / "export.zip")
    assert report.events == 2
    assert report.warnings == {f"export.zip/{name}: skipped, it is not a CSV file": 1 for name in ("README.txt", "codes.xlsx")}


@pytest.mark.parametrize(("member", "events"), [("may.txt", 2), ("may", 2), ("may.dat", 2)])
def test_a_readme_beside_data_of_another_ending_is_skipped(tmp_path: Path, member: str, events: int) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("README.txt", "How to read this")
        archive.writestr(member, HEADER + GOOD)
    assert converted(tmp_path, SMALL, tmp_path / "export.zip").events == events


@pytest.mark.parametrize(("members", "found"), [((), "nothing"), (("may.xlsx", "june.parquet"), "may.xlsx, june.parquet")])
def test_a_zip_without_data_is_refused(tmp_path: Path, members: tuple[str, ...], found: str) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for member in members:
            archive.writestr(member, "x")
    with pytest.raises(ExtractError) as raised:
        converted(tmp_path, SMALL, tmp_path / "export.zip")
    expected = f"export.zip: found {found} in the archive, expected CSV files. Unpack it and convert what is in it."
    assert str(raised.value) == expected


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    one, other = file_of(tmp_path, HEADER + GOOD, "may.csv"), file_of(tmp_path, "id,opened\n", "june.csv")
    with pytest.raises(ExtractError) as raised:
        converted(tmp_path, SMALL, one, other)
    assert str(raised.value) == ("june.csv: columns id, opened, expected id, opened, shop as in the first file. Convert it on its own.")


def test_broken_lines_are_kept_aside_one_by_one(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        HEADER + '1,2024-05-01 09:00:00,"North\nside"\n2,2024-05-01 09:00:00\n\n3,2024-05-01 09:00:00,South\n'
        '4,2024-05-01 09:00:00,East,more\n5,2024-05-01 09:00:00,"We"st\n6,never,South\n',
    )
    report = converted(tmp_path, SMALL, file)
    assert (report.rows_read, report.rows_written, report.rows_kept_aside) == (6, 2, 4)
    assert [row[:3] for row in kept_aside(report)] == [
        ("4", None, "unreadable row"),
        ("7", None, "unreadable row"),
        ("8", None, "unreadable row"),
        ("9", "updated_at", "not a date in a known format"),
    ]
    assert [row[3] for row in kept_aside(report)[:3]] == ["2 cells", "4 cells", "text behind a closing quote"]
    assert report.warnings == {"lines that begin inside a quoted cell": 1}


DAYS = [f"{number},2024-05-01 09:00:00,North\n" for number in range(20)]


def test_a_quote_that_is_never_closed_costs_its_row_alone(tmp_path: Path) -> None:
    rows = [*DAYS[:5], '5,2024-05-01 09:00:00,"North\n', *DAYS[6:]]
    report = converted(tmp_path, SMALL, file_of(tmp_path, HEADER + "".join(rows)))
    assert (report.rows_read, report.rows_written, report.rows_kept_aside) == (20, 19, 1)
    assert kept_aside(report) == [("7", None, "unreadable row", "a quote that is opened and not closed")]


def test_two_stray_quotes_do_not_swallow_the_rows_between_them(tmp_path: Path) -> None:
    rows = [*DAYS[:5], '5,2024-05-01 09:00:00,"North\n', *DAYS[6:12], '12,2024-05-01 09:00:00,North"\n', *DAYS[13:]]
    report = converted(tmp_path, SMALL, file_of(tmp_path, HEADER + "".join(rows)))
    assert (report.rows_read, report.rows_written, report.rows_kept_aside) == (20, 19, 1)
    assert rows_of(report, "store")[5:9] == [("North",)] * 4


def test_a_long_text_with_line_breaks_is_one_cell(tmp_path: Path) -> None:
    note = "Dear all,\nthe tap drips.\n\nI called, twice, on Monday.\nRegards" * 50
    report = converted(tmp_path, SMALL, file_of(tmp_path, f'id,opened,shop,note\n1,2024-05-01 09:00:00,North,"{note}"\n'))
    assert (report.rows_read, report.rows_written) == (1, 1)
    assert report.warnings == {"lines that begin inside a quoted cell": 4 * 50}


def test_a_quote_inside_a_cell_is_a_character(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + '1,2024-05-01 09:00:00,5" pipe\n2,2024-05-01 09:00:00, "South ""A""" \n')
    assert rows_of(converted(tmp_path, SMALL, file), "store") == [('5" pipe',), ('South "A"',)]


def test_what_is_kept_aside_tells_the_cell_and_no_other(tmp_path: Path) -> None:
    file = file_of(tmp_path, "id,opened,shop,secret\n1,=HYPERLINK(1),North,hush\n2,2024-05-01 09:00:00,South,hush\n")
    report = converted(tmp_path, SMALL, file)
    assert kept_aside(report) == [("2", "updated_at", "not a date in a known format", "'=HYPERLINK(1)")]
    assert "hush" not in Path(report.kept_aside_file).read_text(encoding="utf-8")
    assert b"secret" not in Path(report.extract).read_bytes()


def listed(report: Conversion) -> list[tuple[str, ...]]:
    """What is listed of each row that was kept aside: its row, the columns of contract and file, what was found and expected."""
    with Path(report.kept_aside_file).open(encoding="utf-8", newline="") as stream:
        return [tuple(row[name] for name in ("row", "column", "raw_column", "found", "expected")) for row in csv.DictReader(stream)]


def test_what_is_kept_aside_is_told_in_the_words_of_the_file(tmp_path: Path) -> None:
    toml = SMALL.replace("UTC", "America/New_York").replace(
        'store = "shop"', 'store = "shop"\nresolved_at = "done"\nsatisfaction = "score"'
    )
    toml = toml.replace('zone = "America', 'formats = ["%d.%m.%Y %H:%M"]\nzone = "America') + 'satisfaction_scale = "1..10"\n'
    toml += '[expressions]\nhandle_minutes = "number(a) - number(b)"\n[rename]\nopened = "Opened"\n'
    rows = [
        "1,01.05.2024 09:00,N,30.04.2024 22:00,5,2,1",
        "2,01.05.2024 09:00,N,,11,2,1",
        "3,01.05.2024 09:00,N,,5,2,7",
        "4,10.03.2024 02:30,N,,5,2,1",
        ",01.05.2024 09:00,N,,5,2,1",
        "6,,N,,5,2,1",
        "7,2024-05-01,N,,5,2,1",
    ]
    report = converted(tmp_path, toml, file_of(tmp_path, "id,Opened,shop,done,score,a,b\n" + "".join(f"{row}\n" for row in rows)))
    never, formats = (
        'a local time that happened, or nonexistent = "shift" in [time]',
        "a date and time as %d.%m.%Y %H:%M (see formats in [time])",
    )
    assert listed(report) == [
        ("2", "resolved_at", "done", "30.04.2024 22:00", "at or after opened_at"),
        ("3", "satisfaction", "score", "11", "a score on the scale 1..10"),
        ("4", "handle_minutes", "a, b", "2 7 -> -5.0", "at least 0"),
        ("5", "updated_at", "Opened", "10.03.2024 02:30", never),
        ("6", "event_id", "id", "", "a value in every row"),
        ("7", "updated_at", "Opened", "", "a date and time in every row"),
        ("8", "updated_at", "Opened", "2024-05-01", formats),
    ]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError) as raised:
        converted(tmp_path, SMALL, file_of(tmp_path, ""))
    assert str(raised.value) == "export.csv: empty, expected a header row. Export it again, or set header_row in [file]."


def test_a_header_alone_gives_no_extract(tmp_path: Path) -> None:
    report = converted(tmp_path, SMALL, file_of(tmp_path, HEADER))
    assert (report.rows_read, report.events, report.extract, report.kept_aside_file) == (0, 0, "", "")


def test_a_missing_column_is_named_with_the_closest(tmp_path: Path) -> None:
    file = file_of(tmp_path, "id,opened,shopp\n")
    with pytest.raises(ConfigError) as raised:
        converted(tmp_path, SMALL, file)
    assert str(raised.value) == "small.toml: [columns] store: raw column 'shop' does not exist. Did you mean 'shopp'?"


@pytest.mark.parametrize(
    ("header", "form", "doubt"),
    [
        ("id;opened;shop\n", "", "The file has one column, 'id;opened;shop': set delimiter or header_row in [file]."),
        ("Report of May,,\n", "", "Most columns have no name: set header_row in [file]."),
        ("id,opened,Zürich\n", 'encoding = "latin-1"', "The header has unreadable characters: set encoding in [file]."),
        ("id,opened,s\x00hop\n", "", "The header has unreadable characters: set encoding in [file]."),
    ],
)
def test_a_header_that_looks_misread_suggests_the_setting(tmp_path: Path, header: str, form: str, doubt: str) -> None:
    with pytest.raises(ConfigError) as raised:
        converted(tmp_path, f"[file]\n{form}\n{SMALL.replace('shop', 'Laden')}", file_of(tmp_path, header + GOOD))
    assert str(raised.value).endswith(f"does not exist. {doubt}")


def test_what_a_mapping_says_about_absent_optional_columns_is_left_out(tmp_path: Path) -> None:
    toml = SMALL.replace('store = "shop"', 'store = "shop"\noutcome = "ended"\nagent = "who"')
    toml = toml + '[expressions]\neffort = "8 - number(ease)"\n[values.outcome]\nja = "success"\n[values.kind]\na = "b"\n'
    toml += '[allowed]\nkind = ["a"]\n[rename]\nwho = "Agent"\n'
    report = converted(tmp_path, 'set_aside = ["resolved_at"]\n' + toml, file_of(tmp_path, HEADER + GOOD))
    assert report.events == 2
    assert report.warnings == {
        f"{where}: left out, the file has no column '{column}'": 1
        for where, column in (
            ("[columns] outcome", "ended"),
            ("[columns] agent", "Agent"),
            ("[expressions] effort", "ease"),
            ("[allowed] kind", "kind"),
            ("[values] kind", "kind"),
        )
    }


def test_a_required_column_is_refused_by_its_name_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[columns\] event_id: raw column 'Number' does not exist\. Known: id, opened, shop\."):
        converted(tmp_path, SMALL.replace('"id"', '"key"') + '[rename]\nkey = "Number"\n', file_of(tmp_path, HEADER))


def test_two_columns_of_one_name_cannot_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the file has 2 columns named 'shop', expected one"):
        converted(tmp_path, SMALL, file_of(tmp_path, "id,opened,shop,shop\n"))


def test_a_header_further_down(tmp_path: Path) -> None:
    file = file_of(tmp_path, "Report of May\n\n" + HEADER + GOOD)
    assert converted(tmp_path, "[file]\nheader_row = 3\n" + SMALL, file).events == 2


def test_wholly_blank_rows_are_no_rows(tmp_path: Path) -> None:
    report = converted(tmp_path, SMALL, file_of(tmp_path, HEADER + GOOD + ",,\n , ,\n"))
    assert (report.rows_read, report.events, report.blank_rows) == (2, 2, 2)


def test_parquet_whatever_its_types(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 7 AS id, TIMESTAMPTZ '2024-05-01 09:00:00+02' AS opened, 'North' AS shop) TO '{tmp_path}/export.parquet'"
        )
    report = converted(tmp_path, SMALL.replace('"UTC"', '"Asia/Tokyo"'), tmp_path / "export.parquet")
    assert rows_of(report, "event_id, epoch(opened_at)") == [("7", datetime.datetime(2024, 5, 1, 7, tzinfo=datetime.UTC).timestamp())]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (3.0, "3"),
        (0.1, "0.1"),
        (True, "true"),
        (None, ""),
        (datetime.time(0, 2, 23), "00:02:23"),
        (datetime.date(2024, 5, 1), "2024-05-01"),
        (datetime.datetime(2024, 5, 1, 9), "2024-05-01 09:00:00"),
    ],
)
def test_cells_of_a_workbook_as_text(cell: object, text: str) -> None:
    assert cell_text(cell) == text


ERRORS = "error cells of a workbook (#N/A...): name them in nulls if they are nothing"


def workbook_with_errors(folder: Path, form: str) -> Conversion:
    toml = f"[file]\n{form}\n" + SMALL.replace('store = "shop"', 'store = "shop"\ncost = "amount"')
    rows = [("1", "2024-05-01 09:00:00", "North", "#N/A"), ("2", "2024-05-01 09:00:00", "#REF!", 7.5), ("#N/A", "#N/A", "#N/A", "#N/A")]
    return converted(folder, toml, workbook_of(folder, ("id", "opened", "shop", "amount"), *rows))


def test_the_error_cells_of_a_workbook_are_texts_that_were_found(tmp_path: Path) -> None:
    report = workbook_with_errors(tmp_path, "")
    assert kept_aside(report) == [
        ("2", "cost", "not a number", "#N/A"),
        ("4", "updated_at", "not a date in a known format", "#N/A"),
    ]
    assert rows_of(report, "event_id, store") == [("2", "#REF!")]
    assert report.warnings == {ERRORS: 1 + 1 + 4}


def test_error_cells_that_are_null_markers_are_nothing(tmp_path: Path) -> None:
    report = workbook_with_errors(tmp_path, 'nulls = ["#N/A"]')
    assert rows_of(report, "event_id, store, cost::DOUBLE") == [("1", "North", None), ("2", "#REF!", 7.5)]
    assert (report.warnings, report.blank_rows) == ({ERRORS: 1}, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("export.xlsx", "no workbook"), ("export.parquet", "no parquet"), ("export.zip", "no zip"), ("export.doc", "x")],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(ExtractError, match=name):
        converted(tmp_path, SMALL, file_of(tmp_path, content, name))


def test_two_formats_that_read_a_cell_differently_refuse_it(tmp_path: Path) -> None:
    toml = SMALL.replace('zone = "UTC"', 'zone = "UTC"\nformats = ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]')
    file = file_of(tmp_path, HEADER + "1,03/04/2024 09:00,North\n2,31/03/2024 09:00,North\n3,04/04/2024 09:00,North\n")
    report = converted(tmp_path, toml, file)
    assert rows_of(report, "event_id") == [("2",), ("3",)]
    assert kept_aside(report) == [("2", "updated_at", "date can be read in two ways", "03/04/2024 09:00")]


def test_a_value_without_a_meaning_is_refused(tmp_path: Path) -> None:
    toml = SMALL + '[expressions]\noutcome = "shop"\n[values.outcome]\nNorth = "success"\n'
    report = converted(tmp_path, toml, file_of(tmp_path, HEADER + GOOD))
    assert kept_aside(report) == [("3", "outcome", "value has no meaning", "South")]


def test_a_value_otherwise(tmp_path: Path) -> None:
    toml = SMALL + '[values.shop]\nNorth = "N"\notherwise = "elsewhere"\n'
    assert rows_of(converted(tmp_path, toml, file_of(tmp_path, HEADER + GOOD)), "store") == [("N",), ("elsewhere",)]


def test_rows_that_break_the_contract_are_kept_aside(tmp_path: Path) -> None:
    toml = SMALL + '[expressions]\nresolved_at = "done"\nsatisfaction = "score"\noutcome = "ended"\n'
    header = "id,opened,shop,done,score,ended\n"
    file = file_of(
        tmp_path,
        header + "1,2024-05-01 09:00:00,N,2024-05-01 08:00:00,5,success\n2,1900-01-01 00:00:00,N,,5,success\n"
        "3,2024-05-01 09:00:00,N,,6,success\n4,2024-05-01 09:00:00,N,,5,splendid\n,2024-05-01 09:00:00,N,,5,success\n"
        "6,,N,,5,success\n7,2024-05-01 09:00:00,N,,five,success\n8,2024-05-01 09:00:00,N,,5,success\n",
    )
    report = converted(tmp_path, toml, file)
    assert [row[1:3] for row in kept_aside(report)] == [
        ("resolved_at", "before it was opened"),
        ("updated_at", "not a real date"),
        ("satisfaction", "outside its scale"),
        ("outcome", "not an allowed value"),
        ("event_id", "empty"),
        ("updated_at", "empty"),
        ("satisfaction", "not a number"),
    ]
    assert rows_of(report, "event_id") == [("8",)]


def converted_column(folder: Path, column: str, *cells: str) -> Conversion:
    """Events that have these cells in this column of the contract."""
    toml = SMALL.replace('store = "shop"', f'store = "shop"\n{column} = "cell"')
    rows = "".join(f"{number},2024-05-01 09:00:00,N,{cell}\n" for number, cell in enumerate(cells))
    return converted(folder, toml, file_of(folder, "id,opened,shop,cell\n" + rows))


def test_what_was_measured_lies_in_1901_to_2037(tmp_path: Path) -> None:
    cells = ("1900-12-31 23:59:59", "1901-01-01 00:00:00", "1965-05-01 09:00:00", "2037-12-31 23:59:59", "2038-01-01 00:00:00")
    report = converted_column(tmp_path, "answered_at", *cells)
    reasons = (("2", "not a real date", cells[0]), ("5", "after the update that reports it", cells[3]), ("6", "not a real date", cells[4]))
    assert kept_aside(report) == [(row, "answered_at", reason, found) for row, reason, found in reasons]
    assert rows_of(report, "strftime(answered_at, '%Y')") == [("1901",), ("1965",)]


def test_a_deadline_lies_in_1970_to_9998(tmp_path: Path) -> None:
    cells = ("1969-12-31 23:59:59", "1970-01-01 00:00:00", "2038-01-01 00:00:00", "9998-12-31 23:59:59", "9999-01-01 00:00:00")
    report = converted_column(tmp_path, "due_at", *cells)
    assert [(row[0], row[2]) for row in kept_aside(report)] == [("2", "not a real date"), ("6", "not a real date")]
    assert rows_of(report, "strftime(due_at, '%Y')") == [("1970",), ("2038",), ("9998",)]


def days_from_now(days: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


def test_an_update_more_than_two_days_after_now_is_kept_aside(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + f"1,{days_from_now(1.9)},N\n2,{days_from_now(2.1)},N\n")
    report = converted(tmp_path, SMALL, file)
    assert [row[:3] for row in kept_aside(report)] == [("3", "updated_at", "in the future")]
    assert rows_of(report, "event_id") == [("1",)]


def test_of_a_replay_no_moment_may_lie_in_the_future_and_of_a_final_state_none_after_its_update(tmp_path: Path) -> None:
    toml = SMALL.replace('store = "shop"', 'store = "shop"\nanswered_at = "answered"')
    file = file_of(
        tmp_path,
        f"id,opened,shop,answered\n1,2024-05-01 09:00:00,N,{days_from_now(9)}\n"
        "2,2024-05-01 09:00:00,N,2024-05-03 09:00:00\n3,2024-05-01 09:00:00,N,2024-05-03 09:00:01\n",
    )
    replayed, final = converted(tmp_path, 'history = "replay"\n' + toml, file), converted(tmp_path, toml, file)
    assert [row[1:3] for row in kept_aside(replayed)] == [("answered_at", "in the future")]
    late = ("answered_at", "after the update that reports it")
    assert [(row[0], *row[1:3]) for row in kept_aside(final)] == [("2", *late), ("4", *late)]


def test_what_is_no_longer_in_the_future_gives_another_extract(tmp_path: Path) -> None:
    file, mapping = file_of(tmp_path, HEADER + GOOD), mapping_of(tmp_path, SMALL)
    assert fingerprint(mapping, [file], 0) == fingerprint(mapping, [file], 0) != fingerprint(mapping, [file], 1)


def test_a_scale_is_lowest_and_highest(tmp_path: Path) -> None:
    report = converted_column(tmp_path, "satisfaction_scale", "1..5", " 0 .. 10 ", "-1..1.5", "5..5", "5..1", "1-5", "1..1.00001")
    assert [row[1:] for row in kept_aside(report)] == [
        ("satisfaction_scale", "not a scale", found) for found in ("5..5", "5..1", "1-5", "1..1.00001")
    ]
    assert rows_of(report, "satisfaction_scale") == [("1..5",), ("0..10",), ("-1..1.5",)]


def test_a_text_has_at_most_1000_characters_and_one_of_blanks_is_empty(tmp_path: Path) -> None:
    report = converted_column(tmp_path, "region", "é" * 1000, "é" * 1001, "\u00a0\u3000", "\u00a0R1\ufeff")
    assert kept_aside(report) == [("3", "region", "too long", "1001 characters")]
    assert rows_of(report, "region") == [("é" * 1000,), (None,), ("R1",)]


EDGES = {
    "answered_at": ("1900-12-31 23:59:59", "1901-01-01 00:00:00", "2037-12-31 23:59:59", "2038-01-01 00:00:00"),
    "due_at": ("1969-12-31 23:59:59", "1970-01-01 00:00:00", "9998-12-31 23:59:59", "9999-01-01 00:00:00"),
    "satisfaction_scale": ("1..5", " 0 .. 10 ", "5..5", "1..1.00001", "five"),
    "satisfaction": ("0.9999", "1", "5", "5.0001"),
    "region": ("x" * 1000, "x" * 1001, "\u00a0"),
    "outcome": ("success", "splendid"),
    "contact_count": ("0", "-1", "1.5"),
    "recommendation": ("10", "11"),
}


@pytest.mark.parametrize("column", EDGES)
def test_what_is_converted_is_what_the_border_accepts(tmp_path: Path, column: str) -> None:
    report = converted_column(tmp_path, column, *EDGES[column])
    assert report.events
    now = datetime.datetime.now(datetime.UTC)
    [verdict] = extracts.check([Path(report.extract)], tmp_path, bytes(32), tmp_path / "parts", now, lambda *_: None)
    assert (verdict.accepted, verdict.kept_aside, verdict.message) == (report.events, 0, "")


def test_of_what_is_kept_aside_the_first_200_characters_are_told(tmp_path: Path) -> None:
    report = converted_column(tmp_path, "due_at", "x" * 300)
    assert kept_aside(report) == [("2", "due_at", "not a date in a known format", "x" * 200)]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "|x", "%x", "＝x", "\u200b=x"])
def test_what_a_spreadsheet_would_run_is_disarmed_in_every_column(tmp_path: Path, cell: str) -> None:
    toml = SMALL + f'[allowed]\n"{cell}" = ["{cell}y"]\n'
    report = converted(tmp_path, toml, file_of(tmp_path, f"id,opened,shop,{cell}\n1,2024-05-01 09:00:00,N,{cell}\n", "=1.csv"))
    with Path(report.kept_aside_file).open(encoding="utf-8", newline="") as stream:
        [row] = csv.DictReader(stream)
    assert (row["file"], row["column"], row["found"], row["expected"]) == ("'=1.csv", f"'{cell}", f"'{cell}", f"one of {cell}y")


def test_a_wrong_end_may_be_set_aside_and_the_row_stays(tmp_path: Path) -> None:
    toml = 'set_aside = ["resolved_at"]\n' + SMALL + '[expressions]\nresolved_at = "shop"\n'
    report = converted(tmp_path, toml, file_of(tmp_path, HEADER + "1,2024-05-01 09:00:00,2024-05-01 08:00:00\n"))
    assert rows_of(report, "resolved_at, has_resolution") == [(None, True)]
    assert report.set_aside == {"resolved_at: before it was opened": 1}
    assert (report.rows_written, report.rows_kept_aside) == (1, 0)


def test_converting_again_changes_nothing(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + GOOD + "x,y,z\n")
    first = converted(tmp_path, SMALL, file)
    before = Path(first.extract).stat().st_mtime_ns
    assert converted(tmp_path, SMALL, file) == first
    assert Path(first.extract).stat().st_mtime_ns == before
    assert [path.name for path in (tmp_path / "extracts" / "small").iterdir()] == [Path(first.extract).name]


def test_another_mapping_writes_another_extract(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + GOOD)
    assert converted(tmp_path, SMALL, file).extract != converted(tmp_path, SMALL.replace("counter", "phone"), file).extract


def test_the_progress_grows_to_one(tmp_path: Path) -> None:
    shares: list[float] = []
    convert(
        mapping_of(tmp_path, SMALL),
        [file_of(tmp_path, HEADER + GOOD)],
        tmp_path / "extracts",
        lambda share, _: shares.append(share),
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_report_is_plain_data(tmp_path: Path) -> None:
    report = converted(tmp_path, SMALL, file_of(tmp_path, HEADER + GOOD)).as_dict()
    assert report["events"] == 2
    assert report["raw_columns"][2] == {"name": "shop", "nulls": 0, "distinct": 2, "values": {"North": 1, "South": 1}}  # type: ignore[index]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.sampled_from(
    ["2024-05-01 09:00:00", "1900-01-01 00:00:00", "North", '"', ",", "7", "a,b,c,d", '"x"y', "\n", "NA"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=12), history=st.sampled_from(["final", "replay"]))
def test_rows_in_are_events_and_rows_kept_aside(tmp_path: Path, rows: list[list[str]], history: str) -> None:
    shutil.rmtree(tmp_path / "extracts", ignore_errors=True)
    content = HEADER + GOOD + "".join(",".join(row) + "\n" for row in rows)
    report = convert(mapping_of(tmp_path, f'history = "{history}"\n' + SMALL), [file_of(tmp_path, content)], tmp_path / "extracts", nothing)
    assert report.rows_read == report.rows_written + report.rows_kept_aside
    lines = content.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    inside = report.warnings.get("lines that begin inside a quoted cell", 0)
    filled = sum(bool(line.strip()) for line in lines)
    assert filled <= 1 + report.rows_read + report.blank_rows + inside <= len(lines)
    assert report.events == report.rows_written == report.versions
    assert len(rows_of(report, "event_id")) == report.versions
    assert report.rows_kept_aside == (len(kept_aside(report)) if report.kept_aside_file else 0)


def test_the_command_fails_when_no_row_was_written(tmp_path: Path) -> None:
    mapping_of(tmp_path, SMALL)
    file = file_of(tmp_path, HEADER + "1,yesterday,North\n2,today,South\n")
    command = [Path(sys.executable).with_name("kpi"), "convert", "small", file, "--data", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    [aside] = (tmp_path / "kept_aside").iterdir()
    assert (run.returncode, run.stderr) == (1, f"kpi: export.csv: no row was written: 2 read, 2 kept aside. See {aside}.\n")
    assert "not a date in a known format 2" in run.stdout
