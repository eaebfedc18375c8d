"""Numbers as people write them."""

from decimal import Decimal
from pathlib import Path

import pytest
from sourcing import SMALL, converted, file_of, kept_aside, rows_of

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


UNCERTAIN = ("3,87,16,91,111", "61,125", "61.125", "#MULTIVALUE", "1,23.4", "NaN", "inf", "1 000", "5.", "12 %", "0x10", "١٢")


def test_numbers_that_are_not_certain_are_kept_aside(tmp_path: Path) -> None:
    report = costs(tmp_path, *UNCERTAIN)
    assert kept_aside(report) == [(str(row), "cost", "not a certain number", found) for row, found in enumerate(UNCERTAIN, start=2)]
    assert "a number whose decimal mark is certain (set decimal in [file])" in Path(report.kept_aside_file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("decimal", "number"), [(",", "61.125"), (".", "61125")])
def test_a_stated_decimal_mark_settles_it(tmp_path: Path, decimal: str, number: str) -> None:
    assert rows_of(costs(tmp_path, "61,125", decimal=decimal), "cost") == [(Decimal(number),)]


def test_a_stated_decimal_comma_refuses_a_decimal_point(tmp_path: Path) -> None:
    assert [row[3] for row in kept_aside(costs(tmp_path, "1.5", "1,234.5", decimal=","))] == ["1.5", "1,234.5"]
