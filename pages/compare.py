"""Compare: which units stand out from the others, told fairly, and the way down to one of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import streamlit as st

from kpi.compare import MIXES, Comparison, Mix, Peer, comparison
from kpi.events import DIMENSIONS
from kpi.funnel_figure import funnel_figure
from kpi.metrics import FAMILIES, missing
from kpi.report import ALWAYS
from kpi.words import text
from kpi.words.comparisons import (
    basis_sentence,
    centre_sentence,
    few_sentence,
    method_sentences,
    note_text,
    obstacle_sentence,
    places_text,
    range_text,
    stand_out_sentences,
    tier_text,
    tiers_sentence,
)
from kpi.words.safe import plain
from kpi.words.sentences import figure_text, unmeasured_sentence
from kpi.words.values import count_text, short_day_text, value_text
from pages.address import asked_of, look_up
from pages.filters import FILTERS, link_parameters, show_emptiness
from pages.kpi import BY_WORDS
from pages.links import Link, show_links
from pages.plot import show_plot
from pages.view import LEVELS, View, cached

MIX_WORDS: dict[Mix, str] = {"adjusted": "Adjusted", "unadjusted": "Unadjusted"}


def show(view: View) -> None:
    """Choice of KPI, dimension and adjustment; the funnel with its sentences; the table of tiers."""
    st.title(text("Compare"))
    _look_up_choices(view)
    name, by, mix = _choices(view)
    kpi = view.kpi(name)
    st.subheader(text(kpi.label))
    st.caption(text(kpi.meaning))
    if missing(kpi, view.state.measured):
        st.info(text("Not measured. {why}", why=plain(unmeasured_sentence(kpi, view.state.measured))), icon=":material/block:")
        return
    found = cached(comparison, view, view.question((kpi,), None, (by,)), mix)
    if found.obstacle:
        _show_obstacle(view, found)
    else:
        _show_funnel(view, found)
    if found.peers:
        _show_way_down(found)
        _show_table(view, found)


def _dimensions(view: View) -> list[str]:
    return [dimension for dimension in DIMENSIONS if dimension in (*LEVELS, *view.state.measured)]


def _look_up_choices(view: View) -> None:
    """A link may name what there is not here."""
    look_up("measure", (text(variants[0].label) for variants in FAMILIES.values()), text("the KPI"))
    look_up("units", (text(BY_WORDS[name]) for name in _dimensions(view)), text("units by"))
    look_up("mix", map(text, MIX_WORDS.values()), text("the service mix"))


def _choices(view: View) -> tuple[str, str, Mix]:
    with st.container(horizontal=True, gap="medium"):
        name = st.selectbox(
            text("KPI"),
            list(FAMILIES),
            key="measure",
            bind="query-params",
            format_func=lambda family: text(FAMILIES[family][0].label),
            width=320,
        )
        known = _dimensions(view)
        by = st.selectbox(
            text("Compare by"),
            known,
            index=known.index("store"),
            key="units",
            bind="query-params",
            format_func=lambda word: text(BY_WORDS[word]),
            width=200,
        )
        mix = st.segmented_control(
            text("Service mix"),
            MIXES,
            default=MIXES[0],
            required=True,
            key="mix",
            bind="query-params",
            format_func=lambda word: text(MIX_WORDS[word]),
        )
    return name, by, mix or MIXES[0]


def _show_obstacle(view: View, found: Comparison) -> None:
    """No events, one unit, too few of them and a KPI without a funnel are different states."""
    if found.obstacle == "nothing":
        show_emptiness(view)
        st.caption(obstacle_sentence(found))
    else:
        st.info(plain(obstacle_sentence(found)), icon=":material/balance:")


def _show_funnel(view: View, found: Comparison) -> None:
    for sentence in stand_out_sentences(found, view.currency):
        st.markdown(f"**{plain(sentence)}**")
    st.caption(plain(basis_sentence(found)))
    figure = funnel_figure(found, view.currency)
    show_plot(
        figure.to_json(),
        key="funnel",
        alt=text("Funnel of {label} by {dimension}", label=text(found.kpi.label), dimension=text(BY_WORDS[found.by]).lower()),
        question=(found.kpi.name, found.by, found.basis, figure.layout.xaxis.type, link_parameters()),
        chosen=asked_of("unit"),
        take=_take_dot,
    )
    sentences = (centre_sentence(found, view.currency), tiers_sentence(found), few_sentence(found))
    st.caption(plain(" ".join(sentence for sentence in sentences if sentence)))
    with st.expander(text("How units are compared")):
        for sentence in method_sentences(found):
            st.text(sentence)


def _show_table(view: View, found: Comparison) -> None:
    key = f"units {found.by} {sorted(view.where.items())}"  # a table of other units has no row ticked
    st.dataframe(
        [_row(one, found, view.currency) for one in found.peers],
        hide_index=True,
        key=key,
        on_select=_take_row(key, found),
        selection_mode="single-row",
        column_config={text("Note"): st.column_config.Column(width="medium")},
        alt=text("Units, the worst tier first"),
    )
    first, last = short_day_text(found.dates.start), short_day_text(found.dates.end - timedelta(days=1))
    days = text("until {last}", last=last) if found.dates.start == ALWAYS.start else text("{first} to {last}", first=first, last=last)
    st.caption(text("Worst first; complete days only: {days}.", days=days))


def _row(one: Peer, found: Comparison, currency: str) -> dict[str, Any]:
    unit = found.kpi.unit
    row = {text(BY_WORDS[found.by]): one.name}
    if not found.obstacle:
        row |= {text("Tier"): tier_text(one, found)}
    row |= {text("Note"): note_text(one), text("Value"): figure_text(one.answer, currency)}
    if found.basis == "adjusted":
        row |= {text("Adjusted"): value_text(one.adjusted, unit, currency)}
    row |= {text("n"): count_text(one.answer.n)}
    if not found.obstacle:
        row |= {text("95 % interval"): range_text(one.interval, one, currency), text("Place"): places_text(one)}
    return row


def _take_dot(name: str) -> None:
    """A click on a dot chooses its unit."""
    st.session_state["unit"] = name


def _take_row(key: str, found: Comparison) -> Callable[[], None]:
    def take() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(found.peers):
            st.session_state["unit"] = found.peers[rows[0]].name

    return take


def _show_way_down(found: Comparison) -> None:
    """The chosen unit, and the link to its control chart; a unit of other days or filters is no longer chosen."""
    if found.by not in LEVELS:
        return
    names = [one.name for one in found.peers]
    if "unit" in st.session_state and st.session_state["unit"] not in names:
        st.session_state["unit"] = None
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        unit = st.selectbox(
            text("Go down to"), names, index=None, key="unit", bind="query-params", placeholder=text("Click a dot or tick a row"), width=260
        )
        if unit:
            asked = link_parameters() | {"kpi": [text(FAMILIES[found.kpi.family][0].label)], found.by: [unit]}
            carried = [name for name in FILTERS if name != found.by]
            chart = Link(text("Open the control chart of {name}", name=unit), "kpi", asked, is_here=False, carried=carried)
            show_links([chart], text("Way down"))


if __name__ == "__main__":
    import dashboard

    dashboard.main()
