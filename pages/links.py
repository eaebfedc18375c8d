"""Links to views: a view is its address, so a link needs no more than that."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st

HERE = Path(__file__).parent
STYLE, HISTORY = HERE / "dress.css", HERE / "history.html"

Parameters = Mapping[str, Sequence[str]]


class Link(NamedTuple):
    """A name and the view it leads to: a page and what stands in its address. `is_here`: the one that is shown; without a page, the same.

    `carried` are parameters that are taken along as they are when the link is followed: a filter may have changed since.
    """

    words: str
    page: str | None
    parameters: Parameters
    is_here: bool
    carried: Sequence[str]


def show_links(links: Iterable[Link], label: str, between: str = "") -> None:
    """The links in a row; `label` names the row to those who hear the page."""
    row = f"<span aria-hidden='true'>{escape(between)}</span>".join(_anchor(link) for link in links)
    st.html(f'<nav class="views" aria-label="{escape(label)}">{row}</nav>')


def _anchor(link: Link) -> str:
    here = ' aria-current="page"' if link.is_here else ""
    target = escape(address(link.page, link.parameters))
    return f'<a class="view" href="{target}" data-carried="{" ".join(link.carried)}"{here}>{escape(link.words)}</a>'


def address(page: str | None, parameters: Parameters) -> str:
    """The address of a view, from any other one; without a page, from one on the same page."""
    query = urlencode({name: list(values) for name, values in parameters.items()}, doseq=True)
    if page is None:
        return f"?{query}"
    return f"./{page}?{query}" if query else f"./{page}"


def dress() -> None:
    """How links and captions look, and that following one is one step in the browser's history."""
    st.html(STYLE)
    st.html(HISTORY, unsafe_allow_javascript=True)


if __name__ == "__main__":
    import dashboard

    dashboard.main()
