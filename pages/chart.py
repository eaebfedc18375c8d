"""A KPI's control chart with everything it says: verdict, phases, deviations, a proposed step, its method and its table."""

from datetime import date
from typing import Any

import streamlit as st

from kpi import browse, phases
from kpi.control import ControlChart, Proposal, control_charts
from kpi.figures import control_figure
from kpi.metrics import Kpi
from kpi.periods import Every, start_of
from kpi.phases import Phase
from kpi.report import Question
from kpi.spc.rules import GRADED, RULES
from kpi.store import State
from kpi.words import text
from kpi.words.charts import (
    episode_sentence,
    limits_sentence,
    phase_sentence,
    proposal_sentence,
    rule_sentence,
    rules_sentence,
    signal_sentence,
    symbols_sentence,
    untested_sentence,
    verdict_sentence,
)
from kpi.words.safe import plain
from kpi.words.sentences import closed_only_sentence, period_text
from kpi.words.values import count_text, day_text, value_text
from pages.address import asked_of
from pages.filters import link_parameters
from pages.plot import show_plot
from pages.view import View, cached, data_folder

MOST_SIGNALS = 5


def _drawn(state: State, question: Question, chart_name: str, rules_name: str) -> tuple[list[ControlChart], str]:
    """The chart and its figure, made once for all viewers."""
    charts = control_charts(state, question, chart_name, rules_name)
    currency = state.settings.definitions.currency
    return charts, control_figure(charts[0], question.every or "day", currency).to_json() if charts else ""


def show_chart(view: View, kpi: Kpi, every: Every, chart_name: str, rules_name: str) -> None:
    """The figure first, then what it says, then how it judges."""
    charts, figure = cached(_drawn, view, view.question((kpi,), every, ()), chart_name, rules_name)
    if not charts or all(point.figure.value is None for point in charts[0].points):
        st.info(text("No single period has a value. Choose longer periods or more days."), icon=":material/hourglass_empty:")
        return
    chart = charts[0]
    st.markdown(f"**{verdict_sentence(chart)}**")
    show_plot(
        figure,
        key="control_chart",
        alt=text("Control chart of {label}", label=text(kpi.label)),
        question=(kpi.name, every, chart_name, link_parameters()),
        chosen=_chosen_period(every),
        take=_take_point,
    )
    for sentence in (limits_sentence(chart, every), symbols_sentence(chart)):
        if sentence:
            st.caption(sentence)
    for sentence in (phase_sentence(span, every) for span in chart.spans):
        if sentence:
            st.caption(plain(sentence))
    if kpi.on == "opened_on" and (bias := closed_only_sentence(browse.closed_only(view.state))):
        st.warning(plain(bias), icon=":material/balance:")
    _show_deviations(chart, every, view.currency)
    if chart.proposal is not None:
        _show_proposal(view, chart, chart.proposal, every)
    _show_method(chart)
    with st.expander(text("Table of the chart")):
        st.dataframe(_point_rows(chart, every, view.currency), hide_index=True, alt=text("The points of the chart as a table"))


def _take_point(word: str) -> None:
    """A click on a point chooses its period."""
    chosen = date.fromisoformat(word)
    st.session_state["point"] = chosen
    st.toast(text("The events from {day} on are below the chart.", day=day_text(chosen)), icon=":material/arrow_downward:")


def _chosen_period(every: Every) -> str | None:
    """The start of the period whose events are shown below."""
    try:
        return start_of(date.fromisoformat(str(asked_of("point"))), every).isoformat()
    except ValueError:
        return None


def _show_deviations(chart: ControlChart, every: Every, currency: str) -> None:
    """Episodes of the default rules, single signals of the others; the newest first."""
    if not any(point.is_tested for point in chart.points):
        st.caption(untested_sentence(chart))
        return
    if chart.rules is GRADED:
        sentences = [episode_sentence(chart, one, every, currency) for one in chart.episodes]
    else:
        sentences = [signal_sentence(chart, point, every, currency) for point in chart.points if point.signals]
    if not sentences:
        st.caption(text("No signal: the variation in these periods is what this process usually shows."))
    for sentence in reversed(sentences[-MOST_SIGNALS:]):
        st.markdown(f"- {plain(sentence)}")
    if len(sentences) > MOST_SIGNALS:
        st.caption(text("The newest {shown} of {all}.", shown=MOST_SIGNALS, all=count_text(len(sentences))))


def _show_proposal(view: View, chart: ControlChart, proposal: Proposal, every: Every) -> None:
    """A step that a person may accept: only they know what happened."""
    st.info(plain(proposal_sentence(chart, proposal, every, view.currency)), icon=":material/stairs:")
    if any(len(values) != 1 for values in view.where.values()):
        st.caption(text("To accept it as a new phase, choose one value in each filter."))
        return
    with st.expander(text("Accept it as a new phase: the limits start anew there")):
        reason = st.text_input(text("What changed?"), key="phase_reason", max_chars=200)
        name = st.text_input(text("Your name"), key="phase_name", max_chars=80)
        st.button(
            text("Accept"),
            key="phase_accept",
            disabled=not (reason.strip() and name.strip()),
            on_click=phases.accept,
            args=(
                data_folder(),
                Phase(
                    kpi=chart.kpi.name,
                    where={level: values[0] for level, values in view.where.items()},
                    starts_on=proposal.starts,
                    baseline_until=None,
                    reason=reason.strip(),
                    accepted_by=name.strip(),
                    accepted_on=date.today(),
                ),
            ),
        )
        st.caption(text("It is written to phases.toml in the data folder, where it can be corrected; the page follows within seconds."))


def _show_method(chart: ControlChart) -> None:
    with st.expander(text("How this chart judges")):
        st.text(
            text("{label}: {equation}. {source}.", label=text(chart.chart.label), equation=chart.chart.equation, source=chart.chart.source)
        )
        for rule in chart.rules.rules:
            st.text(text("Marked: {definition}.", definition=rule_sentence(rule)))
        st.text(rules_sentence(chart.rules))


def _point_rows(chart: ControlChart, every: Every, currency: str) -> list[dict[str, Any]]:
    unit = chart.kpi.unit
    return [
        {
            text("Period"): period_text(point.period, every),
            text("Value"): value_text(point.figure.value, unit, currency),
            text("n"): point.figure.n,
            text("Centre"): value_text(point.centre, unit, currency),
            text("Lower limit"): value_text(point.lower, unit, currency),
            text("Upper limit"): value_text(point.upper, unit, currency),
            text("Distance (sigma)"): None if point.z is None else round(point.z, 2),
            text("Target"): value_text(point.aim, unit, currency),
            text("Alert threshold"): value_text(point.alert, unit, currency),
            text("Signal"): ", ".join(text(RULES[name].label) for name in point.signals),
            text("Complete"): text("yes") if point.figure.is_complete else text("no"),
        }
        for point in reversed(chart.points)
    ]


if __name__ == "__main__":
    import dashboard

    dashboard.main()
