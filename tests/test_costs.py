"""Costs in one currency by booking date, and pools that are shared to the last ten-thousandth."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sourcing import SMALL, converted, file_of, kept_aside, mapping_of, nothing, rows_of

from kpi.errors import ConfigError
from kpi.sources.convert import convert

AT = "2024-03-01 09:00:00"
CURRENCY = """
[costs]
reporting = "CNY"
currency = "ccy"
booked_on = "booked"
rates = [{currency = "EUR", on = 2024-01-31, rate = "7.8"}, {currency = "EUR", on = "2024-02-29", rate = 7.7}]
"""
ENTRIES = f"id,opened,shop,amount,ccy,booked\nA,{AT},N,100,EUR,2024-01-31\nB,{AT},N,100,EUR,2024-02-29\nC,{AT},N,-20,EUR,2024-02-29\n"
LEDGER = SMALL.replace('store = "shop"', 'store = "shop"\ncost = "amount"')
POOLED = SMALL.replace('store = "shop"', 'store = "shop"\nhandle_minutes = "minutes"\ndirect_cost = "direct"')


def pool(amount: str, driver: str = "handle_minutes") -> str:
    return f'[[costs.pools]]\namount = "{amount}"\ndriver = "{driver}"\nstart = 2024-03-01\nend = 2024-04-01\n'


def test_an_amount_is_converted_with_the_rate_of_its_booking_date(tmp_path: Path) -> None:
    report = converted(tmp_path, LEDGER + CURRENCY, file_of(tmp_path, ENTRIES))
    assert rows_of(report, "cost") == [(Decimal("780.0000"),), (Decimal("770.0000"),), (Decimal("-154.0000"),)]
    assert sum(row[0] for row in rows_of(report, "cost")) == 1396  # type: ignore[misc]


def test_without_a_rate_an_amount_is_reported_and_never_taken_one_to_one(tmp_path: Path) -> None:
    more = f"D,{AT},N,50,EUR,2024-03-01\nE,{AT},N,50,USD,2024-01-31\n"
    more += f"F,{AT},N,50,,2024-01-31\nG,{AT},N,50,cny,2024-07-07\nH,{AT},N,50,EUR,someday\n"
    report = converted(tmp_path, LEDGER + CURRENCY, file_of(tmp_path, ENTRIES + more))
    assert rows_of(report, "cost")[3:] == [(None,), (None,), (None,), (Decimal("50.0000"),), (None,)]
    assert report.set_aside == {"cost: no exchange rate on its booking date": 4}
    assert [row[3] for row in kept_aside(report)] == [
        "50.0000 EUR 2024-03-01",
        "50.0000 USD 2024-01-31",
        "50.0000 2024-01-31",
        "50.0000 EUR",
    ]


def test_a_rate_may_hold_for_the_days_after_it(tmp_path: Path) -> None:
    more = f"D,{AT},N,10,EUR,2024-03-30\nE,{AT},N,10,EUR,2024-03-31\nF,{AT},N,10,EUR,2024-01-30\n"
    toml = LEDGER + CURRENCY.replace("[costs]", "[costs]\ncarry_days = 30")
    assert rows_of(converted(tmp_path, toml, file_of(tmp_path, ENTRIES + more)), "cost")[3:] == [
        (Decimal("77.0000"),),
        (None,),
        (None,),
    ]


def test_rates_may_stand_in_a_file_beside_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    rates = file_of(tmp_path / "sources", "currency,on,rate\nEUR,2024-01-31,7.8\nEUR,2024-02-29,7.7\n", "rates.csv")
    toml = LEDGER + '[costs]\nreporting = "CNY"\ncurrency = "ccy"\nbooked_on = "booked"\nrates_file = "rates.csv"\n'
    first = converted(tmp_path, toml, file_of(tmp_path, ENTRIES))
    assert [row[0] for row in rows_of(first, "cost")] == [780, 770, -154]
    rates.write_text("currency,on,rate\nEUR,2024-01-31,8\nEUR,2024-02-29,8\n")
    assert [row[0] for row in rows_of(converted(tmp_path, toml, file_of(tmp_path, ENTRIES)), "cost")] == [800, 800, -160]


def test_three_equal_shares_of_a_hundred_add_up_to_a_hundred(tmp_path: Path) -> None:
    rows = "".join(f"{name},{AT},N,1,{direct}\n" for name, direct in (("A", 10), ("B", 20), ("C", "")))
    report = converted(tmp_path, POOLED + pool("100.00"), file_of(tmp_path, "id,opened,shop,minutes,direct\n" + rows))
    found = rows_of(report, "indirect_cost, cost")
    assert [row[0] for row in found] == [Decimal("33.3334"), Decimal("33.3333"), Decimal("33.3333")]
    assert all(float(row[0]) == pytest.approx(33.333333, abs=1e-4) for row in found)  # type: ignore[arg-type]
    assert [row[1] for row in found] == [10 + Decimal("33.3334"), 20 + Decimal("33.3333"), None]


def test_only_good_normal_events_of_the_period_bear_a_pool(tmp_path: Path) -> None:
    toml = POOLED + '[[dispositions]]\ndisposition = "spam"\ncolumn = "shop"\nequals = "spam"\n' + pool("-30")
    rows = f"A,{AT},N,1,\nB,{AT},spam,1,\nC,2024-04-01 00:00:00,N,1,\nD,{AT},N,,\nE,{AT},N,2,\nF,{AT},N,-5,\n"
    report = converted(tmp_path, toml, file_of(tmp_path, "id,opened,shop,minutes,direct\n" + rows))
    assert rows_of(report, "event_id, indirect_cost") == [("A", -10), ("B", None), ("C", None), ("D", None), ("E", -20)]


def test_a_pool_nobody_can_bear_is_reported(tmp_path: Path) -> None:
    report = converted(tmp_path, POOLED + pool("5"), file_of(tmp_path, f"id,opened,shop,minutes,direct\nA,{AT},N,0,\n"))
    assert report.warnings == {"cost pools nobody could bear": 1}


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (b"currency,on,rate\nEUR,2024-01-31,7.8,7.9\n", "line 2: key 'a cell more' does not exist. Known: currency, on, rate."),
        (b"currency,on,rate\nEUR,2024-01-31\n", "line 2: rate '', expected a number with a decimal point."),
        (b"currency,on\nEUR,2024-01-31\n", "line 2: rate is missing. Add it."),
        (b"currency,on,rate\n\xff,2024-01-31,7\n", "not a CSV file in UTF-8"),
    ],
)
def test_a_wrong_file_of_rates_is_named(tmp_path: Path, rates: bytes, message: str) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "rates.csv").write_bytes(rates)
    with pytest.raises(ConfigError) as raised:
        mapping_of(tmp_path, SMALL + '[costs]\nrates_file = "rates.csv"\n')
    assert str(raised.value).startswith(f"{tmp_path}/sources/rates.csv")
    assert message in str(raised.value)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    units=st.integers(-(10**10), 10**10),
    minutes=st.lists(st.decimals(min_value="0.01", max_value="9999.99", places=2), min_size=1, max_size=30),
)
def test_the_shares_of_any_pool_add_up_to_it(tmp_path: Path, units: int, minutes: list[Decimal]) -> None:
    amount = Decimal(units) / 10_000
    mapping = mapping_of(tmp_path, POOLED.replace("[time]", '[file]\ndecimal = "."\n[time]') + pool(format(amount, "f")))
    rows = "".join(f"{number},{AT},N,{share},\n" for number, share in enumerate(minutes))
    file = file_of(tmp_path, "id,opened,shop,minutes,direct\n" + rows)
    shares = [row[0] for row in rows_of(convert(mapping, [file], tmp_path / "extracts", nothing), "indirect_cost")]
    assert sum(shares) == amount  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (
            '[costs]\nrates = [{currency = "EUR", on = "31.01.2024", rate = 7}]\n',
            "on '31.01.2024', expected a day as 2024-01-31.",
        ),
        (
            '[costs]\nrates = [{currency = "EUR", on = 2024-01-31, rate = "7,8"}]\n',
            "rate '7,8', expected a number with a decimal point.",
        ),
        ('[costs]\nrates = [{currency = "EUR", on = 2024-01-31, rate = 0}]\n', "rate 0, expected more than 0."),
        (pool("0.00001"), "amount 0.00001, expected at most four decimals."),
        ('[costs]\nrates_file = "../rates.csv"\n', "rates_file '../rates.csv' is not a file beside the mapping. Put it there."),
        (pool("1").replace("handle_minutes", "luck"), "driver is 'luck', expected one of handle_minutes, contact_count,"),
    ],
)
def test_wrong_costs_are_named(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        mapping_of(tmp_path, SMALL + toml)
    assert message in str(raised.value)


def test_a_driver_must_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        converted(tmp_path, SMALL + pool("1"), file_of(tmp_path, f"id,opened,shop\nA,{AT},N\n"))
    assert str(raised.value) == "small.toml: [costs.pools]: 'handle_minutes' is not mapped, expected a column this mapping fills. Map it."
