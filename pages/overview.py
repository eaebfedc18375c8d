"""The first page: a card per KPI, what it stands at and how it moved."""

from datetime import timedelta
from typing import Literal, NamedTuple

import streamlit as st

from kpi.cards import Card, cards, headlines
from kpi.figures import sparkline
from kpi.metrics import FAMILIES, missing
from kpi.report import Answer
from kpi.targets import valid_on
from kpi.words import text
from kpi.words.sentences import (
    all_unmeasured_sentence,
    begins_sentence,
    beside_sentence,
    binned_text,
    bounds_sentence,
    figure_text,
    fresh_sentence,
    interval_sentence,
    left_out_sentence,
    limit_sentence,
    standing_sentence,
    status_text,
)
from kpi.words.values import count_text, difference_text, is_zero, relative_text, short_day_text
from pages.filters import FILTERS, link_parameters, show_emptiness
from pages.links import Link, show_links
from pages.view import View, cached

CARDS_IN_A_ROW = 3


class Delta(NamedTuple):
    """A change in words, with the arrow and the colour that go with it."""

    words: str | None
    arrow: Literal["up", "down", "off"]
    colour: Literal["green", "orange", "off"]


def show(view: View) -> None:
    """Cards, three in a row; stacked on a phone. What is not measured is said in a line at the end."""
    st.title(text("Overview"))
    kpis, lacking = headlines(view.state)
    found = cached(cards, view, view.question(kpis, None, ()), view.comparison)
    if all(card.is_empty for card in found):
        show_emptiness(view)
        return
    for start in range(0, len(found), CARDS_IN_A_ROW):
        for column, card in zip(st.columns(CARDS_IN_A_ROW), found[start : start + CARDS_IN_A_ROW], strict=False):
            with column.container(border=True, height="stretch"):
                _show_card(view, card)
    if sentence := all_unmeasured_sentence({kpi.label: missing(kpi, view.state.measured) for kpi in lacking}):
        st.caption(sentence)


def _show_card(view: View, card: Card) -> None:
    show_figure(view, card, text(card.kpi.label))
    _show_course(view, card)
    parameters = link_parameters() | {"kpi": [text(FAMILIES[card.kpi.family][0].label)]}
    chart = Link(text("Open chart"), "kpi", parameters, is_here=False, carried=FILTERS)
    show_links([chart], text(card.kpi.label))


def show_figure(view: View, card: Card, label: str) -> None:
    """The figure with its change, where it stands against the target, the figures to read it with, and how sure it is."""
    kpi, figure, currency = card.kpi, card.figure, view.currency
    delta = _delta(card, currency)
    st.metric(
        label,
        _figure_words(figure, currency),
        help=text(kpi.meaning),
        delta=delta.words,
        delta_arrow=delta.arrow,
        delta_color=delta.colour,
        delta_description=_held_against(card) if delta.words else None,
    )
    st.markdown(f"**{status_text(card.standing)}**")
    st.caption(standing_sentence(card.standing, kpi, currency))
    for words in (limit_sentence(card.limit, card.standing.target), beside_sentence(card.beside, currency)):
        if words:
            st.caption(words)
    st.caption(" · ".join(note for note in _notes(card, currency) if note))


def _figure_words(figure: Answer, currency: str) -> str:
    """The value; in brackets where it rests on few events, and a word where there is none."""
    if figure.value is None and not figure.is_not_reached:
        return text("Nothing to judge yet")
    words = figure_text(figure, currency)
    return words if figure.is_enough else text("({value})", value=words)


def _notes(card: Card, currency: str) -> list[str]:
    """How sure the figure is, what it does not contain, and until when it stands."""
    figure = card.figure
    few = "" if figure.is_enough else text("Not enough data: {n} of {floor} events.", n=figure.n, floor=card.kpi.floor)
    return [
        few,
        text("n = {n}", n=count_text(figure.n)),
        interval_sentence(figure, currency),
        bounds_sentence(figure, currency),
        binned_text() if figure.is_binned else "",
        left_out_sentence(figure),
        fresh_sentence(card.complete_until - timedelta(days=1)),
        begins_sentence(card.begins),
    ]


def _held_against(card: Card) -> str:
    """Which earlier days the change is against."""
    before = card.change.before_dates if card.change else None
    if before is None:
        return ""
    last = short_day_text(before.end - timedelta(days=1))
    if card.kpi.aggregate == "stock":
        return text("against {day}", day=last)
    return text("against {first} to {last}", first=short_day_text(before.start), last=last)


def _delta(card: Card, currency: str) -> Delta:
    """The change as st.metric wants it: colour follows the KPI's better direction, the arrow the sign."""
    change = card.change
    if change is None or change.difference is None or not (change.now.is_enough and change.before.is_enough):
        return Delta(None, "off", "off")
    words = difference_text(change.difference, card.kpi.unit, currency)
    is_none = is_zero(words)
    if card.kpi.unit != "share":
        words = f"{words} ({relative_text(change.relative)})"
    if is_none:
        return Delta(words, "off", "off")
    rises = change.difference > 0
    return Delta(words, "up" if rises else "down", "green" if rises == (card.kpi.better == "higher") else "orange")


def _show_course(view: View, card: Card) -> None:
    values = tuple(one.value for one in card.course)
    target = valid_on(view.state.settings.targets, card.kpi, view.state.known_on)
    aim = target.aim if target and target.against == "value" else None
    description = text("Course of {label}", label=text(card.kpi.label))
    drawing = sparkline(values, aim, bool(card.course) and not card.course[-1].is_complete, description)
    if drawing:
        st.image(drawing, width="stretch", alt=description)


if __name__ == "__main__":
    import dashboard

    dashboard.main()
