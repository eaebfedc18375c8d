"""A figure in its place: new data change what is drawn, and the viewer's zoom, hidden lines and chosen point stay."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from kpi.figures import SCRIPT_VERSION

SCRIPT_PATH = f"/plotly-{SCRIPT_VERSION}.min.js"

HERE = Path(__file__).parent
PLOT = st.components.v2.component(
    "plot",
    html='<div class="plot" role="figure"></div>',
    css=(HERE / "plot.css").read_text(encoding="utf-8"),
    js=(HERE / "plot.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def show_plot(figure: str, key: str, alt: str, question: object, chosen: str | None, take: Callable[[str], None]) -> None:
    """Draw a figure, given as JSON; another `question` starts with axes of its own.

    `chosen` is the `customdata` of the point to stand out, and `take` gets that of a point that is clicked.
    """

    def take_clicked() -> None:
        take(st.session_state[key]["clicked"])

    PLOT(
        key=key,
        data={"figure": figure, "alt": alt, "question": repr(question), "chosen": chosen, "script": SCRIPT_PATH},
        on_clicked_change=take_clicked,
    )


if __name__ == "__main__":
    import dashboard

    dashboard.main()
