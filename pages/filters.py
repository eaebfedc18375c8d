"""The filters beside every page, and the line that says what is shown; their values stand in the URL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kpi import asking, browse
from kpi.errors import ConfigError
from kpi.periods import COMPARISONS, Comparison
from kpi.store import State
from kpi.words import counted, text
from kpi.words.safe import plain
from kpi.words.sentences import later_sentence
from kpi.words.values import day_text, moment_text
from pages.address import look_up, look_up_day
from pages.links import Link, show_links
from pages.view import LEVELS, View, as_known_at, chosen_dates, data_folder, last_day

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
FILTERS = ("range", "from", "to", *LEVELS, "compare", "asof")
"""The names of the filters in the address."""

KEPT_ON_THE_WAY = ("kpi", "every", "chart", "rules", "on", "measure", "units", "mix")
"""What a page's own choices keep when a level is given up; a chosen point is not, for it was one of the level below."""

DAY_WORDS = {"from": "From", "to": "To"}
LEVEL_WORDS = {"region": "Region", "store": "Store", "channel": "Channel", "service": "Service"}


def show_filters(published: State) -> View:
    """Draw the filters and the line above the page; what was chosen."""
    with st.sidebar:
        st.subheader(text("What to show"))
        filters = st.container()
        word = st.text_input(
            text("As known at"),
            key="asof",
            bind="query-params",
            max_chars=40,
            placeholder=text("now"),
            help=text("A moment such as 2026-01-31T18:00, or a day for its beginning: the pages show what was known then."),
        )
    as_of = _moment(word, published)
    state = published if as_of is None else _known_at(published, as_of)
    _look_up_filters(state, published)
    with filters:
        st.selectbox(
            text("Days"),
            RANGE_WORDS,
            index=list(RANGE_WORDS).index(DEFAULT_RANGE),
            key="range",
            bind="query-params",
            format_func=lambda word: text(RANGE_WORDS[word]),
            on_change=_begin_with_days,
            args=(state,),
        )
        if st.session_state["range"] == "custom":
            st.date_input(text("From"), value=None, key="from", bind="query-params", format="YYYY-MM-DD")
            st.date_input(text("To"), value=None, key="to", bind="query-params", format="YYYY-MM-DD")
        where = {level: tuple(_choices(level, _values(state, published, level))) for level in LEVELS}
        comparison = st.selectbox(
            text("Compare with"),
            COMPARISONS,
            key="compare",
            bind="query-params",
            format_func=lambda word: text(COMPARISON_WORDS[word]),
        )
    chosen = {level: values for level, values in where.items() if values}
    view = View(state, chosen_dates(state), chosen, comparison, published.version, as_of)
    _show_line(view)
    _show_moment(view, published)
    _show_days_in_doubt(view)
    return view


def _moment(word: str, published: State) -> datetime | None:
    """The moment that was asked for; one that cannot be read is said and not applied."""
    try:
        return asking.moment(word.strip(), published.settings.calendar.default.zone) if word.strip() else None
    except ConfigError as error:
        st.warning(plain(text("{why} The page shows what is known now.", why=error)), icon=":material/history_toggle_off:")
        return None


def _known_at(published: State, as_of: datetime) -> State:
    with st.spinner(text("Reading what was known then")):
        return as_known_at(str(data_folder()), published.version, as_of)


def _values(state: State, published: State, level: str) -> list[str]:
    """What can be chosen: also what was not known yet, so that a filter is kept on the way back to now."""
    return sorted({*browse.values_of(published, level), *browse.values_of(state, level)})


def _show_moment(view: View, published: State) -> None:
    """That the page is of the past, and the way back."""
    if view.as_of is None:
        return
    zone = published.settings.calendar.default.zone
    words = text("As known at {moment}: later corrections and events are not in it.", moment=moment_text(view.as_of, zone))
    st.info(" ".join(sentence for sentence in (words, later_sentence(view.as_of, published, zone)) if sentence), icon=":material/history:")
    now = {name: values for name, values in _kept_on_the_way().items() if name != "asof"}
    show_links([Link(text("Back to now"), None, now, is_here=False, carried=())], text("Moment"))


def _look_up_filters(state: State, published: State) -> None:
    """A link may name what these data do not have."""
    look_up("range", map(text, RANGE_WORDS.values()), text("the days"))
    look_up("compare", map(text, COMPARISON_WORDS.values()), text("the comparison"))
    for name, label in DAY_WORDS.items():
        look_up_day(name, text(label))
    for level in LEVELS:
        look_up(level, _values(state, published, level), text(LEVEL_WORDS[level]))


