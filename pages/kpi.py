"""One KPI: its control chart, and the ranked parts that lead one level down."""

from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from kpi.browse import Selection, count, date_of, first_day, has_events
from kpi.cards import begins_late, cards
from kpi.completeness import complete_until
from kpi.control import fits
from kpi.events import DIMENSIONS
from kpi.figures import readable
from kpi.metrics import FAMILIES, Kpi, missing
from kpi.mix import Effects, effects
from kpi.periods import EVERY, Dates, Every, following, start_of
from kpi.ranking import lowest_tenth, ranked
from kpi.report import ALWAYS, Answer, answer, parts_compared, total
from kpi.spc.catalogue import CHARTS
from kpi.spc.rules import BY_NAME as RULE_SETS
from kpi.words import text
from kpi.words.safe import plain
from kpi.words.sentences import (
    behind_sentence,
    figure_text,
    left_out_sentence,
    mix_sentence,
    nothing_sentence,
    period_text,
    unmeasured_sentence,
)
from kpi.words.values import count_text
from pages.address import look_up, look_up_day
from pages.chart import show_chart
from pages.events import show_events
from pages.filters import FILTERS, link_parameters, show_emptiness
from pages.links import Link, show_links
from pages.overview import show_figure
from pages.view import LEVELS, View, cached, drill

EVERY_WORDS: dict[Every, str] = {"day": "Day", "week": "Week", "month": "Month", "quarter": "Quarter"}
NEXT_LEVEL = "next"
BY_WORDS = {
    NEXT_LEVEL: "Next level down",
    "region": "Region",
    "store": "Store",
    "channel": "Channel",
    "service": "Service",
    "agent": "Agent",
    "segment": "Segment",
    "touchpoint": "Touchpoint",
    "priority": "Priority",
}


def show(view: View) -> None:
    """Choice of KPI and cadence, the chart with its sentences, the ranked table."""
    labels = {family: text(kpis[0].label) for family, kpis in FAMILIES.items()}
    look_up("kpi", labels.values(), text("the KPI"))
    name = st.selectbox(text("KPI"), list(FAMILIES), key="kpi", bind="query-params", format_func=labels.__getitem__)
    kpi = view.kpi(name)
    st.title(text(kpi.label))
    st.caption(text(kpi.meaning))
    if missing(kpi, view.state.measured):
        why = unmeasured_sentence(kpi, view.state.measured)
        st.info(text("Not measured. {why}", why=plain(why)), icon=":material/block:")
        return
    if not has_events(view.state, Selection(view.question((), None, ()), date_of(kpi))):
        show_emptiness(view)
        return
    card = cached(cards, view, view.question((kpi,), None, ()), view.comparison)[0]
    show_figure(view, card, text("All these days"))
    every, by, chart_name, rules_name = _choices(view, kpi)
    if card.figure.value is None and not card.figure.is_not_reached:
        st.info(plain(nothing_sentence(card.figure)), icon=":material/hourglass_empty:")
        _show_point(view, kpi, every)
        return
    asked, every = every, readable(every, Dates(max(view.dates.start, first_day(view.state)), view.dates.end))
    if every != asked:
        st.caption(text("So many days are shown with one point a {every}.", every=text(EVERY_WORDS[every]).lower()))
    left, right = st.columns([2, 1], gap="medium")
    with left:
        show_chart(view, kpi, every, chart_name, rules_name)
    with right:
        _show_parts(view, kpi, by)
    _show_point(view, kpi, every)


def _choices(view: View, kpi: Kpi) -> tuple[Every, str, str, str]:
    names = [kpi.chart, *(chart.name for chart in CHARTS if chart.name != kpi.chart and fits(chart, kpi))]
    labels = {chart.name: text(chart.label) for chart in CHARTS if chart.name in names}
    known = [NEXT_LEVEL, *(name for name in DIMENSIONS if name in (*LEVELS, *view.state.measured))]
    look_up("every", map(text, EVERY_WORDS.values()), text("points a"))
    look_up("by", (text(BY_WORDS[name]) for name in known), text("parts by"))
    look_up("chart", labels.values(), text("the chart"))
    look_up("rules", (text(rules.label) for rules in RULE_SETS.values()), text("the rules"))
    with st.container(horizontal=True, gap="medium"):
        every = st.segmented_control(
            text("One point a"),
            EVERY,
            default="day",
            required=True,
            key="every",
            bind="query-params",
            format_func=lambda word: text(EVERY_WORDS[word]),
        )
        by = st.selectbox(
            text("Compare parts by"),
            known,
            key="by",
            bind="query-params",
            format_func=lambda word: text(BY_WORDS[word]),
            width=200,
        )
        chart_name = st.selectbox(text("Chart"), names, key="chart", bind="query-params", format_func=labels.__getitem__, width=220)
        rules_name = st.selectbox(
            text("Rules"),
            list(RULE_SETS),
            key="rules",
            bind="query-params",
            format_func=lambda word: text(RULE_SETS[word].label),
            width=200,
        )
    return every or "day", _next_level(view) if by == NEXT_LEVEL else by, chart_name, rules_name


