"""One KPI: its control chart, and the ranked parts that lead one level down."""

from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st

from kpi.browse import Selection, date_of
from kpi.cards import cards
from kpi.control import ControlChart, control_charts, fits
from kpi.events import DIMENSIONS
from kpi.figures import control_figure
from kpi.metrics import FAMILIES, Kpi, missing
from kpi.mix import Effects, effects
from kpi.periods import EVERY, Dates, Every, following, start_of
from kpi.ranking import lowest_tenth, ranked
from kpi.report import ALWAYS, Answer, answer, complete_until, parts_compared
from kpi.spc.charts import CHARTS
from kpi.spc.rules import BY_NAME, RULES
from kpi.words import text
from kpi.words.sentences import (
    figure_text,
    left_out_sentence,
    limits_sentence,
    mix_sentence,
    period_text,
    signal_sentence,
    untested_sentence,
)
from kpi.words.values import count_text, value_text
from pages.events import show_events
from pages.filters import show_emptiness
from pages.overview import show_figure
from pages.view import LEVELS, View, cached, drill

EVERY_WORDS: dict[Every, str] = {"day": "Day", "week": "Week", "month": "Month", "quarter": "Quarter"}
BY_WORDS = {
    "region": "Region",
    "store": "Store",
    "channel": "Channel",
    "service": "Service",
    "agent": "Agent",
    "segment": "Segment",
    "touchpoint": "Touchpoint",
    "priority": "Priority",
}
MOST_SIGNALS = 5


def show(view: View) -> None:
    """Choice of KPI and cadence, the chart with its sentences, the ranked table."""
    name = st.selectbox(
        text("KPI"), list(FAMILIES), key="kpi", bind="query-params", format_func=lambda family: text(FAMILIES[family][0].label)
    )
    kpi = view.kpi(name)
    st.title(text(kpi.label))
    st.caption(text(kpi.meaning))
    if lacking := missing(kpi, view.state.measured):
        st.info(text("Not measured: no column {columns} in the extracts.", columns=", ".join(lacking)), icon=":material/block:")
        return
    show_figure(view, cached(cards, view, view.question((kpi,), None, ()), view.comparison)[0], text("All these days"))
    every, by, chart_name = _choices(view, kpi)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _show_chart(view, kpi, every, chart_name)
    with right:
        _show_parts(view, kpi, by)
    _show_point(view, kpi, every)


def _choices(view: View, kpi: Kpi) -> tuple[Every, str, str]:
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
        known = [name for name in DIMENSIONS if name in (*LEVELS, *view.state.measured)]
        by = st.selectbox(
            text("Compare parts by"),
            known,
            index=known.index(_next_level(view)),
            key="by",
            bind="query-params",
            format_func=lambda word: text(BY_WORDS[word]),
            width=200,
        )
        names = [kpi.chart, *(chart.name for chart in CHARTS if chart.name != kpi.chart and fits(chart, kpi))]
        labels = {chart.name: chart.label for chart in CHARTS}
        chart_name = st.selectbox(
            text("Chart"), names, key="chart", bind="query-params", format_func=lambda word: text(labels[word]), width=220
        )
    return every or "day", by, chart_name


def _next_level(view: View) -> str:
    """The level below the deepest one that is narrowed to one value."""
    narrowed = [place for place, level in enumerate(LEVELS) if len(view.where.get(level, ())) == 1]
    return LEVELS[min(max(narrowed, default=-1) + 1, len(LEVELS) - 1)]


