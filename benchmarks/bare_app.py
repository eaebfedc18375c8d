"""A page that shows the overview's figures and knows nothing of how they came about: what Streamlit alone costs.

Reads ready texts and drawings from the file that `KPI_FIGURES` names, every five seconds.
"""

import json
import os
from pathlib import Path

import streamlit as st


@st.fragment(run_every=5)
def _figures() -> None:
    cards = json.loads(Path(os.environ["KPI_FIGURES"]).read_text())
    for start in range(0, len(cards), 3):
        for column, card in zip(st.columns(3), cards[start : start + 3], strict=False):
            with column.container(border=True, height="stretch"):
                st.metric(card["label"], card["value"], delta=card["delta"])
                for words in card["captions"]:
                    st.caption(words)
                st.image(card["course"], width="stretch")


st.set_page_config(layout="wide")
st.title("Overview")
_figures()
