"""A mapping that is wrong says where, what was found and what was expected."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from sourcing import SMALL, mapping_of

from kpi.errors import ConfigError, UnknownName
from kpi.sources import costs, sections
from kpi.sources.mapping import KEYS, SHIPPED, Mapping, available, load, named


def refused(folder: Path, toml: str) -> str:
    with pytest.raises(ConfigError) as raised:
        mapping_of(folder, toml)
    return str(raised.value).removeprefix(f"{folder}/sources/")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("lable = 'x'\n" + SMALL, "small.toml: key 'lable' does not exist. Did you mean 'label'?"),
        ("[file]\ndelimeter = ';'\n" + SMALL, "small.toml: [file]: key 'delimeter' does not exist. Did you mean 'delimiter'?"),
        ("[file]\ndelimiter = ';;'\n" + SMALL, "small.toml: [file]: delimiter is ';;', expected one character."),
        ("[file]\ndecimal = ';'\n" + SMALL, "small.toml: [file]: decimal is ';', expected one of '', '.', ','."),
        (
            "[file]\nencoding = 'utf-9'\n" + SMALL,
            "small.toml: [file]: encoding 'utf-9' does not exist. Examples: utf-8, latin-1, cp949.",
        ),
        (
            "[file]\nheader_row = true\n" + SMALL,
            "small.toml: [file]: header_row is True, expected int.",
        ),
        ("[file]\nheader_row = 0\n" + SMALL, "small.toml: [file]: header_row is 0, expected 1 or more."),
        ("[file]\nnulls = ['NA', 0]\n" + SMALL, "small.toml: [file]: nulls is ['NA', 0], expected a list of texts."),
        (SMALL.replace('zone = "UTC"', 'zone = ""'), "small.toml: [time]: zone is empty. Fill it in."),
        (SMALL.replace('zone = "UTC"', ""), "small.toml: [time]: zone is missing. Add it."),
        ("dispositions = [1]\n" + SMALL, "small.toml: dispositions is [1], expected a list of tables."),
        (
            SMALL.replace("UTC", "Europe/Berlim"),
            "small.toml: [time]: time zone 'Europe/Berlim' is unknown, expected a name such as Europe/Paris.",
        ),
        (SMALL.replace("[time]", "[times]"), "small.toml: key 'times' does not exist. Did you mean 'time'?"),
        (
            SMALL.replace('opened_at = "opened"', 'openned_at = "opened"'),
            "small.toml: [columns]: column 'openned_at' does not exist. Did you mean 'opened_at'?",
        ),
        (
            SMALL.replace('store = "shop"', ""),
            "small.toml: no source for the required column 'store' (The shop, site, counter or district.) Name it in [columns], "
            "[constants] or [expressions].",
        ),
        (
            SMALL + "store = 'x'\n",
            "small.toml: 'store' is given twice, expected one of [columns], [constants], [expressions], [fold].",
        ),
        (
            "set_aside = ['opened_at']\n" + SMALL,
            "small.toml: set_aside: optional column 'opened_at' does not exist. Did you mean 'reopened_at'?",
        ),
        (
            "name = '../x'\n" + SMALL,
            "small.toml: name '../x', expected small letters, digits, _ and -. It becomes a folder name.",
        ),
        (
            SMALL + "[[dispositions]]\ndisposition = 'spam'\ncolumn = 'a'\n",
            "small.toml: [[dispositions]]: 0 of 'contains' and 'equals', expected exactly one.",
        ),
        (
            SMALL + "[[dispositions]]\ndisposition = 'sapm'\ncolumn = 'a'\n",
            "small.toml: [[dispositions]]: disposition 'sapm' does not exist. Did you mean 'spam'?",
        ),
        (SMALL + "[fold]\nkey = ['id']\n", "small.toml: [fold]: 'key' and 'order' must name raw columns, found ['id'] and []."),
        (
            SMALL + "[costs]\nreporting = 'EUR'\n",
            "small.toml: [costs]: reporting 'EUR', currency '', booked_on '', expected all three.",
        ),
        (
            SMALL.replace('zone = "UTC"', 'zone = "UTC"\nformats = ["dd/MM/yyyy HH:mm"]'),
            "small.toml: [time]: format 'dd/MM/yyyy HH:mm' has no %, expected iso or one as %d/%m/%Y %H:%M.",
        ),
        (
            SMALL.replace('zone = "UTC"', 'zone = "UTC"\nformats = []'),
            "small.toml: [time]: format '' has no %, expected iso or one as %d/%m/%Y %H:%M.",
        ),
        (
            SMALL + "satisfaction_scale = '10'\n",
            "small.toml: [constants]: satisfaction_scale '10', expected lowest..highest, as 1..10.",
        ),
        (
            SMALL + "satisfaction_scale = '5..1'\n",
            "small.toml: [constants]: satisfaction_scale '5..1', expected lowest..highest, as 1..10.",
        ),
        (SMALL + "outcome = 'sucess'\n", "small.toml: [constants]: outcome 'sucess' does not exist. Did you mean 'success'?"),
        (
            'x = "' + "y" * 600 + '"\n',
            "small.toml: line 1 is longer than 500 characters. Break it.",
        ),
        ("# comment\n" * 7000, "small.toml: 65537 bytes or more, expected at most 65536. Split it."),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, toml: str, message: str) -> None:
    assert refused(tmp_path, toml) == message


def test_a_dotted_bomb_is_refused_at_once(tmp_path: Path) -> None:
    assert refused(tmp_path, ".".join("a" * 20_000) + " = 1") == "small.toml: line 1 is longer than 500 characters. Break it."


def test_broken_toml(tmp_path: Path) -> None:
    assert refused(tmp_path, "[file\n").startswith("small.toml: not valid TOML: ")


def test_a_mapping_file_that_is_not_there_is_no_bug(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "nope.toml", tmp_path)
    assert str(raised.value) == f"{tmp_path}/nope.toml: no such mapping file. Name an existing one."


def test_a_circle_of_mappings(tmp_path: Path) -> None:
    mapping_of(tmp_path, SMALL, "a")
    (tmp_path / "sources" / "a.toml").write_text('extends = "b"\n')
    with pytest.raises(ConfigError, match="'extends' goes in a circle: b -> a -> b"):
        mapping_of(tmp_path, 'extends = "a"\n', "b")


def test_extending_what_does_not_exist(tmp_path: Path) -> None:
    assert (
        refused(tmp_path, 'extends = "boston_31"\n')
        == "small.toml: extends: mapping 'boston_31' does not exist. Did you mean 'boston_311'?"
    )


def test_an_extension_lays_its_choices_over_the_others(tmp_path: Path) -> None:
    mapping_of(tmp_path, SMALL, "base")
    child = mapping_of(
        tmp_path,
        'extends = "base"\n[time]\nambiguous = "later"\n[constants]\nstore = "Main"\nservice = ""\n[expressions]\nservice = "shop"\n',
    )
    assert (child.clock.zone, child.clock.ambiguous) == ("UTC", "later")
    assert (child.columns.get("store"), child.constants, child.expressions) == (
        None,
        {"channel": "counter", "store": "Main"},
        {"service": "shop"},
    )
    assert child.name == "small"


def test_a_users_mapping_may_extend_the_shipped_one_of_its_own_name(tmp_path: Path) -> None:
    own = mapping_of(tmp_path, 'extends = "boston_311"\n[time]\nambiguous = "refuse"\n', "boston_311")
    assert (own.clock.ambiguous, own.clock.zone, own.history) == ("refuse", "America/New_York", "replay")
    assert named("boston_311", tmp_path / "sources").clock.ambiguous == "refuse"


def test_a_mapping_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"mapping 'zendesks' does not exist\. Did you mean 'zendesk'\?"):
        named("zendesks", tmp_path)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_mapping_loads_under_its_own_name(path: Path, tmp_path: Path) -> None:
    mapping = load(path, tmp_path)
    assert isinstance(mapping, Mapping)
    assert (mapping.name, available(tmp_path)[mapping.name]) == (path.stem, path)


def test_any_change_of_what_a_mapping_extends_changes_its_digest(tmp_path: Path) -> None:
    mapping_of(tmp_path, SMALL, "base")
    before = mapping_of(tmp_path, 'extends = "base"\n').digest
    mapping_of(tmp_path, SMALL.replace("counter", "phone"), "base")
    assert mapping_of(tmp_path, 'extends = "base"\n').digest != before
    shutil.rmtree(tmp_path / "sources")


DOCUMENT = (Path(__file__).parents[1] / "docs" / "mappings.md").read_text(encoding="utf-8")


def known_keys() -> set[str]:
    """Every key that is read from a mapping, with its section."""
    inner = {
        "file": sections.FileForm.__dataclass_fields__,
        "time": sections.Clock.__dataclass_fields__,
        "values": ("otherwise",),
        "allowed": sections.ALLOWED_KEYS,
        "dispositions": sections.DISPOSITION_KEYS,
        "fold": sections.FOLD_KEYS,
        "fold.COLUMN": sections.STEP_KEYS,
        "costs": costs.KEYS,
        "costs.rates": costs.Rate.__dataclass_fields__,
        "costs.pools": costs.Pool.__dataclass_fields__,
    }
    return {*KEYS, *(f"{section}.{key}" for section, keys in inner.items() for key in keys)}


def test_the_reference_of_mappings_names_every_key_and_no_other() -> None:
    documented = re.findall(r"^\| `([a-zA-Z_.]+)` \|", DOCUMENT, re.M)
    assert sorted(documented) == sorted(known_keys())


@pytest.mark.parametrize("example", re.findall(r"^```toml\n(.*?)^```", DOCUMENT, re.M | re.S))
def test_the_examples_of_the_reference_are_mappings(tmp_path: Path, example: str) -> None:
    mapping_of(tmp_path, SMALL, "base")
    assert mapping_of(tmp_path, example if "[time]" in example else f'extends = "base"\n{example}')


DEFAULTS = re.findall(r"^\| `((?:file|time)\.\w+)` \| .* \| `([^`]+)` \| `[^`]+` \|$", DOCUMENT, re.M)


@pytest.mark.parametrize(("key", "default"), DEFAULTS)
def test_the_defaults_of_the_reference_are_those_of_the_code(tmp_path: Path, key: str, default: str) -> None:
    section, name = key.split(".")
    mapping = mapping_of(tmp_path, SMALL)
    found = getattr(mapping.file if section == "file" else mapping.clock, name)
    assert found == (tuple(tomllib.loads(f"x = {default}")["x"]) if default.startswith("[") else type(found)(default))
