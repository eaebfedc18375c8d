"""Numbers as people write them."""

import csv
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from sourcing import SMALL, converted, file_of, kept_aside, rows_of, workbook_of

from kpi.sources.conversion import Conversion

NULLS = ("?", "NA", "NS", "#N/B")
COSTS = SMALL.replace('store = "shop"', 'store = "shop"\ncost = "amount"')


def costs(folder: Path, *cells: str, decimal: str = "") -> Conversion:
    """Events whose costs are these cells."""
    rows = "".join(f'{number},2024-05-01 09:00:00,N,"{cell}"\n' for number, cell in enumerate(cells))
    form = f'[file]\ndecimal = "{decimal}"\nnulls = {list(NULLS)}\n'
    return converted(folder, form + COSTS, file_of(folder, "id,opened,shop,amount\n" + rows))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0,862777778", "0.8628"),
        ("2050,36", "2050.36"),
        ("1.234,5", "1234.5"),
        ("-100", "-100"),
        ("+7", "7"),
        ("1,234,567", "1234567"),
        ("0,862", "0.862"),
        ("1.5e-03", "0.0015"),
        (" 12 ", "12"),
    ],
)
def test_numbers_that_are_certain_without_a_stated_decimal_mark(tmp_path: Path, text: str, number: str) -> None:
    assert rows_of(costs(tmp_path, text), "cost") == [(Decimal(number),)]


def test_a_measurement_keeps_all_its_digits_and_money_four(tmp_path: Path) -> None:
    toml = SMALL.replace('store = "shop"', 'store = "shop"\nhandle_minutes = "amount"\ncost = "amount"')
    report = converted(tmp_path, toml, file_of(tmp_path, 'id,opened,shop,amount\n1,2024-05-01 09:00:00,N,"0,862777778"\n'))
    assert rows_of(report, "handle_minutes, cost") == [(0.862777778, Decimal("0.8628"))]


def test_null_markers_are_no_number(tmp_path: Path) -> None:
    assert rows_of(costs(tmp_path, "", " ", *NULLS), "cost") == [(None,)] * 6


UNCERTAIN = ("61,125", "61.125", "-1.000")
NO_NUMBERS = ("3,87,16,91,111", "#MULTIVALUE", "1,23.4", "NaN", "inf", "1 000", "5.", "12 %", "0x10", "١٢", "abc")


def expectations(report: Conversion) -> set[tuple[str, str]]:
    """The reasons with what was expected."""
    with Path(report.kept_aside_file).open(encoding="utf-8", newline="") as stream:
        return {(row["reason"], row["expected"]) for row in csv.DictReader(stream)}


def test_numbers_that_are_not_certain_are_kept_aside_and_the_setting_is_named(tmp_path: Path) -> None:
    report = costs(tmp_path, *UNCERTAIN)
    assert [row[3].lstrip("'") for row in kept_aside(report)] == list(UNCERTAIN)
    assert expectations(report) == {("not a certain number", "a number whose decimal mark is certain (set decimal in [file])")}


@pytest.mark.parametrize(("decimal", "expected"), [("", "a number"), (",", "a number with the decimal mark ','")])
def test_what_is_no_number_is_not_advised_to_set_a_mark(tmp_path: Path, decimal: str, expected: str) -> None:
    report = costs(tmp_path, *NO_NUMBERS, decimal=decimal)
    assert [row[3] for row in kept_aside(report)] == list(NO_NUMBERS)
    assert expectations(report) == {("not a number", expected)}


@pytest.mark.parametrize(("decimal", "number"), [(",", "61.125"), (".", "61125")])
def test_a_stated_decimal_mark_settles_it(tmp_path: Path, decimal: str, number: str) -> None:
    assert rows_of(costs(tmp_path, "61,125", decimal=decimal), "cost") == [(Decimal(number),)]


def test_a_stated_decimal_comma_refuses_a_decimal_point(tmp_path: Path) -> None:
    assert [row[3] for row in kept_aside(costs(tmp_path, "1.5", "1,234.5", decimal=","))] == ["1.5", "1,234.5"]


NUMBERED = COSTS + '[expressions]\nhandle_minutes = "number(spent)"\n'
OPENED = "2024-05-01 09:00:00"


@pytest.mark.parametrize("decimal", ["", ".", ","])
def test_a_number_of_a_workbook_is_certain_whatever_its_texts_mean(tmp_path: Path, decimal: str) -> None:
    header, row = ("id", "opened", "shop", "amount", "spent"), ("1", OPENED, "N", 12.345, 1.125)
    report = converted(tmp_path, f'[file]\ndecimal = "{decimal}"\n{NUMBERED}', workbook_of(tmp_path, header, row))
    assert rows_of(report, "cost, handle_minutes") == [(Decimal("12.345"), 1.125)]


def test_a_text_of_a_workbook_has_the_marks_of_the_mapping_in_a_column_of_numbers_too(tmp_path: Path) -> None:
    rows = [("1", OPENED, "N", "12.345", "1.125"), ("2", OPENED, "N", 12.345, 1.125), ("3", OPENED, "N", "12,345", "1,125")]
    report = converted(
        tmp_path, '[file]\ndecimal = ","\n' + NUMBERED, workbook_of(tmp_path, ("id", "opened", "shop", "amount", "spent"), *rows)
    )
    assert rows_of(report, "cost, handle_minutes") == [(12345, 1125), (Decimal("12.345"), 1.125), (Decimal("12.345"), 1.125)]


@pytest.mark.parametrize("decimal", ["", ","])
def test_a_number_of_a_parquet_file_is_certain_and_a_text_is_not(tmp_path: Path, decimal: str) -> None:
    with duckdb.connect() as connection:
        query = (
            f"SELECT 1 AS id, '{OPENED}' AS opened, 'N' AS shop, 61.125::DECIMAL(9,3) AS amount, 1.125::DOUBLE AS spent, '61.125' AS told"
        )
        connection.execute(f"COPY ({query}) TO '{tmp_path}/export.parquet'")
    toml = f'[file]\ndecimal = "{decimal}"\n' + NUMBERED.replace('cost = "amount"', 'cost = "amount"\ndirect_cost = "told"')
    report = converted(tmp_path, toml, tmp_path / "export.parquet")
    if decimal:
        assert rows_of(report, "cost, direct_cost, handle_minutes") == [(Decimal("61.125"), 61125, 1.125)]
    else:
        assert kept_aside(report) == [("1", "direct_cost", "not a certain number", "61.125")]


def test_what_a_number_of_a_workbook_means_is_read_as_it_is_written(tmp_path: Path) -> None:
    toml = '[file]\ndecimal = ","\n' + COSTS + '[values.amount]\n"1.5" = "2,5"\n'
    report = converted(tmp_path, toml, workbook_of(tmp_path, ("id", "opened", "shop", "amount"), ("1", OPENED, "N", 1.5)))
    assert rows_of(report, "cost") == [(Decimal("2.5"),)]


def test_files_whose_columns_stand_in_another_order_keep_their_numbers(tmp_path: Path) -> None:
    file = workbook_of(tmp_path, ("id", "opened", "shop", "amount"), ("1", OPENED, "N", 1.125))
    other = file.rename(tmp_path / "other.xlsx")
    file = workbook_of(tmp_path, ("amount", "shop", "id", "opened"), (2.125, "N", "2", OPENED))
    assert rows_of(converted(tmp_path, '[file]\ndecimal = ","\n' + COSTS, other, file), "cost") == [
        (Decimal("1.125"),),
        (Decimal("2.125"),),
    ]
