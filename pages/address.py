"""What the address of a view asks for and there is not: Streamlit drops it in silence, so it is said before."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import streamlit as st

from kpi.words import text
from kpi.words.safe import plain

REFUSED = "refused"


def look_up(name: str, words: Iterable[str], label: str) -> None:
    """Before a widget that shows these words."""
    say_refused(name, set(words).__contains__, label)


def look_up_day(name: str, label: str) -> None:
    """Before a widget that shows a day."""
    say_refused(name, _is_day, label)


def say_refused(name: str, is_known: Callable[[str], bool], label: str) -> None:
    """Say what of a parameter is not known, until the choice is changed or the person has understood."""
    refused: dict[str, tuple[Sequence[str], Sequence[str]]] = st.session_state.setdefault(REFUSED, {})
    asked = st.query_params.get_all(name)
    known = [value for value in asked if is_known(value)]
    if known != asked:
        refused[name] = ([value for value in asked if value not in known], known)
    elif name in refused and refused[name][1] != asked:
        del refused[name]
    if name in refused:
        _say(name, label, ", ".join(refused[name][0]))


def asked_of(name: str) -> Any:
    """The value of a widget further down the page; before it was ever drawn, what a link asks of it."""
    return st.session_state[name] if name in st.session_state else st.query_params.get(name)


def _say(name: str, label: str, values: str) -> None:
    words = text("The link asks for {label} {values}, which there is not here. It is not applied.", label=label, values=values)
    st.warning(plain(words), icon=":material/link_off:")
    st.button(text("Understood"), key=f"understood_{name}", on_click=st.session_state[REFUSED].pop, args=(name,), type="tertiary")


def _is_day(word: str) -> bool:
    try:
        date.fromisoformat(word)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    import dashboard

    dashboard.main()
