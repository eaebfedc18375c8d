"""The expression language: what it allows, and what it refuses and how it says so."""

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sourcing import SMALL, converted, file_of, kept_aside, rows_of

from kpi.errors import ConfigError
from kpi.sources.convert import lock
from kpi.sources.expressions import checked

COLUMNS = ("id", "Call Id", "opened", "sum(x)")


def refused(expression: str) -> str:
    with pytest.raises(ConfigError) as raised:
        checked("here", expression, COLUMNS)
    return str(raised.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("id", "7"),
        ('"Call Id"', "c7"),
        ('"sum(x)"', "it's"),
        ("try_cast(id as bigint) + 1", 8),
        ("case when id = '7' then 'yes' else 'no' end", "yes"),
        ("id between '1' and '9' and not (id in ('8', '9'))", True),
        ("coalesce(nullif(trim(' '), ''), 'none')", "none"),
        ("regexp_extract(\"Call Id\", '[0-9]+')", "7"),
        ("opened like '2024%' and \"Call Id\" ilike 'C%'", True),
        ("'a;b' || '--c'", "a;b--c"),
        ("id -- the number", "7"),
        ("epoch(cast('00:02:23' as interval)) / 60", 143 / 60),
        ("strftime(cast(opened as timestamp) + interval 90 minute, '%H:%M')", "10:30"),
        ("cast(id as decimal(9,2)) is not null", True),
    ],
)
def test_what_is_allowed(expression: str, value: object) -> None:
    sql = checked("here", expression, COLUMNS).sql
    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT {sql} FROM (VALUES ('7', 'c7', '2024-05-01 09:00:00', 'it''s')) AS t(c0, c1, c2, c3)").fetchone()
    assert row == (value,)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("(select 1)", "a subquery"),
        ("exists (select 1)", "a subquery"),
        ("id = any(['7'])", "a subquery"),
        ("row_number() over ()", "a window function (over)"),
        ("*", "a star (*)"),
        ("columns('id')", "a star (*)"),
        ("?", "a parameter (? or $)"),
        ("$1", "a parameter (? or $)"),
        ("#1", "a column position (#)"),
        ("id collate nocase", "a collation"),
    ],
)
def test_forms_that_are_refused(expression: str, what: str) -> None:
    assert refused(expression) == f"here: {what} is not allowed in an expression. Use columns, constants, operators and functions."


@pytest.mark.parametrize(
    "function",
    [
        "read_csv",
        "read_text",
        "getenv",
        "glob",
        "query",
        "current_setting",
        "getvariable",
        "sum",
        "random",
        "repeat",
        "nextval",
        "error",
    ],
)
def test_functions_that_are_refused(function: str) -> None:
    assert refused(f"{function}('x')").startswith(f"here: function '{function}' does not exist.")


@pytest.mark.parametrize(
    "expression",
    ["main.trim(id)", "system.main.trim(id)", "trim(distinct id)", "trim(id order by id)", "trim(id) filter (where true)"],
)
def test_dressed_up_functions_are_refused(expression: str) -> None:
    assert refused(expression).startswith("here: ")


@pytest.mark.parametrize(
    "expression", ["list_transform(['a'], lambda x: x)", "cast(id as my_type)", "id::json", "current_date", "{'a': id}", "id[1]"]
)
def test_other_ways_out_are_refused(expression: str) -> None:
    assert refused(expression).startswith("here: ")


@pytest.mark.parametrize(
    "expression",
    [
        "1; drop table raw",
        "1 from raw",
        "1, 2",
        "1 as x",
        "1 union select 2",
        "1 where true",
        "1) from read_csv('x') where (1=1",
        "",
        "attach 'x' as y",
        "1 limit 1",
    ],
)
def test_more_than_one_value_is_refused(expression: str) -> None:
    assert refused(expression).startswith("here: '")


def test_a_misspelt_column_and_a_misspelt_function() -> None:
    assert refused("opend") == "here: raw column 'opend' does not exist. Did you mean 'opened'?"
    assert refused("trimm(id)") == "here: function 'trimm' does not exist. Did you mean 'trim'?"


def test_a_very_long_and_a_very_deep_expression() -> None:
    assert refused("id || " * 400 + "id") == "here: 2402 characters, expected at most 2000."
    assert refused("trim(" * 330 + "id" + ")" * 330) == "here: the expression is nested too deeply. Split it."


@given(st.text(max_size=40))
def test_any_text_is_allowed_or_refused_but_never_fails(text: str) -> None:
    try:
        sql = checked("here", text, COLUMNS).sql
    except ConfigError:
        return
    assert sql.startswith("(")


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM read_text('/etc/hostname')", "ATTACH '/tmp/x.db'", "SET enable_external_access = true", "LOAD httpfs"]
)
def test_the_connection_that_runs_expressions_has_no_files(tmp_path: Path, statement: str) -> None:
    with duckdb.connect() as connection:
        lock(connection, tmp_path / "scratch")
        with pytest.raises(duckdb.Error):
            connection.execute(statement)


def test_a_cell_the_expression_cannot_work_with_is_kept_aside(tmp_path: Path) -> None:
    toml = (
        SMALL + '[expressions]\ncontact_count = "cast(calls as bigint) + 1"\nresponded_at = "moment(opened) + to_seconds(number(calls))"\n'
    )
    file = file_of(tmp_path, "id,opened,shop,calls\n1,2024-05-01 09:00:00,N,two\n2,2024-05-01 09:00:00,N,2\n3,2024-05-01 09:00:00,N,\n")
    report = converted(tmp_path, toml, file)
    assert kept_aside(report) == [("2", "contact_count", "expression failed", "two")]
    assert rows_of(report, "event_id, contact_count, epoch(responded_at - opened_at)") == [("2", 2 + 1, 2.0), ("3", None, None)]


def test_an_expression_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        converted(tmp_path, SMALL + '[expressions]\nresponded_at = "1 + 1"\n', file_of(tmp_path, "id,opened,shop\n"))
    assert str(raised.value) == "small.toml: [expressions] responded_at: gives INTEGER, expected a date and time (TIMESTAMP)."


def test_an_ease_scale_becomes_effort(tmp_path: Path) -> None:
    toml = SMALL + '[expressions]\neffort = "8 - cast(ease as bigint)"  # 1 to 7, higher is easier: turned round\n'
    file = file_of(tmp_path, "id,opened,shop,ease\n1,2024-05-01 09:00:00,N,3\n2,2024-05-01 09:00:00,N,7\n3,2024-05-01 09:00:00,N,9\n")
    report = converted(tmp_path, toml, file)
    assert rows_of(report, "effort") == [(8 - 3,), (8 - 7,)]
    assert kept_aside(report) == [("4", "effort", "too low", "9 -> -1")]
