"""Costs in one currency, and indirect costs shared out to the last ten-thousandth.

An amount is converted with the rate of its own booking date. Without a rate it stays unconverted and is reported: never 1:1.
A pool of indirect costs is shared by a driver (minutes, contacts...); the shares add up to the pool exactly.
"""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

import csv
import datetime
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path

import duckdb

from kpi.configuration import Table, choice, filled, only, tables, texts, typed, whole, written
from kpi.errors import ConfigError
from kpi.events import BY_NAME
from kpi.sources.quoting import literal
from kpi.words import text

ALLOCATION = (files("kpi") / "sql" / "allocation.sql").read_text(encoding="utf-8")
AMOUNTS = ("cost", "direct_cost", "indirect_cost", "fixed_cost", "variable_cost")
KEYS = ("reporting", "currency", "booked_on", "formats", "carry_days", "rates_file", "rates", "pools")
DRIVERS = ("handle_minutes", "contact_count", "transfer_count", *AMOUNTS)
ATTRIBUTED = ("opened_at", "resolved_at", "closed_at")
SMALLEST = Decimal("0.0001")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One unit of `currency` is worth `rate` units of the reporting currency on that day."""

    currency: str
    on: datetime.date
    rate: Decimal


@dataclass(frozen=True, kw_only=True)
class Pool:
    """An indirect amount for the events whose `attributed_by` lies in [start, end), shared by `driver`."""

    amount: Decimal
    driver: str
    into: str
    attributed_by: str
    start: datetime.date
    end: datetime.date


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The [costs] of a mapping. A rate holds on its day and for `carry_days` after it. An empty `currency` converts nothing."""

    reporting: str
    currency: str
    booked_on: str
    formats: tuple[str, ...]
    carry_days: int
    rates: tuple[Rate, ...]
    pools: tuple[Pool, ...]


def costs_of(table: Table, folder: Path, where: str) -> Costs | None:
    """The costs of a mapping, from its TOML; `rates_file` is a CSV beside it with the columns currency, on, rate."""
    if not table:
        return None
    only(table, KEYS, where)
    rates = tuple(_rate(entry, f"{where}.rates") for entry in tables(table, "rates", where))
    costs = Costs(
        reporting=typed(table, "reporting", str, "", where),
        currency=typed(table, "currency", str, "", where),
        booked_on=typed(table, "booked_on", str, "", where),
        formats=texts(table, "formats", ("%Y-%m-%d",), where),
        carry_days=whole(table, "carry_days", 0, 0, where),
        rates=rates + _rates_file(typed(table, "rates_file", str, "", where), folder, where),
        pools=tuple(_pool(entry, f"{where}.pools") for entry in tables(table, "pools", where)),
    )
    _check_currency(costs, where)
    return costs


def _check_currency(costs: Costs, where: str) -> None:
    given = (costs.reporting, costs.currency, costs.booked_on)
    if any(given) and not all(given):
        raise ConfigError(
            "{where}: reporting '{reporting}', currency '{currency}', booked_on '{booked_on}', expected all three.",
            where=where,
            reporting=costs.reporting,
            currency=costs.currency,
            booked_on=costs.booked_on,
        )


def _rate(table: Table, where: str) -> Rate:
    only(table, Rate.__dataclass_fields__, where)
    rate = _decimal(table, "rate", where)
    if rate <= 0:
        raise ConfigError("{where}: rate {rate}, expected more than 0.", where=where, rate=rate)
    return Rate(currency=filled(table, "currency", where).upper(), on=_day(table, "on", where), rate=rate)


def _rates_file(name: str, folder: Path, where: str) -> tuple[Rate, ...]:
    if not name:
        return ()
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise ConfigError("{where}: rates_file '{name}' is not a file beside the mapping. Put it there.", where=where, name=name)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, restkey="a cell more", restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError("{where}: not a CSV file in UTF-8 ({found}). Export it again.", where=path, found=error) from error
    return tuple(_rate(row, f"{path} line {number}") for number, row in enumerate(rows, start=2))


def _pool(table: Table, where: str) -> Pool:
    only(table, Pool.__dataclass_fields__, where)
    pool = Pool(
        amount=_decimal(table, "amount", where),
        driver=choice(table, "driver", DRIVERS, where),
        into=choice(table, "into", ("indirect_cost", *AMOUNTS), where),
        attributed_by=choice(table, "attributed_by", ATTRIBUTED, where),
        start=_day(table, "start", where),
        end=_day(table, "end", where),
    )
    if pool.amount % SMALLEST:
        raise ConfigError("{where}: amount {amount}, expected at most four decimals.", where=where, amount=pool.amount)
    return pool


def _decimal(table: Table, key: str, where: str) -> Decimal:
    found = written(table, key, where)
    try:
        value = Decimal(found)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ConfigError("{where}: {key} '{found}', expected a number with a decimal point.", where=where, key=key, found=found)
    return value


def _day(table: Table, key: str, where: str) -> datetime.date:
    found = table.get(key, "")
    if isinstance(found, datetime.date) and not isinstance(found, datetime.datetime):
        return found
    try:
        return datetime.date.fromisoformat(str(found))
    except ValueError as error:
        raise ConfigError("{where}: {key} '{found}', expected a day as 2024-01-31.", where=where, key=key, found=found) from error


