"""The first page: a card per KPI, what it stands at and how it moved."""

from typing import Literal, NamedTuple

import streamlit as st

from kpi.cards import Card, cards
from kpi.figures import sparkline
from kpi.metrics import FAMILIES, HEADLINES
from kpi.targets import valid_on
from kpi.words import text
from kpi.words.sentences import left_out_sentence, standing_sentence, status_text
from kpi.words.values import count_text, difference_text, relative_text, value_text
from pages.filters import show_emptiness
from pages.view import View, cached, filters_in_link

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
    kpi, figure, currency = card.kpi, card.figure, view.currency
    if card.missing:
        st.metric(text(kpi.label), text("Not measured"), help=text(kpi.meaning))
        st.caption(text("No column {columns} in the extracts.", columns=", ".join(card.missing)))
        return
    delta = _delta(card, currency)
    st.metric(
        text(kpi.label),
        value_text(figure.value, kpi.unit, currency),
        help=text(kpi.meaning),
        delta=delta.words,
        delta_arrow=delta.arrow,
        delta_color=delta.colour,
        delta_description=text("against the comparison") if delta.words else None,
    )
    st.markdown(f"**{status_text(card.standing)}**")
    st.caption(standing_sentence(card.standing, kpi, currency))
    _show_course(view, card)
    notes = [text("n = {n}", n=count_text(figure.n)), left_out_sentence(figure)]
    if not figure.is_enough:
        notes.insert(0, text("Not enough data: {n} of {floor} events.", n=figure.n, floor=kpi.floor))
    st.caption(" · ".join(note for note in notes if note))
    st.page_link(
        st.session_state["kpi_page"],
        label=text("Open chart"),
        icon=":material/show_chart:",
        query_params={**filters_in_link(), "kpi": text(FAMILIES[kpi.family][0].label)},
    )


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
