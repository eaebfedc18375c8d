"""The first page: a card per KPI, what it stands at and how it moved."""

from datetime import timedelta
from typing import Literal, NamedTuple

import streamlit as st

from kpi.cards import Card, cards
from kpi.figures import sparkline
from kpi.metrics import FAMILIES, HEADLINES
from kpi.targets import valid_on
from kpi.words import text
from kpi.words.sentences import (
    beside_sentence,
    bounds_sentence,
    figure_text,
    interval_sentence,
    left_out_sentence,
    standing_sentence,
    status_text,
)
from kpi.words.values import count_text, difference_text, relative_text, short_day_text
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
    """Cards, three in a row; stacked on a phone."""
    st.title(text("Overview"))
    found = cached(cards, view, view.question(tuple(view.kpi(name) for name in HEADLINES), None, ()), view.comparison)
    if not any(card.figure.n for card in found):
        show_emptiness(view)
        return
    for start in range(0, len(found), CARDS_IN_A_ROW):
        for column, card in zip(st.columns(CARDS_IN_A_ROW), found[start : start + CARDS_IN_A_ROW], strict=False):
            with column.container(border=True, height="stretch"):
                _show_card(view, card)


def _show_card(view: View, card: Card) -> None:
    if card.missing:
        st.metric(text(card.kpi.label), text("Not measured"), help=text(card.kpi.meaning))
        st.caption(text("No column {columns} in the extracts.", columns=", ".join(card.missing)))
        return
    show_figure(view, card, text(card.kpi.label))
    _show_course(view, card)
    st.caption(" · ".join(note for note in _notes(card, view.currency) if note))
    parameters = link_parameters() | {"kpi": [text(FAMILIES[card.kpi.family][0].label)]}
    chart = Link(text("Open chart"), "kpi", parameters, is_here=False, carried=FILTERS)
    show_links([chart], text(card.kpi.label))


def show_figure(view: View, card: Card, label: str) -> None:
    """The figure with its change, where it stands against the target, and the figures to read it with."""
    kpi, figure, currency = card.kpi, card.figure, view.currency
    delta = _delta(card, currency)
    st.metric(
        label,
        figure_text(figure, currency) if figure.is_enough else text("({value})", value=figure_text(figure, currency)),
        help=text(kpi.meaning),
        delta=delta.words,
        delta_arrow=delta.arrow,
        delta_color=delta.colour,
        delta_description=_held_against(card) if delta.words else None,
    )
    st.markdown(f"**{status_text(card.standing)}**")
    st.caption(standing_sentence(card.standing, kpi, currency))
    if beside := beside_sentence(card.beside, currency):
        st.caption(beside)


def _notes(card: Card, currency: str) -> list[str]:
    """How sure the figure is and what it does not contain."""
    figure = card.figure
    few = "" if figure.is_enough else text("Not enough data: {n} of {floor} events.", n=figure.n, floor=card.kpi.floor)
    return [
        few,
        text("n = {n}", n=count_text(figure.n)),
        interval_sentence(figure, currency),
        bounds_sentence(figure, currency),
        left_out_sentence(figure),
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
    if card.kpi.unit != "share":
        words = f"{words} ({relative_text(change.relative)})"
    if not change.difference:
        return Delta(words, "off", "off")
    rises = change.difference > 0
    return Delta(words, "up" if rises else "down", "green" if rises == (card.kpi.better == "higher") else "orange")


def _show_course(view: View, card: Card) -> None:
    values = [one.value for one in card.course]
    target = valid_on(view.state.settings.targets, card.kpi, view.state.known_on)
    aim = target.aim if target and target.against == "value" else None
    description = text("Course of {label}", label=text(card.kpi.label))
    drawing = sparkline(values, aim, bool(card.course) and not card.course[-1].is_complete, description)
    if drawing:
        st.image(drawing, width="stretch", alt=description)


if __name__ == "__main__":
    import dashboard

    dashboard.main()