def filled_by(costs: Costs | None, filled: tuple[str, ...]) -> tuple[str, ...]:
    """The columns a mapping fills, with those its pools add. A mapping that gives the direct cost alone gets the sum as cost."""
    if costs is None or not costs.pools:
        return filled
    added = tuple(dict.fromkeys(pool.into for pool in costs.pools))
    whole = ("cost",) if "direct_cost" in filled else ()
    return tuple(dict.fromkeys((*filled, *added, *whole)))


def convert_currency(connection: duckdb.DuckDBPyConnection, costs: Costs, currency: str, booked_on: str, filled: tuple[str, ...]) -> None:
    """Converts the amounts in `typed`. `currency` and `booked_on` are the raw cells (SQL) of the table `source`."""
    days = ", ".join(f"try_cast(try_strptime({booked_on}, {literal(wanted)}) AS DATE)" for wanted in costs.formats)
    connection.execute(
        f"CREATE TEMP TABLE bookings AS SELECT row_id, upper({currency}) AS currency, "
        f"CASE WHEN len(list_distinct([{days}])) = 1 THEN coalesce({days}, NULL) END AS booked_on FROM source"
    )
    _load_rates(connection, costs)
    for name in (name for name in AMOUNTS if name in filled):
        _convert_amount(connection, name, costs.reporting.upper())


def _load_rates(connection: duckdb.DuckDBPyConnection, costs: Costs) -> None:
    connection.execute("CREATE TEMP TABLE rates (currency VARCHAR, rate_on DATE, rate DECIMAL(18,8))")
    if costs.rates:
        connection.executemany("INSERT INTO rates VALUES (?, ?, ?)", [(rate.currency, rate.on, rate.rate) for rate in costs.rates])
    connection.execute(
        "CREATE TEMP TABLE applied AS SELECT bookings.row_id, bookings.currency, bookings.booked_on, "
        "CASE WHEN bookings.currency = $reporting THEN 1 WHEN booked_on - rate_on <= $carry THEN rate END::DECIMAL(18,8) AS rate "
        "FROM bookings ASOF LEFT JOIN rates ON bookings.currency = rates.currency AND bookings.booked_on >= rates.rate_on",
        {"reporting": costs.reporting.upper(), "carry": costs.carry_days},
    )


def _convert_amount(connection: duckdb.DuckDBPyConnection, name: str, reporting: str) -> None:
    reason, expected = text("no exchange rate on its booking date"), text("a rate to {currency}", currency=reporting)
    connection.execute(
        f"INSERT INTO aside SELECT row_id, {literal(name)}, {literal(reason)}, concat_ws(' ', {name}, currency, booked_on), "
        f"{literal(expected)} FROM typed JOIN applied USING (row_id) WHERE {name} IS NOT NULL AND rate IS NULL"
    )
    connection.execute(
        f"UPDATE typed SET {name} = CAST({name} * applied.rate AS DECIMAL(18,4)) FROM applied WHERE applied.row_id = typed.row_id"
    )


def allocate(connection: duckdb.DuckDBPyConnection, costs: Costs, zone: str, filled: tuple[str, ...]) -> int:
    """Shares every pool among the good, normal events of `typed`; gives the number of pools that nobody could bear."""
    known = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info('typed')").fetchall()}
    for name in filled_by(costs, filled):
        if name not in known:
            connection.execute(f"ALTER TABLE typed ADD COLUMN {name} {BY_NAME[name].type}")
    unshared = sum(not _share(connection, pool, zone, filled) for pool in costs.pools)
    if "direct_cost" in filled and "cost" not in filled:
        shares = " + ".join(f"coalesce({name}, 0)" for name in dict.fromkeys(pool.into for pool in costs.pools) if name != "direct_cost")
        connection.execute(f"UPDATE typed SET cost = direct_cost + {shares or 0}")
    return unshared


def _share(connection: duckdb.DuckDBPyConnection, pool: Pool, zone: str, filled: tuple[str, ...]) -> bool:
    """Largest remainder: whole ten-thousandths by share, the few left over to the largest remainders."""
    for name in (pool.driver, pool.attributed_by):
        if name not in filled:
            raise ConfigError("[costs.pools]: '{name}' is not mapped, expected a column this mapping fills. Map it.", name=name)
    normal = "coalesce(disposition, 'normal') = 'normal'" if "disposition" in filled else "true"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE bearers AS SELECT row_id, CAST(round(CAST({pool.driver} AS DECIMAL(28,6)) * 1000000) AS HUGEINT) "
        f"AS driver FROM typed WHERE {pool.driver} > 0 AND row_id NOT IN (SELECT row_id FROM problems) AND {normal} "
        f"AND CAST(timezone($zone, {pool.attributed_by}) AS DATE) >= $start AND CAST(timezone($zone, {pool.attributed_by}) AS DATE) < $end",
        {"zone": zone, "start": pool.start, "end": pool.end},
    )
    units = int(abs(pool.amount) / SMALLEST)
    connection.execute(ALLOCATION, {"units": units, "sign": -1 if pool.amount < 0 else 1})
    connection.execute(
        f"UPDATE typed SET {pool.into} = coalesce({pool.into}, 0) + shares.amount FROM shares WHERE shares.row_id = typed.row_id"
    )
    row = connection.execute("SELECT count(*) FROM shares").fetchone()
    return bool(row and row[0])
