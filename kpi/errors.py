"""What can go wrong, one class per person who can act on it.

KpiError             shown to the person as its message; anything else is a bug
  ExtractError         the data is wrong      -> the data owner fixes it
  ConfigError          the TOML is wrong      -> whoever edited it
  UnknownName          no such KPI, store ... -> the caller ("did you mean")
  StateError           the state cannot be read or written now -> whoever runs the dashboard
    LoaderBusy           another program is loading -> wait
"""

from collections.abc import Iterable
from difflib import get_close_matches

from kpi.words import text


class KpiError(Exception):
    """A message that says where, what was found, what was expected and what to do."""

    def __init__(self, message: str, /, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return text(self.message, **self.values)


class ExtractError(KpiError):
    """The data is wrong: the data owner fixes it."""


class ConfigError(KpiError):
    """A TOML file is wrong: whoever edited it fixes it."""


class StateError(KpiError):
    """The state cannot be read or written now: whoever runs the dashboard acts."""


class LoaderBusy(StateError):
    """Another program is loading the same folder: wait until it is done."""


class UnknownName(KpiError):
    """A name that does not exist: the caller picks one that does."""

    def __init__(self, kind: str, found: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        close = get_close_matches(found, names, n=1)
        if close:
            super().__init__("{kind} '{found}' does not exist. Did you mean '{close}'?", kind=kind, found=found, close=close[0])
        else:
            super().__init__("{kind} '{found}' does not exist. Known: {known}.", kind=kind, found=found, known=", ".join(names) or "none")
