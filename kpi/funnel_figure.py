"""The funnel as a Plotly figure: who stands out is told by shape, who has few events by a hollow dot."""

from collections.abc import Sequence
from html import escape
from math import log10
from typing import Any

import numpy as np
import pandas  # noqa: F401 (Plotly imports it lazily: the threads of the first viewers would meet it half-imported)
import plotly.graph_objects as go

from kpi.compare import Comparison, Peer
from kpi.figures import CONCERN, LINE, QUIET, TARGET, drawing, value_axis
from kpi.spc.funnel import Array, Funnel
from kpi.words import text
from kpi.words.comparisons import note_text, range_text, tier_text
from kpi.words.values import count_text, value_text

CURVE_POINTS = 80
WIDE = 20.0
"""Of the largest n to the smallest: beyond, n is on a logarithmic axis."""

MARGIN = 1.15


def funnel_figure(found: Comparison, currency: str) -> go.Figure:
    """Each unit at its n and value, the centre, limits at 2 and 3 sigmas, the target; `customdata` is the unit's name."""
    shape = found.funnel
    shown = [one for one in found.peers if one.value is not None]
    if shape is None or not shown:
        return go.Figure()
    ends = _ends(found, shown)
    centre = text("all together {value}", value=value_text(shape.centre, found.kpi.unit, currency))
    aim = text("target {value}", value=value_text(found.aim, found.kpi.unit, currency))
    traces = {
        **_curves(found, shape, ends),
        "centre": _level(shape.centre, ends, centre, QUIET, "solid"),
        "aim": _level(found.aim, ends, aim, TARGET, "dashdot"),
        **_dots(found, shown, currency),
    }
    return drawing(traces, _layout(found, shown, currency, ends))


def _ends(found: Comparison, shown: Sequence[Peer]) -> tuple[float, float]:
    """Of the axis of n."""
    events = [one.events for one in shown if one.events]
    return max(min(events, default=1.0) / MARGIN, 0.8), max(events, default=found.kpi.floor) * MARGIN


def _is_wide(ends: tuple[float, float]) -> bool:
    return ends[1] > WIDE * ends[0]


def _curves(found: Comparison, shape: Funnel, ends: tuple[float, float]) -> dict[str, go.Scatter]:
    """The limits where units are judged: from the floor on."""
    n = np.geomspace(min(max(ends[0], found.kpi.floor), ends[1]), ends[1], CURVE_POINTS)
    traces = {}
    for sigmas, dash, name in ((2.0, "dot", text("2 sigma limits")), (3.0, "dash", text("3 sigma limits"))):
        lower, upper = (np.clip(line, *found.kpi.range) for line in shape.limits(n, sigmas))
        traces |= {f"{dash} below": _curve(n, lower, name, dash), f"{dash} above": _curve(n, upper, name, dash).update(showlegend=False)}
    return traces


def _curve(n: Array, values: Array, name: str, dash: str) -> go.Scatter:
    line = {"color": QUIET, "dash": dash, "width": 1.5}
    return go.Scatter(x=n, y=values, mode="lines", name=name, legendgroup=name, line=line, hoverinfo="skip")


def _level(value: float | None, ends: tuple[float, float], name: str, colour: str, dash: str) -> go.Scatter | None:
    if value is None:
        return None
    line = {"color": colour, "dash": dash, "width": 2 if dash == "dashdot" else 1}
    return go.Scatter(x=list(ends), y=[value, value], mode="lines", name=name, line=line, hoverinfo="skip")


def _dots(found: Comparison, shown: Sequence[Peer], currency: str) -> dict[str, go.Scatter | None]:
    """One trace for each kind, so that the legend says what a shape means."""
    rises = found.kpi.better == "higher"
    worse, better = ("triangle-down", "triangle-up") if rises else ("triangle-up", "triangle-down")
    kinds = [
        ("within", [one for one in shown if one.is_judged and not one.is_unlike], _marker("circle", LINE, 8)),
        ("not judged", [one for one in shown if not one.is_judged], _marker("circle-open", QUIET, 8)),
        ("better than the others", [one for one in shown if one.is_unlike and not one.is_worse], _marker(better, LINE, 13)),
        ("worse than the others", [one for one in shown if one.is_unlike and one.is_worse], _marker(worse, CONCERN, 13)),
    ]
    return {name: _kind(text(name), peers, marker, found, currency) for name, peers, marker in kinds}


def _marker(symbol: str, colour: str, size: int) -> dict[str, Any]:
    return {"symbol": symbol, "color": colour, "size": size, "line": {"width": 1.5, "color": colour}}


def _kind(name: str, peers: Sequence[Peer], marker: dict[str, Any], found: Comparison, currency: str) -> go.Scatter | None:
    if not peers:
        return None
    return go.Scatter(
        x=[one.events for one in peers],
        y=[one.value for one in peers],
        customdata=[one.name for one in peers],
        text=[_hover(one, found, currency) for one in peers],
        hoverinfo="text",
        mode="markers",
        name=name,
        marker=marker,
        unselected={"marker": {"opacity": 0.5}},
    )


def _hover(one: Peer, found: Comparison, currency: str) -> str:
    unit = found.kpi.unit
    own = text("own value {value}", value=value_text(one.answer.value, unit, currency)) if one.adjusted is not None else ""
    lines = [
        one.name,
        text("{value}, n = {n}", value=value_text(one.value, unit, currency), n=count_text(one.answer.n)),
        own,
        text("95 % interval {range}", range=range_text(one.interval, one, currency)) if one.interval else "",
        text("tier {tier}", tier=tier_text(one, found)) if one.tier else "",
        note_text(one),
    ]
    return "<br>".join(escape(line) for line in lines if line)


def _layout(found: Comparison, shown: Sequence[Peer], currency: str, ends: tuple[float, float]) -> dict[str, Any]:
    values = [one.value for one in shown if one.value is not None] + ([found.aim] if found.aim is not None else [])
    wide = _is_wide(ends)
    first, last = (log10(end) if wide else end for end in ends)
    return {
        "height": 440,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hovermode": "closest",
        "dragmode": "zoom",
        "legend": {"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top"},
        "xaxis": {
            "title": {"text": text("Events (n)")},
            "type": "log" if wide else "linear",
            "autorangeoptions": {"minallowed": first, "maxallowed": last},  # no "range": one that new data move would end a zoom
            "tickformat": ",d",
            "automargin": True,
            **({"dtick": 1} if wide else {"nticks": 6}),
        },
        "yaxis": {"automargin": True} | value_axis(values, found.kpi.unit, currency),
    }
