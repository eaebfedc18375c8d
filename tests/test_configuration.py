"""TOML at the border: bounded before it is parsed, typed, and unknown keys refused."""

import time
import tomllib
from datetime import date, datetime
from pathlib import Path

import pytest

from kpi import settings
from kpi.configuration import only, parse, read, required, typed
from kpi.errors import ConfigError

LINE = b"# " + b"x" * 61 + b"\n"


def refusal(content: bytes) -> str:
    with pytest.raises(ConfigError) as error:
        parse(content, "x.toml")
    return str(error.value)


def test_64_kilobytes_are_read_and_one_byte_more_is_not() -> None:
    assert parse(LINE * 1024, "x.toml") == {}
    assert refusal(LINE * 1024 + b"\n") == "x.toml: 65537 bytes or more, expected at most 65536. Split it."


def test_500_characters_in_a_line_are_read_and_one_more_is_not() -> None:
    assert parse(b"#" * 500 + b"\n#", "x.toml") == {}
    assert refusal(b"#" * 501) == "x.toml: line 1 is longer than 500 characters. Break it."


def test_a_line_of_500_characters_may_have_accents() -> None:
    assert parse(("#" + "é" * 499).encode(), "x.toml") == {}


@pytest.mark.parametrize(
    "bomb",
    [
        b".".join([b"a"] * 30_000) + b" = 1",
        b"[" + b".".join([b"a"] * 30_000) + b"]",
        b"a = " + b"[" * 60_000,
        b"a = " + b"{a=" * 20_000,
    ],
)
def test_a_line_that_takes_minutes_to_parse_is_refused_in_milliseconds(bomb: bytes) -> None:
    starts_at = time.perf_counter()
    assert refusal(bomb) == "x.toml: line 1 is longer than 500 characters. Break it."
    assert time.perf_counter() - starts_at < 0.05


def test_what_is_nested_too_deep_over_many_lines_is_refused() -> None:
    assert refusal(b"a = " + b"[\n" * 30_000).startswith("x.toml: not valid TOML: maximum recursion depth exceeded")


def test_the_slowest_file_within_the_bounds_is_read_in_seconds() -> None:
    header = b"[" + b".".join([b"a"] * 245) + b"]\n"
    starts_at = time.perf_counter()
    parse(header + b"".join(b"k%d." % line + b".".join([b"a"] * 240) + b" = 1\n" for line in range(120)), "x.toml")
    assert time.perf_counter() - starts_at < 5


@pytest.mark.parametrize("content", ["a = ", "a = 1\na = 2", "a = 2024-02-30", "[a", "\ufeffa = 1"])
def test_what_is_not_toml_is_refused_in_the_words_of_the_parser(content: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as error:
        tomllib.loads(content)
    assert refusal(content.encode()) == f"x.toml: not valid TOML: {error.value}. Correct it there."


def test_what_is_not_utf_8_is_refused_with_the_place() -> None:
    found = "'utf-8' codec can't decode byte 0xff in position 5: invalid start byte"
    assert refusal(b"a = '\xff'") == f"x.toml: not valid TOML: {found}. Correct it there."


def test_an_absent_file_is_an_empty_one(tmp_path: Path) -> None:
    assert read(tmp_path / "x.toml") == {}


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(ConfigError) as error:
        read(tmp_path / "x.toml")
    assert str(error.value) == "x.toml: cannot be read (Is a directory). Check its permissions."


def test_settings_that_cannot_be_read_are_an_error_of_the_configuration_and_no_bug(tmp_path: Path) -> None:
    (tmp_path / "targets.toml").symlink_to("/proc/self/mem")  # a regular file that even root cannot read from its start
    with pytest.raises(ConfigError) as error:
        settings.read_settings(tmp_path)
    assert str(error.value) == "targets.toml: cannot be read (Input/output error). Check its permissions."


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("curency", "x.toml: key 'curency' does not exist. Did you mean 'currency'?"),
        ("zzz", "x.toml: key 'zzz' does not exist. Known: currency, first_contact_window_days."),
        ("Currency {0}", "x.toml: key 'Currency {0}' does not exist. Did you mean 'currency'?"),
    ],
)
def test_a_key_that_nobody_reads_is_refused(key: str, message: str) -> None:
    only({"currency": 1}, ("currency", "first_contact_window_days"), "x.toml")
    with pytest.raises(ConfigError) as error:
        only({key: 1}, ("currency", "first_contact_window_days"), "x.toml")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "kind"), [("x", str), (1, int), (1, (int, float)), (1.5, (int, float)), (True, bool), ([], list), (date(2024, 1, 1), date)]
)
def test_a_value_of_the_expected_type_is_taken(value: object, kind: type | tuple[type, ...]) -> None:
    assert typed({"key": value}, "key", kind, None, "x.toml") == value
    assert required({"key": value}, "key", kind, "x.toml") == value


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (1, str, "x.toml: key is 1, expected str."),
        ("1", int, "x.toml: key is '1', expected int."),
        (1.0, int, "x.toml: key is 1.0, expected int."),
        (True, int, "x.toml: key is True, expected int."),
        (False, (int, float), "x.toml: key is False, expected int or float."),
        (1, bool, "x.toml: key is 1, expected bool."),
        ({}, list, "x.toml: key is {}, expected list."),
        (datetime(2024, 1, 1), date, "x.toml: key is datetime.datetime(2024, 1, 1, 0, 0), expected date."),
    ],
)
def test_a_boolean_is_no_number_a_moment_no_day_and_a_text_nothing_else(value: object, kind: type | tuple[type, ...], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        typed({"key": value}, "key", kind, None, "x.toml")
    assert str(error.value) == message


def test_a_missing_key_has_its_default_or_is_asked_for() -> None:
    assert typed({}, "key", int, 7, "x.toml") == 7
    with pytest.raises(ConfigError) as error:
        required({}, "key", int, "x.toml")
    assert str(error.value) == "x.toml: key is missing. Add it."


def test_the_digest_changes_exactly_when_a_file_does(tmp_path: Path) -> None:
    before = settings.read_settings(tmp_path).digest
    assert settings.read_settings(tmp_path).digest == before
    (tmp_path / "kpis.toml").write_text('currency = "EUR"')
    with_currency = settings.read_settings(tmp_path).digest
    assert with_currency != before
    (tmp_path / "kpis.toml").unlink()
    assert settings.read_settings(tmp_path).digest == before
