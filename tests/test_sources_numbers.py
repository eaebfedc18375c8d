"""Numbers as people write them."""

from decimal import Decimal

import pytest

from kpi.errors import ExtractError
from kpi.sources.numbers import parse_number

NULLS = ("?", "NA", "NS", "#N/B")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0,862777778", "0.862777778"),
        ("2050,36", "2050.36"),
        ("1.234,5", "1234.5"),
        ("-100", "-100"),
        ("1,234,567", "1234567"),
        ("0,862", "0.862"),
        ("1.5e-05", "0.000015"),
        (" 12 ", "12"),
    ],
)
def test_numbers_that_are_certain_without_a_stated_decimal_mark(text: str, number: str) -> None:
    assert parse_number(text, "", NULLS) == Decimal(number)


@pytest.mark.parametrize("text", ["", " ", "NA", "NS", "#N/B", "?"])
def test_null_markers_are_no_number(text: str) -> None:
    assert parse_number(text, "", NULLS) is None


@pytest.mark.parametrize(
    "text", ["3,87,16,91,111", "61,125", "61.125", "#MULTIVALUE", "1,23.4", "NaN", "inf", "1 000", "5.", "12 %", "0x10", "١٢"]
)
def test_numbers_that_are_not_certain_are_refused(text: str) -> None:
    with pytest.raises(ExtractError) as raised:
        parse_number(text, "", NULLS)
    assert str(raised.value) == f"'{text}' is not certain, expected a number whose decimal mark is certain (set decimal in [file])."


@pytest.mark.parametrize(("decimal", "number"), [(",", "61.125"), (".", "61125")])
def test_a_stated_decimal_mark_settles_it(decimal: str, number: str) -> None:
    assert parse_number("61,125", decimal, NULLS) == Decimal(number)


@pytest.mark.parametrize("text", ["1.5", "1,234.5"])
def test_a_stated_decimal_comma_refuses_a_decimal_point(text: str) -> None:
    with pytest.raises(ExtractError):
        parse_number(text, ",", NULLS)
