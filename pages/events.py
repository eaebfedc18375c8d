"""The events behind the figures: a page at a time, and all of them as a file."""

from html import escape

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from kpi import browse, download
from kpi.browse import PAGE_ROWS, Selection
from kpi.exports import Form
from kpi.metrics import ATTRIBUTIONS
from kpi.words import counted, text
from kpi.words.values import count_text
from pages.address import look_up
from pages.filters import show_emptiness
from pages.view import DOWNLOAD_PATH, View

DATE_WORDS = {"opened_on": "Opened", "resolved_on": "Resolved", "ended_on": "Ended", "answered_on": "Survey answered"}
COLUMN_WORDS = {
    "event_id": "Event",
    "store": "Store",
    "channel": "Channel",
    "service": "Service",
    "opened_at": "Opened at",
    "response_minutes": "Response (min)",
    "waiting_minutes": "Waiting (min)",
    "resolved_at": "Resolved at",
    "satisfaction": "Satisfaction",
    "cost": "Cost",
    "outcome": "Outcome",
}

NUMBERS = {"response_minutes": "%.1f", "waiting_minutes": "%.1f", "satisfaction": "%.1f", "cost": "%.2f"}


def show(view: View) -> None:
    """Choice of the date that counts, the table, the download with its exact number of rows."""
    st.title(text("Events"))
    look_up("on", (text(DATE_WORDS[name]) for name in ATTRIBUTIONS), text("days on which events were"))
    on = st.segmented_control(
        text("Days are those on which events were"),
        ATTRIBUTIONS,
        default="opened_on",
        required=True,
        key="on",
        bind="query-params",
        format_func=lambda name: text(DATE_WORDS[name]),
    )
    show_events(view, Selection(view.question((), None, ()), on or "opened_on"), "page")


def show_events(view: View, selection: Selection, key: str) -> None:
    """The events of a selection a page at a time, and the download of all of them; `key` names the page number in the URL."""
    rows = browse.count(view.state, selection)
    if not rows:
        show_emptiness(view)
        return
    _show_download(view, selection, rows)
    pages = -(-rows // PAGE_ROWS)
    look_up(key, map(str, range(1, pages + 1)), text("page"))
    number = st.pagination(pages, key=key, bind="query-params") if pages > 1 else 1
    zone = view.state.settings.calendar.default.zone
    st.dataframe(
        browse.page(view.state, selection, number),
        hide_index=True,
        column_order=tuple(COLUMN_WORDS),
        column_config={name: text(words) for name, words in COLUMN_WORDS.items()} | {name: _number(name) for name in NUMBERS},
        placeholder="–",
        alt=text("Events, newest first"),
    )
    first, last = (number - 1) * PAGE_ROWS + 1, min(number * PAGE_ROWS, rows)
    shown = text("{first} to {last} of {all}", first=count_text(first), last=count_text(last), all=count_text(rows))
    st.caption(text("{shown}, newest first. Times are local ({zone}).", shown=shown, zone=zone))


def _number(name: str) -> ColumnConfig:
    return st.column_config.NumberColumn(text(COLUMN_WORDS[name]), format=NUMBERS[name])


def _show_download(view: View, selection: Selection, rows: int) -> None:
    """Plain links: a download button would hold the whole file in memory, and may give one viewer another's file."""
    words = {
        Form.CSV: counted("Download {count} row (CSV)", "Download {count} rows (CSV)", rows),
        Form.PARQUET: counted("Download {count} row (parquet)", "Download {count} rows (parquet)", rows),
        Form.PLAIN_CSV: text("CSV without the lines above it, for programs"),
    }
    query = f"token={download.token(selection, view.version, view.as_of)}"
    links = [
        f'<a href="{escape(f"{DOWNLOAD_PATH}.{form}?{query}")}" download style="color: inherit">⬇ {escape(label)}</a>'
        for form, label in words.items()
    ]
    st.html(f'<nav class="views" aria-label="{escape(text("Downloads"))}">{" ".join(links)}</nav>')


if __name__ == "__main__":
    import dashboard

    dashboard.main()
