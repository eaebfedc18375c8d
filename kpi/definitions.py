"""Choices of definition that the owner of the figures makes: `kpis.toml` in the data folder."""

from dataclasses import dataclass
from pathlib import Path

from babel.numbers import is_currency

from kpi.configuration import only, read, refuse_unknown, typed
from kpi.errors import ConfigError

FILE = "kpis.toml"
VARIANTS = ("no_repeat", "one_contact", "no_transfer", "as_flagged")


@dataclass(frozen=True)
class Definitions:
    """`first_contact_variant` empty: no_repeat where the data have customers, else one_contact. `currency` is an ISO 4217 code."""

    first_contact_window_days: int
    first_contact_variant: str
    currency: str


def read_definitions(folder: Path) -> Definitions:
    """The folder's choices, or the defaults."""
    table = read(folder / FILE)
    only(table, ("first_contact_window_days", "first_contact_variant", "currency"), FILE)
    days = typed(table, "first_contact_window_days", int, 7, FILE)
    if not 1 <= days <= 90:
        raise ConfigError("{where}: first_contact_window_days is {found}, expected 1 to 90.", where=FILE, found=days)
    variant = typed(table, "first_contact_variant", str, "", FILE)
    if variant:
        refuse_unknown(variant, VARIANTS, "first_contact_variant", FILE)
    currency = typed(table, "currency", str, "", FILE)
    if currency and not is_currency(currency):
        raise ConfigError("{where}: currency is {found}, expected an ISO 4217 code such as EUR.", where=FILE, found=repr(currency))
    return Definitions(days, variant, currency)
