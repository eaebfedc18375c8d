"""The one place where a name or a text from a mapping or a file becomes SQL."""

from collections.abc import Iterable


def name(text: str) -> str:
    """An SQL identifier, whatever the text holds."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text constant: for the places where DuckDB accepts no bound value."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """A comma-separated list of SQL text constants."""
    return ", ".join(literal(text) for text in texts)
