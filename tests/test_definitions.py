"""The owner's choices of definition."""

from pathlib import Path

import pytest

from kpi.definitions import VARIANTS, Definitions, read_definitions
from kpi.errors import ConfigError
from kpi.metrics import FAMILIES, chosen

REPOSITORY = Path(__file__).parents[1]
CUSTOMERS = ("resolved_at", "customer", "contact_count")


def definitions_of(folder: Path, toml: str) -> Definitions:
    (folder / "kpis.toml").write_text(toml, encoding="utf-8")
    return read_definitions(folder)


def test_without_a_file_the_window_is_seven_days_and_the_rest_open(tmp_path: Path) -> None:
    assert read_definitions(tmp_path) == Definitions(7, "", "")


def test_the_repository_counts_in_euros_over_seven_days() -> None:
    assert read_definitions(REPOSITORY / "data") == Definitions(7, "", "EUR")


@pytest.mark.parametrize("days", [1, 7, 90])
def test_a_window_has_1_to_90_days(tmp_path: Path, days: int) -> None:
    assert definitions_of(tmp_path, f"first_contact_window_days = {days}").first_contact_window_days == days


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("first_contact_window_days = 0", "kpis.toml: first_contact_window_days is 0, expected 1 to 90."),
        ("first_contact_window_days = 91", "kpis.toml: first_contact_window_days is 91, expected 1 to 90."),
        ("first_contact_window_days = 7.0", "kpis.toml: first_contact_window_days is 7.0, expected int."),
        ("first_contact_window_days = true", "kpis.toml: first_contact_window_days is True, expected int."),
        (
            "first_contact_variant = 'no_repeats'",
            "kpis.toml: first_contact_variant 'no_repeats' does not exist. Did you mean 'no_repeat'?",
        ),
        (
            "first_contact_variant = 'x'",
            "kpis.toml: first_contact_variant 'x' does not exist. Known: as_flagged, no_repeat, no_transfer, one_contact.",
        ),
        ("currency = 1", "kpis.toml: currency is 1, expected str."),
        ("curency = 'EUR'", "kpis.toml: key 'curency' does not exist. Did you mean 'currency'?"),
    ],
)
def test_a_wrong_choice_is_refused(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        definitions_of(tmp_path, toml)
    assert str(error.value) == message


@pytest.mark.parametrize("currency", ["euro", "eur", "EURO", "123"])
def test_a_currency_that_is_no_iso_code_is_refused(tmp_path: Path, currency: str) -> None:
    with pytest.raises(ConfigError):
        definitions_of(tmp_path, f"currency = '{currency}'")


def test_every_variant_that_can_be_chosen_is_a_kpi_and_every_kpi_of_the_family_can_be_chosen() -> None:
    family = {kpi.name.removeprefix("first_contact_resolution_") for kpi in FAMILIES["first_contact_resolution"]}
    assert family == set(VARIANTS)


def test_the_variant_is_the_chosen_one_else_the_first_that_the_data_allow() -> None:
    assert chosen("first_contact_resolution", "", CUSTOMERS).name == "first_contact_resolution_no_repeat"
    assert chosen("first_contact_resolution", "", ("resolved_at", "contact_count")).name == "first_contact_resolution_one_contact"
    assert chosen("first_contact_resolution", "as_flagged", CUSTOMERS).name == "first_contact_resolution_as_flagged"
    assert chosen("first_contact_resolution_no_transfer", "as_flagged", ()).name == "first_contact_resolution_no_transfer"