def _begin_with_days(state: State) -> None:
    """From and to begin with the last four weeks; they are chosen days then, which stand in the address and do not move."""
    if st.session_state["range"] == "custom" and not (st.session_state.get("from") or st.session_state.get("to")):
        last = last_day(state)
        for name, chosen in (("from", last - timedelta(days=27)), ("to", last)):
            st.session_state[name] = chosen
            st.query_params[name] = chosen.isoformat()  # a widget that is new writes only what a person changes in it


def _show_days_in_doubt(view: View) -> None:
    """Chosen days that cannot be meant as they stand."""
    first, last = (st.session_state.get(name) for name in DAY_WORDS)
    if st.session_state["range"] != "custom":
        return
    if first and last and first > last:
        st.warning(text("From is later than To: they are read the other way round."), icon=":material/swap_horiz:")
    if max(first or last or view.state.known_on, last or view.state.known_on) > view.state.known_on:
        st.warning(text("Nothing is known of days after {day}.", day=day_text(view.state.known_on)), icon=":material/update:")


def show_pages(pages: Sequence[StreamlitPage], current: StreamlitPage) -> None:
    """The way to the other pages; each link carries the filters."""
    visible = [page for page in pages if page.visibility == "visible"]
    links = [Link(page.title, page.url_path, link_parameters(), page.title == current.title, FILTERS) for page in visible]
    show_links(links, text("Pages"))


def show_breadcrumb(view: View, current: StreamlitPage) -> None:
    """The way down, from All to the deepest level chosen, as links back up to each; on the page that is shown."""
    kept = _kept_on_the_way()
    chosen = [level for level in LEVELS if level in view.where]
    crumbs = [(text("All"), "")] + [(", ".join(view.where[level]), level) for level in chosen]
    deepest = len(crumbs) - 1
    links = [Link(words, current.url_path, above(kept, level), place == deepest, ()) for place, (words, level) in enumerate(crumbs)]
    show_links(links, text("Levels"), between="›")


def _kept_on_the_way() -> dict[str, list[str]]:
    """The page's own choices and the filters, as a link to the same page carries them."""
    return {name: st.query_params.get_all(name) for name in KEPT_ON_THE_WAY} | link_parameters()


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
    if st.session_state["asof"].strip():
        chosen["asof"] = [st.session_state["asof"]]
    return chosen


def show_emptiness(view: View) -> None:
    """Nothing to show, and which filters did it; one click removes them."""
    names = ", ".join(text(LEVEL_WORDS[level]) for level in view.where)
    why = text("No events on these days with these filters: {names}.", names=names) if names else text("No events on these days.")
    st.info(why, icon=":material/search_off:")
    kept = _kept_on_the_way()
    links = [Link(text("Clear all filters"), None, above(kept, ""), is_here=False, carried=())] if view.where else []
    if st.session_state["range"] != "all":
        without_days = {name: values for name, values in kept.items() if name not in ("range", *DAY_WORDS)}
        all_days = without_days | {"range": [text(RANGE_WORDS["all"])]}
        links.append(Link(text("Show all days"), None, all_days, is_here=False, carried=()))
    show_links(links, text("Ways out"))


def _choices(level: str, known: list[str]) -> list[str]:
    return st.multiselect(text(LEVEL_WORDS[level]), known, key=level, bind="query-params", placeholder=text("All"), disabled=not known)


def _show_line(view: View) -> None:
    """Freshness, the days shown, and what is wrong with the data."""
    first, last = view.dates.start, view.dates.end - timedelta(days=1)
    days = day_text(last) if first == last else text("{first} to {last}", first=day_text(first), last=day_text(last))
    if first.year == 1:
        days = text("until {last}", last=day_text(last))
    refused = sum(bool(verdict.message) for verdict in view.state.verdicts)
    kept_aside = sum(verdict.kept_aside for verdict in view.state.verdicts)
    newest = text("Newest change known: {moment}", moment=moment_text(view.state.as_of, view.state.settings.calendar.default.zone))
    files = counted("{count} file refused", "{count} files refused", refused)
    rows = counted("{count} row kept aside", "{count} rows kept aside", kept_aside)
    parts = [
        "" if view.as_of else newest,
        days,
        text("synthetic sample data") if browse.is_synthetic(view.state) else "",
        text("{files}, {rows}: see Data", files=files, rows=rows) if refused or kept_aside else "",
    ]
    st.caption(" · ".join(part for part in parts if part))


if __name__ == "__main__":
    import dashboard

    dashboard.main()
