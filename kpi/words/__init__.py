"""Every text a person reads passes through here: one gettext catalogue, English as its source language."""

import gettext
from functools import cache
from pathlib import Path

CATALOGUES = Path(__file__).parent


def text(message: str, /, **values: object) -> str:
    """The message in the reader's language, with its `{placeholders}` filled in."""
    return _catalogue().gettext(message).format(**values)


def counted(singular: str, plural: str, count: int, /, **values: object) -> str:
    """The form of the message for this count; `{count}` stands for the count itself, with thousands separated."""
    return _catalogue().ngettext(singular, plural, count).format(count=f"{count:,}", **values)


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("kpi", CATALOGUES, fallback=True)