def _next_level(view: View) -> str:
    """The level below the deepest one that is narrowed to one value."""
    narrowed = [place for place, level in enumerate(LEVELS) if len(view.where.get(level, ())) == 1]
    return LEVELS[min(max(narrowed, default=-1) + 1, len(LEVELS) - 1)]


def _show_point(view: View, kpi: Kpi, every: Every) -> None:
    """The events of the chosen period."""
    look_up_day("point", text("the events of"))
    chosen = st.date_input(text("Events of"), value=None, key="point", bind="query-params", format="YYYY-MM-DD", width=200)
    if not isinstance(chosen, date):
        st.caption(text("Click a point of the chart to see its events."))
        return
    start = start_of(chosen, every)
    st.subheader(period_text(start, every))
    question = replace(view.question((kpi,), None, ()), dates=Dates(start, following(start, every)))
    selection = Selection(question, date_of(kpi))
    st.caption(plain(behind_sentence(cached(total, view, question), count(view.state, selection))))
    show_events(view, selection, "point_page")


def _show_parts(view: View, kpi: Kpi, by: str) -> None:
    st.markdown(f"**{text('By {dimension}', dimension=text(BY_WORDS[by]).lower())}**")
    question = replace(view.question((kpi,), None, (by,)), dates=_complete_days(view, kpi))
    answers = ranked(cached(answer, view, question))
    if not answers:
        st.caption(text("Nothing to compare on complete days."))
        return
    lowest = lowest_tenth(answers)
    key = f"parts {by} {sorted(view.where.items())}"  # a table of other parts has no row ticked
    st.dataframe(
        [_part_row(view, one, one.group in lowest) for one in answers],
        hide_index=True,
        key=key,
        on_select=_drill_row(key, by, answers),
        selection_mode=["single-row", "single-cell"],
        alt=text("Figures by part, worst first"),
    )
    st.caption(text("Worst first; complete days only."))
    if any(not one.is_enough for one in answers):
        st.caption(text("Below {floor} events a figure is shown, not ranked.", floor=kpi.floor))
    if by == LEVELS[-1]:
        st.caption(text("Click a row to keep only it. This is the last level; below it are the events."))
        show_links([Link(text("Open the events"), "events", link_parameters(), is_here=False, carried=FILTERS)], text("Below"))
    elif by in LEVELS:
        st.caption(text("Click a row to go down."))
    if effect := _effects(view, kpi, by):
        st.caption(mix_sentence(effect, kpi, view.currency))
    if sentence := left_out_sentence(cached(total, view, replace(question, by=()))):
        st.caption(sentence)


def _complete_days(view: View, kpi: Kpi) -> Dates:
    end = min(view.dates.end, complete_until(view.state, kpi, None))
    return Dates(min(view.dates.start, end), end)


def _part_row(view: View, one: Answer, is_lowest: bool) -> dict[str, Any]:
    notes = text("lowest tenth") if is_lowest else "" if one.is_enough else text("few")
    return {
        text("Part"): one.group[0],
        text("Value"): figure_text(one, view.currency),
        text("n"): count_text(one.n),
        text("Note"): notes,
    }


def _drill_row(key: str, by: str, answers: list[Answer]) -> Any:
    def narrow() -> None:
        selection = st.session_state[key]["selection"]
        rows = [*selection["rows"], *(row for row, _ in selection["cells"])]
        if rows and rows[0] < len(answers) and by in LEVELS:
            drill(by, answers[rows[0]].group[0])
            st.session_state["by"] = NEXT_LEVEL

    return narrow


def _effects(view: View, kpi: Kpi, by: str) -> Effects | None:
    """Mix and rate effect of the change on complete days, where both ranges have data."""
    dates = _complete_days(view, kpi)
    if kpi.aggregate != "ratio" or dates.start == ALWAYS.start or dates.days <= 0 or begins_late(view.state, dates, view.comparison):
        return None
    question = replace(view.question((kpi,), None, (by,)), dates=dates)
    before, now = cached(parts_compared, view, question, view.comparison)
    return effects(before, now)


if __name__ == "__main__":
    import dashboard

    dashboard.main()
