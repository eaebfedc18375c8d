"""The filters beside every page, and the line that says what is shown; their values stand in the URL."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kpi import browse
from kpi.periods import COMPARISONS, Comparison
from kpi.store import State
from kpi.words import text
from kpi.words.safe import plain
from kpi.words.values import day_text, moment_text
from pages.links import Link, show_links
from pages.view import LEVELS, RANGES, View, chosen_dates, clear_levels

DEFAULT_RANGE = "90d"
RANGE_WORDS = {
    "7d": "Last 7 days",
    "28d": "Last 28 days",
    "90d": "Last 90 days",
    "365d": "Last 365 days",
    "all": "All days",
    "custom": "From – to",
}
COMPARISON_WORDS: dict[Comparison, str] = {
    "previous_period": "Previous period",
    "same_weekdays": "Same weekdays last year",
    "previous_year": "Previous year",
}
FILTERS = ("range", "from", "to", *LEVELS, "compare")
"""The names of the filters in the address."""

KEPT_ON_THE_WAY = ("kpi", "every", "chart", "rules", "on")
"""What a page's own choices keep when a level is given up; a chosen point is not, for it was one of the level below."""

LEVEL_WORDS = {"region": "Region", "store": "Store", "channel": "Channel", "service": "Service"}


def show_filters(state: State) -> View:
    """Draw the filters and the line above the page; what was chosen."""
    _say_what_is_unknown(state)
    with st.sidebar:
        st.subheader(text("What to show"))
        st.selectbox(
            text("Days"),
            [*RANGES, "all", "custom"],
            index=list(RANGES).index(DEFAULT_RANGE),
            key="range",
            bind="query-params",
            format_func=lambda word: text(RANGE_WORDS[word]),
        )
        if st.session_state["range"] == "custom":
            last = state.known_on
            st.date_input(text("From"), value=last - timedelta(days=27), key="from", bind="query-params", format="YYYY-MM-DD")
            st.date_input(text("To"), value=last, key="to", bind="query-params", format="YYYY-MM-DD")
        where = {level: tuple(_choices(state, level)) for level in LEVELS}
        comparison = st.selectbox(
            text("Compare with"),
            COMPARISONS,
            key="compare",
            bind="query-params",
            format_func=lambda word: text(COMPARISON_WORDS[word]),
        )
    view = View(state, chosen_dates(state), {level: values for level, values in where.items() if values}, comparison)
    _show_line(view)
    return view


def show_pages(pages: Sequence[StreamlitPage], current: StreamlitPage) -> None:
    """The way to the other pages; each link carries the filters."""
    visible = [page for page in pages if page.visibility == "visible"]
    links = [Link(page.title, page.url_path, link_parameters(), page.title == current.title, FILTERS) for page in visible]
    show_links(links, text("Pages"))


def show_breadcrumb(view: View, current: StreamlitPage) -> None:
    """The way down, from All to the deepest level chosen, as links back up to each; on the page that is shown."""
    kept = {name: st.query_params.get_all(name) for name in KEPT_ON_THE_WAY} | link_parameters()
    chosen = [level for level in LEVELS if level in view.where]
    crumbs = [(text("All"), "")] + [(", ".join(view.where[level]), level) for level in chosen]
    deepest = len(crumbs) - 1
    links = [Link(words, current.url_path, above(kept, level), place == deepest, ()) for place, (words, level) in enumerate(crumbs)]
    show_links(links, text("Levels"), between="›")


def above(parameters: Mapping[str, list[str]], level: str) -> dict[str, list[str]]:
    """The parameters without the filters below a level; of no level, without any."""
    given_up = LEVELS[LEVELS.index(level) + 1 :] if level else LEVELS
    return {name: values for name, values in parameters.items() if name not in given_up}


def link_parameters() -> dict[str, list[str]]:
    """The filters as a link to another page must carry them; a default is not written."""
    chosen = {level: list(st.session_state[level]) for level in LEVELS if st.session_state.get(level)}
    if st.session_state["range"] != DEFAULT_RANGE:
        chosen["range"] = [text(RANGE_WORDS[st.session_state["range"]])]
    if st.session_state["range"] == "custom":
        chosen |= {name: [st.session_state[name].isoformat()] for name in ("from", "to") if st.session_state.get(name)}
    if st.session_state["compare"] != COMPARISONS[0]:
        chosen["compare"] = [text(COMPARISON_WORDS[st.session_state["compare"]])]
    return chosen


def _say_what_is_unknown(state: State) -> None:
    """A link may name what these data do not have; before the filters drop it, it is said."""
    for level in LEVELS:
        unknown = [value for value in st.query_params.get_all(level) if value not in browse.values_of(state, level)]
        if unknown:
            names = plain(", ".join(unknown))
            st.warning(
                text("The link asks for {level} {names}, which these data do not have.", level=text(LEVEL_WORDS[level]), names=names)
            )


def show_emptiness(view: View) -> None:
    """Nothing to show, and which filters did it; one click removes them."""
    names = ", ".join(text(LEVEL_WORDS[level]) for level in view.where)
    why = text("No events on these days with these filters: {names}.", names=names) if names else text("No events on these days.")
    st.info(why, icon=":material/search_off:")
    if view.where:
        st.button(text("Clear all filters"), on_click=clear_levels, key="clear_empty")


def _choices(state: State, level: str) -> list[str]:
    known = browse.values_of(state, level)
    return st.multiselect(text(LEVEL_WORDS[level]), known, key=level, bind="query-params", placeholder=text("All"), disabled=not known)


def _show_line(view: View) -> None:
    """Freshness, the days shown, and what is wrong with the data."""
    first, last = view.dates.start, view.dates.end - timedelta(days=1)
    days = day_text(last) if first == last else text("{first} to {last}", first=day_text(first), last=day_text(last))
    if first.year == 1:
        days = text("until {last}", last=day_text(last))
    refused = sum(bool(verdict.message) for verdict in view.state.verdicts)
    kept_aside = sum(verdict.kept_aside for verdict in view.state.verdicts)
    synthetic = " · " + text("synthetic sample data") if browse.is_synthetic(view.state) else ""
    aside = " · " + text("{refused} files refused, {rows} rows kept aside: see Data", refused=refused, rows=kept_aside)
    st.caption(
        text(
            "Newest change known: {moment} · {days}{synthetic}{aside}",
            moment=moment_text(view.state.as_of, view.state.settings.calendar.default.zone),
            days=days,
            synthetic=synthetic,
            aside=aside if refused or kept_aside else "",
        )
    )


if __name__ == "__main__":
    import dashboard

    dashboard.main()