def _show_chart(view: View, kpi: Kpi, every: Every, chart_name: str) -> None:
    charts = cached(control_charts, view, view.question((kpi,), every, ()), chart_name)
    if not charts or all(point.value is None for point in charts[0].points):
        show_emptiness(view)
        return
    chart = charts[0]
    st.plotly_chart(
        control_figure(chart, every, view.currency),
        key="control_chart",
        on_select=_take_point,
        selection_mode="points",
        config={"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]},
        alt=text("Control chart of {label}", label=text(kpi.label)),
    )
    st.caption(limits_sentence(chart))
    _show_method(chart)
    _show_signals(chart, every, view.currency)
    with st.expander(text("Table of the chart")):
        st.dataframe(_point_rows(chart, every, view.currency), hide_index=True, alt=text("The points of the chart as a table"))


def _show_method(chart: ControlChart) -> None:
    with st.expander(text("How this chart judges")):
        st.text(
            text("{label}: {equation}. {source}.", label=text(chart.chart.label), equation=chart.chart.equation, source=chart.chart.source)
        )
        for rule in RULES:
            st.text(text("Marked: {definition}.", definition=text(rule.definition)))


def _take_point() -> None:
    """A click on a point chooses its period; copied at once, because a selection is forgotten when the figure changes."""
    points = st.session_state["control_chart"]["selection"]["points"]
    if points:
        word = points[0]["customdata"]
        st.session_state["point"] = date.fromisoformat(word if isinstance(word, str) else word[0])


def _show_point(view: View, kpi: Kpi, every: Every) -> None:
    """The events of the chosen period."""
    chosen = st.date_input(text("Events of"), value=None, key="point", bind="query-params", format="YYYY-MM-DD", width=200)
    if not isinstance(chosen, date):
        st.caption(text("Click a point of the chart to see its events."))
        return
    start = start_of(chosen, every)
    st.subheader(period_text(start, every))
    dates = Dates(start, following(start, every))
    show_events(view, Selection(replace(view.question((), None, ()), dates=dates), date_of(kpi)), "point_page")


def _show_signals(chart: ControlChart, every: Every, currency: str) -> None:
    marked = [point for point in chart.points if point.signals][-MOST_SIGNALS:]
    if not any(point.is_tested for point in chart.points):
        st.caption(untested_sentence(chart))
        return
    if not marked:
        st.caption(text("No signal: the variation on these days is what this process usually shows."))
        return
    st.markdown("\n".join(f"- {signal_sentence(chart, point, every, currency)}" for point in reversed(marked)))


def _point_rows(chart: ControlChart, every: Every, currency: str) -> list[dict[str, Any]]:
    unit = chart.kpi.unit
    return [
        {
            text("Period"): period_text(point.period, every),
            text("Value"): value_text(point.value, unit, currency),
            text("n"): point.n,
            text("Centre"): value_text(point.centre, unit, currency),
            text("Lower limit"): value_text(point.lower, unit, currency),
            text("Upper limit"): value_text(point.upper, unit, currency),
            text("Target"): value_text(point.aim, unit, currency),
            text("Alert threshold"): value_text(point.alert, unit, currency),
            text("Signal"): ", ".join(text(BY_NAME[name].label) for name in point.signals),
            text("Complete"): text("yes") if point.is_complete else text("no"),
        }
        for point in reversed(chart.points)
    ]


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
        selection_mode="single-row",
        alt=text("Figures by part, worst first"),
    )
    st.caption(text("Worst first; complete days only."))
    if any(not one.is_enough for one in answers):
        st.caption(text("Below {floor} events a figure is shown, not ranked.", floor=kpi.floor))
    if by in LEVELS:
        st.caption(text("Tick a row to go down."))
    if effect := _effects(view, kpi, by):
        st.caption(mix_sentence(effect, kpi, view.currency))
    total = cached(answer, view, replace(question, by=()))
    if total and (sentence := left_out_sentence(total[0])):
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
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(answers) and by in LEVELS:
            drill(by, answers[rows[0]].group[0])
            st.session_state["by"] = LEVELS[min(LEVELS.index(by) + 1, len(LEVELS) - 1)]

    return narrow


def _effects(view: View, kpi: Kpi, by: str) -> Effects | None:
    """Mix and rate effect of the change on complete days, where both ranges have data."""
    if kpi.aggregate != "ratio" or view.dates.start == ALWAYS.start:
        return None
    question = replace(view.question((kpi,), None, (by,)), dates=_complete_days(view, kpi))
    if question.dates.days <= 0:
        return None
    before, now = cached(parts_compared, view, question, view.comparison)
    return effects(before, now)


if __name__ == "__main__":
    import dashboard

    dashboard.main()
